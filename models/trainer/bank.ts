import { sessionOptions } from "../infer/session.ts"
import { loadOrt } from "../native.ts"
import { createGraph } from "../onnx/graph.ts"
import { type Affine, affine, feedsOf, type Looks, type PatchShape, tapInput } from "./extractor.ts"
import type { Random } from "./random.ts"

/**
 * Step in front of the bank: z = P (x - mean) / unit, one unit for all channels. A channel that hardly moves on good parts is
 * noise of the trunk more often than a promise of theirs; each in its own spread, such channels outshout the others.
 * A random orthogonal-ish projection keeps distances (Johnson-Lindenstrauss) and makes the distance product three times cheaper.
 */
export type Projection = {
  mean: Float32Array
  /** Spread of every channel: what the head stands on. */
  std: Float32Array
  /** Root of their mean square. */
  unit: number
  rows: Float32Array
  from: number
  to: number
}

/**
 * Memory bank of normal patches: `size` rows of `dim` numbers, and the unit each row measures distances in: where good
 * surface varies much, the same distance says less.
 */
export type Bank = { rows: Float32Array; units: Float32Array; size: number; dim: number }

/** Nearest rows whose mean distance is taken for how far apart good patches lie there. */
const neighbours = 5

/**
 * The unit of every row of a bank: the root of its mean distance to its nearest other rows, over that of the middle
 * row. In the full distance as unit a defect among varied texture gets lost, with none a rough edge outshouts it: on
 * photographs of parts half way beat both or lost next to nothing to either.
 */
export async function unitsOf(rows: Float32Array, size: number, dim: number): Promise<Float32Array> {
  const others = Math.min(neighbours, size - 1)
  if (others < 1) return new Float32Array(size).fill(1)
  const nearest = await nearestOthers(rows, size, dim, others)
  const spacing = Float32Array.from({ length: size }, (_, k) => {
    let sum = 0
    for (let n = 0; n < others; n++) sum += Math.sqrt(Math.max(0, nearest[k * others + n]!))
    return sum / others
  })
  const middle = spacing.toSorted()[size >> 1]! || 1
  // A row that has copies is not worth nothing: a tenth of the middle is the least.
  return spacing.map((own) => Math.sqrt(Math.max(0.1, own / middle)))
}

/** Squared distances of every row to its nearest other ones, [size, wanted]. */
async function nearestOthers(
  rows: Float32Array,
  size: number,
  dim: number,
  wanted: number,
): Promise<Float32Array> {
  const graph = createGraph("u/")
  graph.input("x", [size, dim])
  const norms = graph.node("ReduceSumSquare", ["x"], { axes: { ints: [1] }, keepdims: 1 })
  graph.f32("two", [1], Float32Array.of(-2))
  const inner = graph.node("Gemm", [graph.node("Mul", ["x", "two"]), "x", norms], { transB: 1 })
  const turned = graph.node("Transpose", [norms], { perm: { ints: [1, 0] } })
  const squares = graph.node("Add", [inner, turned])
  // Each row is its own nearest.
  graph.i64("k", [wanted + 1])
  const near = graph.node("TopK", [squares, "k"], { axis: 1, largest: 0 }, ["near", "at"])
  graph.i64("self", [1, wanted])
  graph.node("Split", [near, "self"], { axis: 1 }, ["own", "others"])
  graph.output("others", [size, wanted])
  const ort = await loadOrt()
  const session = await ort.InferenceSession.create(graph.model(13), sessionOptions)
  const out = await session.run({ x: new ort.Tensor("float32", rows, [size, dim]) })
  await session.release()
  return out.others!.data as Float32Array
}

/** Patches drawn from good images, row-major, and the fold of the image each came from. */
export type PatchPool = { rows: Float32Array; folds: Int32Array; count: number; dim: number }

