import { sessionOptions } from "../infer/session.ts"
import { loadOrt } from "../native.ts"
import { createGraph } from "../onnx/graph.ts"
import { type Affine, affine, feedsOf, type Looks, type PatchShape, tapInput } from "./extractor.ts"
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

/** How a head shares out the kinds in a few cells: of each cell, the logarithms of their probabilities, OK left out. */
export type KindLook = readonly (readonly number[])[]

/** What a head makes of one image. */
export type HeadLook = {
  /** NG logit of every cell, logsumexp of the kinds minus OK: above zero the head sees a defect. */
  ng: Float32Array
  kinds: (cells: readonly number[]) => KindLook
}
export type HeadEngine = {
  /** `distances` are the last column of the head's input. */
  look: (looks: Looks, distances: Float32Array) => Promise<HeadLook>
  release: () => Promise<void>
}

/** The head's part that is linear in the features; `distanceWeights` is the rest of its weights. */
export function foldHead({ weight, bias, classes, dim }: Head): Affine {
  const own = dim - 1
  const matrix = new Float32Array(classes * own)
  for (let c = 0; c < classes; c++) matrix.set(weight.subarray(c * dim, c * dim + own), c * own)
  return { rows: classes, weight: matrix, bias }
}

/** What each class gives for the bank distance. */
export function distanceWeights({ weight, classes, dim }: Head): Float32Array {
  return Float32Array.from({ length: classes }, (_, c) => weight[(c + 1) * dim - 1]!)
}

/** A fitted head in onnxruntime, in the form it has in the model; plain loops took a tenth of a training. */
export async function openHead(head: Head, shape: PatchShape): Promise<HeadEngine> {
  const { classes } = head
  const { cells } = shape
  const graph = createGraph("h/")
  graph.input("distance", [1, cells])
  const own = affine(graph, shape, foldHead(head), "h/head", tapInput(graph))
  graph.f32("v", [classes, 1], distanceWeights(head))
  const logits = graph.node("Add", [own, graph.node("Mul", ["v", "distance"])])
  graph.i64("okrest", [1, classes - 1])
  graph.node("Split", [logits, "okrest"], { axis: 0 }, ["ok", "kinds"])
  const sum = graph.node("ReduceLogSumExp", ["kinds"], { axes: { ints: [0] }, keepdims: 1 })
  graph.node("Sub", [sum, "ok"], {}, ["ng"])
  graph.node("Sub", ["kinds", sum], {}, ["shares"])
  graph.output("ng", [1, cells])
  graph.output("shares", [classes - 1, cells])
  const ort = await loadOrt()
  const session = await ort.InferenceSession.create(graph.model(13), sessionOptions)
  return {
    look: async (looks, distances) => {
      const distance = new ort.Tensor("float32", distances, [1, cells])
      const out = await session.run({ ...(await feedsOf(shape, looks)), distance })
      const shares = out.shares!.data as Float32Array
      return {
        ng: out.ng!.data as Float32Array,
        kinds: (of) =>
          of.map((cell) => Array.from({ length: classes - 1 }, (_, kind) => shares[kind * cells + cell]!)),
      }
    },
    release: async () => await session.release(),
  }
}
