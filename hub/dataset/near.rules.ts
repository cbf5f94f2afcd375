/** A picture as numbers that lie near each other where pictures look alike. */
export type Looked = { image: string; vector: Int8Array | Int16Array }
export type NearPair = { golden: string; other: string; similarity: number }

/** Of the usual distance to the nearest neighbour: whatever is much nearer is the same picture taken again (cleanlab's rule). */
const nearShare = 0.13
const sampled = 1_500
const probed = 200
const bands = 5
const bandBits = 12

/**
 * Pictures of the golden set that stand among the others almost as they are. The limit is relative to how far pictures of
 * this plant lie apart. Candidates share one of five groups of signs around the mean: two pictures of which at most four of
 * sixty signs differ always meet, and nobody compares all with all.
 */
export function nearPairs(golden: readonly Looked[], others: readonly Looked[]): NearPair[] {
  if (golden.length === 0 || others.length === 0) return []
  const all = inARow([...golden, ...others])
  const limit = nearShare ** 2 * usualDistance(all)
  const mean = meanOf(all)
  const tables = Array.from({ length: bands }, () => new Map<number, number[]>())
  for (let other = golden.length; other < all.count; other++)
    for (const [band, table] of tables.entries()) {
      const key = signs(all, other, mean, band)
      const known = table.get(key)
      if (known) known.push(other)
      else table.set(key, [other])
    }
  const pairs: NearPair[] = []
  for (const [i, one] of golden.entries()) {
    const met = new Set<number>()
    for (const [band, table] of tables.entries())
      for (const at of table.get(signs(all, i, mean, band)) ?? []) {
        if (met.has(at)) continue
        met.add(at)
        if (squared(all, i, all, at, limit) > limit) continue
        const other = others[at - golden.length]!
        pairs.push({ golden: one.image, other: other.image, similarity: cosine(one.vector, other.vector) })
      }
  }
  return pairs.sort((a, b) => b.similarity - a.similarity || (a.other < b.other ? -1 : 1))
}

/** Some seconds of comparing; beyond that pictures differ in so many ways that groups of signs find them better. */
const mostCompared = 30_000_000

/**
 * The same by prints (the lowest frequencies of a picture): here few numbers tell most, so candidates lie in the same or a
 * neighbouring cell of a grid over the three that differ most, as wide as the limit. Finds every pair there is, unless
 * the grid parts nothing: then candidates are found by signs, as above.
 */
export function samePictures(golden: readonly Looked[], others: readonly Looked[]): NearPair[] {
  if (golden.length === 0 || others.length === 0) return []
  const all = inARow([...golden, ...others])
  const limit = nearShare ** 2 * usualDistance(all)
  const order = widestFirst(all)
  const grid = gridOf(all, golden.length, order, Math.max(1, Math.sqrt(limit)))
  const probes = golden.map((_, i) => {
    const cell = grid.cellOf(i)
    return around.flatMap((step) => grid.runs.get(cell + step) ?? [])
  })
  const compared = probes.reduce((sum, runs) => sum + runs.reduce((n, { from, to }) => n + to - from, 0), 0)
  if (compared > mostCompared) return nearPairs(golden, others)
  const ours = reordered(
    all,
    golden.map((_, i) => i),
    order,
  )
  const theirs = reordered(all, grid.members, order)
  const pairs: NearPair[] = []
  for (const [i, runs] of probes.entries())
    for (const { from, to } of runs)
      for (let at = from; at < to; at++) {
        const apart = squared(ours, i, theirs, at, limit)
        if (apart > limit) continue
        const [one, other] = [golden[i]!.image, others[grid.members[at]! - golden.length]!.image]
        if (one !== other) pairs.push({ golden: one, other, similarity: likeness(apart) })
      }
  return pairs.sort((a, b) => b.similarity - a.similarity || (a.other < b.other ? -1 : 1))
}

type Run = { from: number; to: number }

/** Pictures from `first` on, cell by cell over the three numbers that differ most; the runs of a cell among `members`. */
function gridOf({ numbers, width, count }: Row, first: number, order: readonly number[], cellWidth: number) {
  // Three numbers of sixteen bits are one key, with a cell to spare on either side.
  const on = (i: number, axis: number) =>
    Math.floor(numbers[i * width + order[axis]!]! / cellWidth) + halfAxis
  const cellOf = (i: number) => keyOf(on(i, 0), on(i, 1), on(i, 2))
  const runs = new Map<number, Run>()
  const runOf = Array.from({ length: count - first }, (_, i) => {
    const cell = cellOf(first + i)
    let run = runs.get(cell)
    if (!run) {
      run = { from: 0, to: 0 }
      runs.set(cell, run)
    }
    run.to++
    return run
  })
  let filled = 0
  for (const run of runs.values()) {
    const held = run.to
    run.from = filled
    run.to = filled
    filled += held
  }
  const members = new Int32Array(runOf.length)
  for (const [i, run] of runOf.entries()) members[run.to++] = first + i
  return { runs, members, cellOf }
}