export function fitProjection({ rows, count, dim }: PatchPool, to: number, random: Random): Projection {
  const mean = new Float64Array(dim)
  const square = new Float64Array(dim)
  for (let i = 0; i < count; i++) {
    for (let d = 0; d < dim; d++) {
      const x = rows[i * dim + d]!
      mean[d]! += x
      square[d]! += x * x
    }
  }
  const std = new Float32Array(dim)
  for (let d = 0; d < dim; d++) {
    mean[d]! /= count
    std[d] = Math.sqrt(Math.max(square[d]! / count - mean[d]! ** 2, 1e-12)) + 1e-6
  }
  const unit = Math.sqrt(std.reduce((sum, own) => sum + own * own, 0) / dim)
  const matrix = new Float32Array(to * dim)
  if (to === dim) for (let d = 0; d < dim; d++) matrix[d * dim + d] = 1
  else for (let i = 0; i < matrix.length; i++) matrix[i] = random.normal() / Math.sqrt(to)
  return { mean: Float32Array.from(mean), std, unit, rows: matrix, from: dim, to }
}

/** The projection as one affine map of raw features: z = W x + b, W row-major [to, from]. */
export function foldProjection({ mean, unit, rows, from, to }: Projection): Affine {
  const weight = new Float32Array(to * from)
  const bias = new Float32Array(to)
  for (let o = 0; o < to; o++) {
    let offset = 0
    for (let d = 0; d < from; d++) {
      const w = rows[o * from + d]! / unit
      weight[o * from + d] = w
      offset -= w * mean[d]!
    }
    bias[o] = offset
  }
  return { rows: to, weight, bias }
}

export type DistanceEngine = {
  /** Distance of each patch to its nearest bank row in that row's unit, [cells]. */
  distances: (looks: Looks) => Promise<Float32Array>
  release: () => Promise<void>
}

/** onnxruntime as matrix library: tens of GFLOP/s on one core, where plain loops reach one. */
export async function openDistances(
  projection: Projection,
  bank: Bank,
  shape: PatchShape,
): Promise<DistanceEngine> {
  const graph = createGraph("d/")
  const z = affine(graph, shape, foldProjection(projection), "d/project", tapInput(graph))
  const { minusTwo, norms, perUnit } = bankTerms(bank)
  graph.f32("m", [bank.size, bank.dim], minusTwo)
  graph.f32("u", [bank.size, 1], perUnit)
  graph.f32("n", [bank.size, 1], norms)
  const terms = graph.node("Concat", ["m", "u"], { axis: 1 })
  const norm = graph.node("ReduceSumSquare", [z], { axes: { ints: [0] }, keepdims: 1 })
  const squares = graph.node("Gemm", [terms, graph.node("Concat", [z, norm], { axis: 0 }), "n"])
  const least = graph.node("ReduceMin", [squares], { axes: { ints: [0] }, keepdims: 0 })
  graph.node("Sqrt", [graph.node("Relu", [least])], {}, ["distance"])
  graph.output("distance", [shape.cells])
  const ort = await loadOrt()
  const session = await ort.InferenceSession.create(graph.model(13), sessionOptions)
  return {
    distances: async (looks) => {
      const out = await session.run(await feedsOf(shape, looks))
      return out.distance!.data as Float32Array
    },
    release: async () => await session.release(),
  }
}

/**
 * The bank as the terms of (|z|² - 2 z·b + |b|²) / u²: rows times -2/u², what |z|² counts with, and |b|²/u². With
 * |z|² as one more column of z all of it is one matrix product.
 */
export function bankTerms({ rows, units, size, dim }: Bank): {
  minusTwo: Float32Array
  perUnit: Float32Array
  norms: Float32Array
} {
  const perUnit = units.map((unit) => 1 / unit ** 2)
  const norms = new Float32Array(size)
  for (let k = 0; k < size; k++) {
    let sum = 0
    for (let d = 0; d < dim; d++) sum += rows[k * dim + d]! ** 2
    norms[k] = sum * perUnit[k]!
  }
  return { minusTwo: rows.map((value, i) => -2 * value * perUnit[Math.floor(i / dim)]!), perUnit, norms }
}
