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
  const all = [...golden, ...others]
  if (golden.length === 0 || others.length === 0) return []
  const limit = nearShare ** 2 * usualDistance(all)
  const mean = meanOf(all)
  const tables = Array.from({ length: bands }, () => new Map<number, Looked[]>())
  for (const other of others)
    for (const [band, table] of tables.entries()) {
      const key = signs(other.vector, mean, band)
      const known = table.get(key)
      if (known) known.push(other)
      else table.set(key, [other])
    }
  const pairs: NearPair[] = []
  for (const one of golden) {
    const met = new Set<Looked>()
    for (const [band, table] of tables.entries())
      for (const other of table.get(signs(one.vector, mean, band)) ?? []) {
        if (met.has(other)) continue
        met.add(other)
        if (squared(one.vector, other.vector, limit) <= limit)
          pairs.push({
            golden: one.image,
            other: other.image,
            similarity: cosine(one.vector, other.vector),
          })
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
  const all = [...golden, ...others]
  if (golden.length === 0 || others.length === 0) return []
  const limit = nearShare ** 2 * usualDistance(all)
  const width = Math.max(1, Math.sqrt(limit))
  const order = widestFirst(all)
  // Three numbers of sixteen bits are one key, with a cell to spare on either side.
  const cellOf = (print: ArrayLike<number>) =>
    keyOf(
      ...([0, 1, 2].map((axis) => Math.floor(print[axis]! / width) + halfAxis) as [number, number, number]),
    )
  const grid = gridOf(others, order, cellOf)
  const probes = golden.map((one) => {
    const print = reordered(one.vector, order)
    const cell = cellOf(print)
    return { one, print, runs: around.flatMap((step) => grid.runs.get(cell + step) ?? []) }
  })
  const compared = probes.reduce(
    (sum, { runs }) => sum + runs.reduce((n, { from, to }) => n + to - from, 0),
    0,
  )
  if (compared > mostCompared) return nearPairs(golden, others)
  const pairs: NearPair[] = []
  for (const { one, print, runs } of probes)
    for (const { from, to } of runs)
      for (let i = from; i < to; i++) {
        const apart = squared(grid.prints, print, limit, i * print.length)
        const other = grid.members[i]!
        if (apart <= limit && one.image !== other.image)
          pairs.push({ golden: one.image, other: other.image, similarity: likeness(apart) })
      }
  return pairs.sort((a, b) => b.similarity - a.similarity || (a.other < b.other ? -1 : 1))
}

type Run = { from: number; to: number }

/** Pictures cell by cell, their prints one behind the other: millions are compared, and memory is read in a row. */
function gridOf(
  others: readonly Looked[],
  order: readonly number[],
  cellOf: (print: ArrayLike<number>) => number,
) {
  const cells = new Map<number, { other: Looked; print: Int16Array }[]>()
  for (const other of others) {
    const print = reordered(other.vector, order)
    const key = cellOf(print)
    const known = cells.get(key)
    if (known) known.push({ other, print })
    else cells.set(key, [{ other, print }])
  }
  const prints = new Int16Array(others.length * order.length)
  const members: Looked[] = []
  const runs = new Map<number, Run>()
  for (const [key, held] of cells) {
    const from = members.length
    for (const { other, print } of held) {
      prints.set(print, members.length * order.length)
      members.push(other)
    }
    runs.set(key, { from, to: members.length })
  }
  return { prints, members, runs }
}

const reordered = (vector: Looked["vector"], order: readonly number[]): Int16Array =>
  Int16Array.from(order, (i) => vector[i]!)

/** 1 for the same, towards 0: prints are three times the brightness of 32 × 32 blurred pixels. */
const likeness = (apart: number) => 1 / (1 + Math.sqrt(apart) / (3 * 32 * 8))

/** The numbers of a print, those that differ most between pictures first. */
function widestFirst(all: readonly Looked[]): number[] {
  const mean = meanOf(all)
  const spread = new Float64Array(mean.length)
  for (const { vector } of all)
    for (let i = 0; i < spread.length; i++) spread[i]! += (vector[i]! - mean[i]!) ** 2
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
function usualDistance(all: readonly Looked[]): number {
  const step = Math.max(1, Math.floor(all.length / sampled))
  const some = all.filter((_, i) => i % step === 0)
  if (some.length < 10) return 0
  const probeStep = Math.max(1, Math.floor(some.length / probed))
  const nearest: number[] = []
  for (let i = 0; i < some.length; i += probeStep) {
    let best = Number.POSITIVE_INFINITY
    for (const [j, other] of some.entries())
      if (i !== j) best = Math.min(best, squared(some[i]!.vector, other.vector, best))
    nearest.push(best)
  }
  return nearest.sort((a, b) => a - b)[nearest.length >> 1] ?? 0
}

function meanOf(all: readonly Looked[]): Float64Array {
  const sum = new Float64Array(all[0]?.vector.length ?? 0)
  for (const { vector } of all) for (let i = 0; i < sum.length; i++) sum[i]! += vector[i]!
  return sum.map((total) => total / all.length)
}

function signs(vector: Looked["vector"], mean: Float64Array, band: number): number {
  let key = 0
  for (let i = band * bandBits; i < (band + 1) * bandBits && i < vector.length; i++)
    key = key * 2 + (vector[i]! > mean[i]! ? 1 : 0)
  return key
}

/** Stops once it is more than `enough`. `at`: where the one begins among many that lie in a row. */
function squared(a: Looked["vector"], b: Looked["vector"], enough: number, at = 0): number {
  let sum = 0
  for (let i = 0; i < b.length; i++) {
    const d = a[at + i]! - b[i]!
    sum += d * d
    if ((i & 7) === 7 && sum > enough) return sum
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
