import { sessionOptions } from "../infer/session.ts"
import { loadOrt } from "../native.ts"
import { createGraph } from "../onnx/graph.ts"
import { minimise } from "./minimise.ts"

/**
 * Per-patch linear head: softmax over {OK, kind 1, kind 2, …} on standardised patch features. Linear, so it
 * becomes a 1x1 convolution in the model.
 */
export type Head = {
  /** [classes, dim], row-major, on raw input (standardisation folded in); the last column is the bank distance. */
  weight: Float32Array
  bias: Float32Array
  classes: number
  dim: number
}

export type HeadSample = {
  /** Raw patch features [count, dim]. */
  rows: Float32Array
  labels: Int32Array
  /** Importance of each row; the sum is free. */
  weights: Float32Array
  count: number
  dim: number
  classes: number
}

export type HeadOptions = { l2: number; iterations: number }

/**
 * Weighted softmax regression, full batch, L-BFGS. Loss and gradient run in onnxruntime as matrix products, ten
 * times faster than loops here. Deterministic: no sampling, one thread. Convex, so the start does not matter.
 */
export async function fitHead(
  sample: HeadSample,
  scale: { mean: Float32Array; std: Float32Array },
  { l2, iterations }: HeadOptions,
): Promise<Head> {
  const { dim, classes } = sample
  const objective = await openObjective(sample, scale)
  const weights = classes * dim
  const theta = await minimise(
    async (point, gradient) => {
      let loss = await objective.evaluate(point, gradient)
      for (let j = 0; j < weights; j++) {
        loss += 0.5 * l2 * point[j]! ** 2
        gradient[j]! += l2 * point[j]!
      }
      return loss
    },
    weights + classes,
    iterations,
  )
  await objective.release()
  const weight = new Float32Array(weights)
  const bias = new Float32Array(classes)
  for (let c = 0; c < classes; c++) {
    let offset = theta[weights + c]!
    for (let d = 0; d < dim; d++) {
      const w = theta[c * dim + d]! / scale.std[d]!
      weight[c * dim + d] = w
      offset -= w * scale.mean[d]!
    }
    bias[c] = offset
  }
  return { weight, bias, classes, dim }
}

/** Cross-entropy and its gradient at `theta` = [W (classes x dim), b (classes)] as one small graph. */
async function openObjective(sample: HeadSample, scale: { mean: Float32Array; std: Float32Array }) {
  const { count, dim, classes } = sample
  const x = new Float32Array(count * dim)
  for (let i = 0; i < count; i++) {
    for (let d = 0; d < dim; d++)
      x[i * dim + d] = (sample.rows[i * dim + d]! - scale.mean[d]!) / scale.std[d]!
  }
  const total = sample.weights.reduce((sum, w) => sum + w, 0)
  const target = new Float32Array(count * classes)
  for (let i = 0; i < count; i++) target[i * classes + sample.labels[i]!] = 1
  const graph = createGraph("h/")
  graph.input("W", [classes, dim])
  graph.input("b", [classes])
  graph.f32("x", [count, dim], x)
  graph.f32("y", [count, classes], target)
  graph.f32(
    "w",
    [count, 1],
    sample.weights.map((w) => w / total),
  )
  const logits = graph.node("Gemm", ["x", "W", "b"], { transB: 1 })
  const logProbs = graph.node("LogSoftmax", [logits], { axis: 1 })
  const picked = graph.node("Mul", [graph.node("Mul", [logProbs, "y"]), "w"])
  graph.node("Neg", [graph.node("ReduceSum", [picked], { keepdims: 0 })], {}, ["loss"])
  const residual = graph.node("Mul", [graph.node("Sub", [graph.node("Exp", [logProbs]), "y"]), "w"])
  graph.node("Gemm", [residual, "x"], { transA: 1 }, ["dW"])
  graph.i64("rows", [0])
  graph.node("ReduceSum", [residual, "rows"], { keepdims: 0 }, ["db"])
  graph.output("loss", [])
  graph.output("dW", [classes, dim])
  graph.output("db", [classes])
  const ort = await loadOrt()
  const session = await ort.InferenceSession.create(graph.model(13), sessionOptions)
  return {
    evaluate: async (theta: Float64Array, gradient: Float64Array): Promise<number> => {
      const out = await session.run({
        W: new ort.Tensor("float32", Float32Array.from(theta.subarray(0, classes * dim)), [classes, dim]),
        b: new ort.Tensor("float32", Float32Array.from(theta.subarray(classes * dim)), [classes]),
      })
      gradient.set(out.dW!.data as Float32Array)
      gradient.set(out.db!.data as Float32Array, classes * dim)
      return (out.loss!.data as Float32Array)[0]!
    },
    release: async () => await session.release(),
  }
}

/** What a head makes of one image. */
export type HeadLook = {
  /** NG logit of every cell, logsumexp of the kinds minus OK: above zero the head sees a defect. */
  ng: Float32Array
  /** How it shares out the kinds over some cells: the mean of their probabilities, OK left out. */
  kinds: (cells: readonly number[]) => number[]
}
export type HeadEngine = {
  /** `features` are [cells, dim - 1], `distances` the last column. */
  look: (features: Float32Array, distances: Float32Array) => Promise<HeadLook>
  release: () => Promise<void>
}

/** A fitted head as one matrix product in onnxruntime; plain loops took a tenth of a training. */
export async function openHead({ weight, bias, classes, dim }: Head, cells: number): Promise<HeadEngine> {
  const own = dim - 1
  const matrix = new Float32Array(classes * own)
  const last = new Float32Array(classes)
  for (let c = 0; c < classes; c++) {
    matrix.set(weight.subarray(c * dim, c * dim + own), c * own)
    last[c] = weight[c * dim + own]!
  }
  const graph = createGraph("h/")
  graph.input("x", [cells, own])
  graph.input("d", [cells, 1])
  graph.f32("w", [classes, own], matrix)
  graph.f32("v", [1, classes], last)
  graph.f32("b", [classes], bias)
  const logits = graph.node("Add", [
    graph.node("Gemm", ["x", "w", "b"], { transB: 1 }),
    graph.node("Mul", ["d", "v"]),
  ])
  graph.i64("okrest", [1, classes - 1])
  graph.node("Split", [logits, "okrest"], { axis: 1 }, ["ok", "kinds"])
  const sum = graph.node("ReduceLogSumExp", ["kinds"], { axes: { ints: [1] }, keepdims: 1 })
  graph.node("Sub", [sum, "ok"], {}, ["ng"])
  graph.node("Softmax", ["kinds"], { axis: 1 }, ["shares"])
  graph.output("ng", [cells, 1])
  graph.output("shares", [cells, classes - 1])
  const ort = await loadOrt()
  const session = await ort.InferenceSession.create(graph.model(13), sessionOptions)
  return {
    look: async (features, distances) => {
      const out = await session.run({
        x: new ort.Tensor("float32", features, [cells, own]),
        d: new ort.Tensor("float32", distances, [cells, 1]),
      })
      const shares = out.shares!.data as Float32Array
      const width = classes - 1
      return {
        ng: out.ng!.data as Float32Array,
        kinds: (of) =>
          Array.from({ length: width }, (_, kind) =>
            of.reduce((total, cell) => total + shares[cell * width + kind]! / of.length, 0),
          ),
      }
    },
    release: async () => await session.release(),
  }
}
