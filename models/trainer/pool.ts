import { foldProjection, type PatchPool, type Projection } from "./bank.ts"
import type { Extractor } from "./extractor.ts"
import type { Random } from "./random.ts"
import type { TrainingImage } from "./samples.ts"

/** Patches drawn from good images before the coreset; more costs time and no longer changes the bank. */
const poolSize = 32_000

/** Draws random patches from all good images, equally many from each. */
export async function samplePool(
  good: readonly { image: TrainingImage; fold: number }[],
  extractor: Extractor,
  random: Random,
  onDone: (share: number) => void,
): Promise<PatchPool> {
  const { cells, dim } = extractor.shape
  const perImage = Math.min(cells, Math.ceil(poolSize / good.length))
  const rows = new Float32Array(good.length * perImage * dim)
  const folds = new Int32Array(good.length * perImage)
  const all = Array.from({ length: cells }, (_, cell) => cell)
  let count = 0
  for (const [i, { image, fold }] of good.entries()) {
    const features = await extractor.features(image.pixels)
    for (const cell of random.shuffled(all).slice(0, perImage)) {
      rows.set(features.subarray(cell * dim, (cell + 1) * dim), count * dim)
      folds[count++] = fold
    }
    onDone((i + 1) / good.length)
  }
  return { rows, folds, count, dim }
}

/** The pool in the bank's space. */
export function projectPool(pool: PatchPool, by: Projection): PatchPool {
  const { weight, bias } = foldProjection(by)
  const rows = new Float32Array(pool.count * by.to)
  for (let i = 0; i < pool.count; i++) {
    for (let o = 0; o < by.to; o++) {
      let sum = bias[o]!
      for (let d = 0; d < by.from; d++) sum += weight[o * by.from + d]! * pool.rows[i * by.from + d]!
      rows[i * by.to + o] = sum
    }
  }
  return { ...pool, rows, dim: by.to }
}
