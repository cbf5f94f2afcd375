import { type Neighbour, scaleOf, scan } from "./vector-index.ts"

/** Parts nearer to one that is judged or picked than this are copies of it: another look at them teaches nothing. */
const leastDistance = 0.002

/**
 * Which of many parts to look at so that few looks cover all there is: greedy k-center over the angles between their
 * embeddings. Each pick is the part farthest from everything judged or picked so far, its distance times its weight, so
 * that of two odd parts the doubtful one comes first.
 */
export type Coverage = {
  size: () => number
  /** A part that may be picked. */
  add: (key: number, vector: Int8Array, weight: number) => void
  /** A part that has been judged: what looks like it is covered. One pass over all that may be picked. */
  cover: (vector: Int8Array) => void
  /** The next one, covered with it; undefined when what is left are copies. The first of all is the most typical. */
  pick: () => Neighbour | undefined
}

export function createCoverage(dim: number): Coverage {
  const keys: number[] = []
  const weights: number[] = []
  const parts: Int8Array[] = []
  let packed:
    | { vectors: Int8Array; scales: Float32Array; scores: Float32Array; nearest: Float32Array }
    | undefined
  let covered = false

  /** All vectors in one block, once the first look is taken. */
  const all = () => {
    if (packed?.scales.length === keys.length) return packed
    const vectors = new Int8Array(keys.length * dim)
    for (const [i, part] of parts.entries()) vectors.set(part, i * dim)
    const nearest = new Float32Array(keys.length).fill(-1)
    if (packed) nearest.set(packed.nearest)
    packed = {
      vectors,
      scales: Float32Array.from(parts, scaleOf),
      scores: new Float32Array(keys.length),
      nearest,
    }
    return packed
  }
  const cover = (vector: Int8Array) => {
    const { vectors, scales, scores, nearest } = all()
    scan(vectors, vector, scales, scaleOf(vector), scores, keys.length)
    for (let i = 0; i < keys.length; i++) if (scores[i]! > nearest[i]!) nearest[i] = scores[i]!
    covered = true
  }
  /** The part nearest to the middle of all of them. */
  const typical = (): number => {
    const { vectors, scales, scores } = all()
    const middle = new Float64Array(dim)
    for (let i = 0; i < keys.length; i++)
      for (let d = 0; d < dim; d++) middle[d]! += vectors[i * dim + d]! * scales[i]!
    const most = middle.reduce((largest, x) => Math.max(largest, Math.abs(x)), 1e-12)
    const direction = Int8Array.from(middle, (x) => Math.round((x / most) * 127))
    scan(vectors, direction, scales, scaleOf(direction), scores, keys.length)
    return scores.reduce((best, score, i) => (score > scores[best]! ? i : best), 0)
  }
  const farthest = (): number => {
    const { nearest } = all()
    let best = 0
    let most = -1
    for (let i = 0; i < keys.length; i++) {
      const worth = weights[i]! * (1 - nearest[i]!)
      if (worth > most) [best, most] = [i, worth]
    }
    return best
  }
  return {
    size: () => keys.length,
    add: (key, vector, weight) => {
      if (vector.length !== dim) throw new RangeError(`a vector of ${vector.length} numbers, not ${dim}`)
      keys.push(key)
      weights.push(weight)
      parts.push(vector)
    },
    cover,
    pick: () => {
      if (keys.length === 0) return undefined
      const at = covered ? farthest() : typical()
      const similarity = Math.max(-1, all().nearest[at]!)
      if (covered && 1 - similarity < leastDistance) return undefined
      cover(parts[at]!)
      // Also one of no length, which is like nothing and would be picked for ever.
      all().nearest[at] = 1
      return { key: keys[at]!, similarity }
    },
  }
}

/** How early a pick comes, in three steps: the first third of them 3, the last 1. */
export const stepOf = (place: number, picks: number): number => 3 - Math.floor((3 * place) / picks)

/** A part that a model doubts fully weighs twice one that it is sure of. `doubt` in 0..1. */
export const weightOf = (doubt: number): number => (1 + doubt) / 2
