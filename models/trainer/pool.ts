import { sessionOptions } from "../infer/session.ts"
import { loadOrt } from "../native.ts"
import { createGraph } from "../onnx/graph.ts"
import { foldProjection, type PatchPool, type Projection } from "./bank.ts"
import { layOut, type PatchShape, type Trunk } from "./extractor.ts"
import type { Random } from "./random.ts"
import type { TrainingImage } from "./samples.ts"

/** Patches drawn from good images before the coreset; more costs time and no longer changes the bank. */
const poolSize = 32_000

/** Draws random patches from all good images, equally many from each. */
export async function samplePool(
  good: readonly { image: TrainingImage; fold: number }[],
  trunk: Trunk,
  shape: PatchShape,
  random: Random,
  onDone: (share: number) => void,
): Promise<PatchPool> {
  const { cells, dim } = shape
  const perImage = Math.min(cells, Math.ceil(poolSize / good.length))
  const rows = new Float32Array(good.length * perImage * dim)
  const folds = new Int32Array(good.length * perImage)
  const all = Array.from({ length: cells }, (_, cell) => cell)
  let count = 0
  for (const [i, { image, fold }] of good.entries()) {
    const looks = await trunk.look(image.pixels)
    for (const cell of random.shuffled(all).slice(0, perImage)) {
      layOut(shape, looks, cell, rows, count * dim)
      folds[count++] = fold
    }
    onDone((i + 1) / good.length)
  }
  return { rows, folds, count, dim }
}

/** The pool in the bank's space; one matrix product. */
export async function projectPool(pool: PatchPool, by: Projection): Promise<PatchPool> {
  const { weight, bias } = foldProjection(by)
  const graph = createGraph("p/")
  graph.input("x", ["n", by.from])
  graph.f32("w", [by.to, by.from], weight)
  graph.f32("b", [by.to], bias)
  graph.node("Gemm", ["x", "w", "b"], { transB: 1 }, ["z"])
  graph.output("z", ["n", by.to])
  const ort = await loadOrt()
  const session = await ort.InferenceSession.create(graph.model(13), sessionOptions)
  const rows = pool.rows.subarray(0, pool.count * by.from)
  const out = await session.run({ x: new ort.Tensor("float32", rows, [pool.count, by.from]) })
  await session.release()
  return { ...pool, rows: out.z!.data as Float32Array, dim: by.to }
}
