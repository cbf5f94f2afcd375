import type { HeadSample } from "./head.ts"

/** A patch set aside for training the head. */
export type Patch = {
  image: number
  cell: number
  /** 0 = OK. */
  label: number
  weight: number
  features: Float32Array
}

/** The `k` cells with the highest value among `cells`, highest first; ties by cell number. */
export function highest(cells: Iterable<number>, values: Float32Array, k: number): number[] {
  const best: number[] = []
  for (const cell of cells) {
    const value = values[cell]!
    const last = best.at(-1)
    if (best.length === k && (last === undefined || !ahead(value, cell, values[last]!, last))) continue
    let at = best.length
    while (at > 0 && ahead(value, cell, values[best[at - 1]!]!, best[at - 1]!)) at--
    best.splice(at, 0, cell)
    if (best.length > k) best.pop()
  }
  return best
}

const ahead = (value: number, cell: number, than: number, of: number) =>
  value > than || (value === than && cell < of)

/**
 * Stacks patches for the head. Every image of a class weighs the same however large its defect is, and OK
 * weighs as much as all kinds together, so that a logit of zero means "as likely defect as not".
 */
export function stackPatches(patches: readonly Patch[], dim: number, classes: number): HeadSample {
  const rows = new Float32Array(patches.length * dim)
  const labels = new Int32Array(patches.length)
  const weights = new Float32Array(patches.length)
  const perImage = new Map<string, number>()
  const keyOf = ({ image, label }: Patch) => `${image}/${label}`
  for (const patch of patches) perImage.set(keyOf(patch), (perImage.get(keyOf(patch)) ?? 0) + patch.weight)
  const shares = patches.map((patch) => patch.weight / perImage.get(keyOf(patch))!)
  const perClass = new Float64Array(classes)
  for (const [i, patch] of patches.entries()) perClass[patch.label]! += shares[i]!
  const kinds = perClass.reduce((count, sum, label) => count + (label > 0 && sum > 0 ? 1 : 0), 0)
  for (const [i, patch] of patches.entries()) {
    rows.set(patch.features, i * dim)
    labels[i] = patch.label
    weights[i] = shares[i]! / perClass[patch.label]! / (patch.label === 0 ? 1 : kinds)
  }
  return { rows, labels, weights, count: patches.length, dim, classes }
}
