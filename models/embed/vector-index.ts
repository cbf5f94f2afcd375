/** Vectors of one length in one block of memory, found again by a number. */
export type VectorIndex = {
  size: () => number
  add: (key: number, vector: Int8Array) => void
  /**
   * The nearest to `query` first, by the cosine of the angle, at most `count`. Exact: every vector is looked at. `accept`
   * picks among keys, a batch at a time, and is asked only about those that are near enough.
   */
  nearest: (query: Int8Array, count: number, accept?: Accept) => Neighbour[]
}
export type Neighbour = { key: number; similarity: number }
export type Accept = (keys: readonly number[]) => ReadonlySet<number>

/** How many candidates a filter is asked about at a time. */
const batch = 512

export function createVectorIndex(dim: number): VectorIndex {
  let keys = new Float64Array(1024)
  let vectors = new Int8Array(1024 * dim)
  /** One over the length of each vector; 0 for one of no length, which is like nothing. */
  let scales = new Float32Array(1024)
  let scores = new Float32Array(1024)
  let size = 0

  const grow = () => {
    const capacity = keys.length * 2
    const [moreKeys, moreVectors, moreScales] = [
      new Float64Array(capacity),
      new Int8Array(capacity * dim),
      new Float32Array(capacity),
    ]
    moreKeys.set(keys)
    moreVectors.set(vectors)
    moreScales.set(scales)
    ;[keys, vectors, scales, scores] = [moreKeys, moreVectors, moreScales, new Float32Array(capacity)]
  }
  return {
    size: () => size,
    add: (key, vector) => {
      if (vector.length !== dim) throw new RangeError(`a vector of ${vector.length} numbers, not ${dim}`)
      if (size === keys.length) grow()
      keys[size] = key
      vectors.set(vector, size * dim)
      scales[size] = scaleOf(vector)
      size += 1
    },
    nearest: (query, count, accept) => {
      if (query.length !== dim) throw new RangeError(`a vector of ${query.length} numbers, not ${dim}`)
      scan(vectors, query, scales, scaleOf(query), scores, size)
      const found: Neighbour[] = []
      // Most searches end in the first round; a filter that few pass goes on further down.
      for (let wanted = Math.max(batch, count); ; wanted *= 8) {
        const order = topOf(scores, size, wanted)
        found.length = 0
        for (let from = 0; from < order.length && found.length < count; from += batch) {
          const some = order.slice(from, from + batch)
          const passed = accept?.(some.map((i) => keys[i]!))
          for (const i of some) {
            if (found.length === count) break
            if (passed && !passed.has(keys[i]!)) continue
            found.push({ key: keys[i]!, similarity: scores[i]! })
          }
        }
        if (found.length === count || order.length === size) return found
      }
    },
  }
}

/** One over the length of a vector; 0 for one of no length. */
export function scaleOf(vector: Int8Array): number {
  let sum = 0
  for (const x of vector) sum += x * x
  return sum === 0 ? 0 : 1 / Math.sqrt(sum)
}

/**
 * Cosines of the first `size` vectors with `query`, into `scores`.
 * Four sums side by side: the processor need not wait for one before it begins the next. Whole numbers all the way, the
 * query widened once, one place that only moves on: forms with less care ran half as fast.
 */
export function scan(
  vectors: Int8Array,
  query: Int8Array,
  scales: Float32Array,
  scale: number,
  scores: Float32Array,
  size: number,
): void {
  const wide = Int32Array.from(query)
  const dim = wide.length
  const even = dim - (dim % 4)
  let at = 0
  for (let i = 0; i < size; i++) {
    let a = 0
    let b = 0
    let c = 0
    let d = 0
    for (let j = 0; j < even; j += 4) {
      a = (a + Math.imul(vectors[at]!, wide[j]!)) | 0
      b = (b + Math.imul(vectors[at + 1]!, wide[j + 1]!)) | 0
      c = (c + Math.imul(vectors[at + 2]!, wide[j + 2]!)) | 0
      d = (d + Math.imul(vectors[at + 3]!, wide[j + 3]!)) | 0
      at = (at + 4) | 0
    }
    for (let j = even; j < dim; j++) a = (a + Math.imul(vectors[at++]!, wide[j]!)) | 0
    scores[i] = (a + b + c + d) * scales[i]! * scale
  }
}

/** Places of the `count` highest scores, highest first; of equals the newer one, which lies further back. */
function topOf(scores: Float32Array, size: number, count: number): number[] {
  const floor = size <= count ? -Infinity : floorOf(scores, size, count)
  const places: number[] = []
  for (let i = 0; i < size; i++) if (scores[i]! >= floor) places.push(i)
  return places.sort((a, b) => scores[b]! - scores[a]! || b - a).slice(0, count)
}

const bins = 4096
const binOf = (score: number) => Math.min(bins - 1, Math.max(0, Math.floor(((score + 1) / 2) * bins)))

/** A score that at least `count` of them reach and few more: counted into bins, because sorting them all takes longer. */
function floorOf(scores: Float32Array, size: number, count: number): number {
  const counts = new Uint32Array(bins)
  for (let i = 0; i < size; i++) counts[binOf(scores[i]!)]! += 1
  let bin = bins
  for (let seen = 0; seen < count && bin > 0; ) seen += counts[--bin]!
  return bin === 0 ? -Infinity : (bin / bins) * 2 - 1
}
