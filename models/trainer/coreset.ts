import { type Bank, type PatchPool, unitsOf } from "./bank.ts"
import type { Random } from "./random.ts"

export type Coreset = {
  bank: Bank
  /** The bank as it would be had nobody ever seen the images of `fold`. */
  without: (fold: number) => Promise<Bank>
}

/** Terms of a squared distance between two looks at whether it is too large already. */
const terms = 8
/** Width of the sketch distances are computed on while choosing rows. */
const sketchWidth = 24

/**
 * Greedy k-center: repeatedly takes the patch farthest from all taken ones, so that rare normal texture is kept
 * and plentiful texture is not repeated.
 *
 * A bank `without` a fold starts from the rows other folds gave and goes on greedily over their patches. Merely
 * leaving the fold's rows out would not do: they were taken to stand for their neighbours too, and the hole
 * makes every good part look odd. All held-out banks together cost as much as the first one, because
 * the nearest taken row of every patch is remembered per fold.
 */
export async function coreset(pool: PatchPool, size: number, random: Random): Promise<Coreset> {
  const { rows, count, dim, folds } = pool
  const sketch = sketchOf(pool, Math.min(sketchWidth, dim), random)
  const foldCount = folds.reduce((most, fold) => Math.max(most, fold + 1), 0)
  const perFold = Array.from({ length: foldCount }, () =>
    new Float32Array(count).fill(Number.POSITIVE_INFINITY),
  )
  const everyone = Int32Array.from({ length: count }, (_, i) => i)
  const wanted = Math.min(size, count)
  const nearest = new Float32Array(count).fill(Number.POSITIVE_INFINITY)
  const taken = extend([], random.below(count), everyone, nearest, wanted, sketch, (i) => perFold[folds[i]!]!)
  return {
    bank: await bankOf(taken, rows, dim),
    without: async (fold) => {
      const others = everyone.filter((i) => folds[i] !== fold)
      // With one good group in all there is nobody else to compare with.
      if (others.length === 0) return await bankOf(taken, rows, dim)
      const kept = taken.filter((i) => folds[i] !== fold)
      const left = new Float32Array(count).fill(Number.POSITIVE_INFINITY)
      for (const [other, near] of perFold.entries()) {
        if (other === fold) continue
        for (const i of others) left[i] = Math.min(left[i]!, near[i]!)
      }
      const far = others.reduce((best, i) => (left[i]! > left[best]! ? i : best), others[0]!)
      return await bankOf(extend(kept, far, others, left, Math.min(size, others.length), sketch), rows, dim)
    },
  }
}

type Sketch = { rows: Float32Array; dim: number }

/** Takes patches among `open`, starting with `first`, until there are `wanted`; `nearest` is kept up to date. */
function extend(
  start: readonly number[],
  first: number,
  open: Int32Array,
  nearest: Float32Array,
  wanted: number,
  { rows, dim }: Sketch,
  memoryOf?: (taken: number) => Float32Array,
): number[] {
  const taken = [...start]
  let next = first
  while (taken.length < wanted && nearest[next]! > 0) {
    taken.push(next)
    const memory = memoryOf?.(next)
    const centre = rows.slice(next * dim, (next + 1) * dim)
    let far = -1
    for (let k = 0; k < open.length; k++) {
      const i = open[k]!
      const at = i * dim
      // Nothing changes unless it is nearer than what is known; most patches are known to be farther after a few terms.
      const bound = memory ? memory[i]! : nearest[i]!
      let sum = 0
      for (let d = 0; d < dim && sum < bound; d += terms) {
        const end = Math.min(dim, d + terms)
        for (let e = d; e < end; e++) {
          const diff = rows[at + e]! - centre[e]!
          sum += diff * diff
        }
      }
      if (memory && sum < bound) memory[i] = sum
      const least = Math.min(nearest[i]!, sum)
      nearest[i] = least
      if (least > far) {
        far = least
        next = i
      }
    }
  }
  return taken
}

/** Rows as half floats, as they are stored in the model: the trainer computes with the very same values. */
async function bankOf(taken: readonly number[], rows: Float32Array, dim: number): Promise<Bank> {
  const bank = new Float32Array(taken.length * dim)
  for (const [k, i] of taken.entries()) {
    bank.set(Float16Array.from(rows.subarray(i * dim, (i + 1) * dim)), k * dim)
  }
  return { rows: bank, units: await unitsOf(bank, taken.length, dim), size: taken.length, dim }
}

function sketchOf({ rows, count, dim }: PatchPool, to: number, random: Random): Sketch {
  if (to === dim) return { rows: rows.slice(0, count * dim), dim }
  const matrix = Float32Array.from({ length: to * dim }, () => random.normal() / Math.sqrt(to))
  const out = new Float32Array(count * to)
  for (let i = 0; i < count; i++) {
    for (let o = 0; o < to; o++) {
      let sum = 0
      for (let d = 0; d < dim; d++) sum += matrix[o * dim + d]! * rows[i * dim + d]!
      out[i * to + o] = sum
    }
  }
  return { rows: out, dim: to }
}