/** Vectors one behind the other: millions are compared, and memory is read in a row. */
type Row = { numbers: Int16Array; width: number; count: number }

function inARow(all: readonly Looked[]): Row {
  const width = all[0]?.vector.length ?? 0
  const numbers = new Int16Array(all.length * width)
  for (const [i, { vector }] of all.entries()) numbers.set(vector, i * width)
  return { numbers, width, count: all.length }
}

/** Some of them, each with its numbers in another order. */
function reordered({ numbers, width }: Row, of: ArrayLike<number>, order: readonly number[]): Row {
  const out = new Int16Array(of.length * width)
  for (let i = 0; i < of.length; i++) {
    const at = of[i]! * width
    for (let j = 0; j < width; j++) out[i * width + j] = numbers[at + order[j]!]!
  }
  return { numbers: out, width, count: of.length }
}

/** 1 for the same, towards 0: prints are three times the brightness of 32 × 32 blurred pixels. */
const likeness = (apart: number) => 1 / (1 + Math.sqrt(apart) / (3 * 32 * 8))

/** The numbers of a print, those that differ most between pictures first. */
function widestFirst(all: Row): number[] {
  const { numbers, width } = all
  const mean = meanOf(all)
  const spread = new Float64Array(width)
  for (let at = 0; at < numbers.length; at += width)
    for (let i = 0; i < width; i++) spread[i]! += (numbers[at + i]! - mean[i]!) ** 2
  return [...spread.keys()].sort((a, b) => spread[b]! - spread[a]!)
}

const perAxis = 2 ** 17
const halfAxis = perAxis / 2
const keyOf = (a: number, b: number, c: number) => (a * perAxis + b) * perAxis + c
/** From a cell to itself and its neighbours. */
const around: readonly number[] = [-1, 0, 1].flatMap((a) =>
  [-1, 0, 1].flatMap((b) => [-1, 0, 1].map((c) => keyOf(a, b, c))),
)

/** The middle of the squared distances of some pictures to their nearest; 0 for too few to say. */
function usualDistance(all: Row): number {
  const step = Math.max(1, Math.floor(all.count / sampled))
  const some = Math.ceil(all.count / step)
  if (some < 10) return 0
  const probeStep = Math.max(1, Math.floor(some / probed))
  const nearest: number[] = []
  for (let i = 0; i < some; i += probeStep) {
    let best = Number.POSITIVE_INFINITY
    for (let j = 0; j < some; j++)
      if (i !== j) best = Math.min(best, squared(all, i * step, all, j * step, best))
    nearest.push(best)
  }
  return nearest.sort((a, b) => a - b)[nearest.length >> 1] ?? 0
}

function meanOf({ numbers, width, count }: Row): Float64Array {
  const sum = new Float64Array(width)
  for (let at = 0; at < numbers.length; at += width)
    for (let i = 0; i < width; i++) sum[i]! += numbers[at + i]!
  return sum.map((total) => total / count)
}

function signs({ numbers, width }: Row, of: number, mean: Float64Array, band: number): number {
  let key = 0
  for (let i = band * bandBits; i < (band + 1) * bandBits && i < width; i++)
    key = key * 2 + (numbers[of * width + i]! > mean[i]! ? 1 : 0)
  return key
}

/** Between one of the one and one of the other. Stops once it is more than `enough`. */
function squared(a: Row, i: number, b: Row, j: number, enough: number): number {
  const { numbers: left, width } = a
  const right = b.numbers
  const [from, to] = [i * width, j * width]
  let sum = 0
  for (let k = 0; k < width; k++) {
    const d = left[from + k]! - right[to + k]!
    sum += d * d
    if ((k & 7) === 7 && sum > enough) return sum
  }
  return sum
}

function cosine(a: Looked["vector"], b: Looked["vector"]): number {
  let [dot, aa, bb] = [0, 0, 0]
  for (let i = 0; i < a.length; i++) {
    dot += a[i]! * b[i]!
    aa += a[i]! * a[i]!
    bb += b[i]! * b[i]!
  }
  return aa === 0 || bb === 0 ? 0 : dot / Math.sqrt(aa * bb)
}
