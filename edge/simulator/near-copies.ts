import { setImmediate } from "node:timers/promises"

/** Side of the grey thumbnails that are compared. */
export const THUMB = 64
const COARSE = 16
const RATIO = THUMB / COARSE
/** Shifts tried: ±2 coarse pixels (±8 fine ones); wider finds nothing more on magnetic-tile. */
const COARSE_REACH = 2

/** Correlation above which two pictures show the same part; measured on magnetic-tile, 0.7 parts twins from others. */
const SAME_PART = 0.7
/** Tried in turn while one group swallows too much. */
const STRICTER = [SAME_PART, 0.8, 0.9, 0.95, 0.98]

export interface Grouping {
  /** Group number per picture, counted from 0 in order of first appearance. */
  groups: number[]
  /** The correlation that was asked for; undefined when every picture became its own group. */
  threshold: number | undefined
}

/**
 * Groups pictures of the same physical part, shot again or shifted a little, so that a split never separates them:
 * on magnetic-tile a random split reads AUROC 0.93 where a grouped one reads 0.81.
 *
 * Parts that lie in a fixture all look alike; a group of more than a quarter of all pictures is then the fixture
 * and not the part, so a stricter correlation is asked for, and in the end none.
 * @param thumbs grey pictures of 64×64 bytes
 */
export async function groupNearCopies(thumbs: readonly Uint8Array[]): Promise<Grouping> {
  const fine = thumbs.map((thumb) => highPass(thumb))
  const coarse = fine.map((thumb) => shrink(thumb))
  const pairs: [number, number, number][] = []
  for (let a = 0; a < fine.length; a++) {
    // Hundreds of pictures take seconds; a station goes on serving meanwhile.
    await setImmediate()
    for (let b = a + 1; b < fine.length; b++) {
      const rough = bestShift(coarse[a]!, coarse[b]!, COARSE, COARSE_REACH, 1, { dx: 0, dy: 0 })
      // The coarse pictures have lost some detail; only what is clearly apart is dismissed here.
      if (rough.correlation < SAME_PART - 0.25) continue
      const start = { dx: rough.dx * RATIO, dy: rough.dy * RATIO }
      const near = bestShift(fine[a]!, fine[b]!, THUMB, 3, 2, start)
      const exact = bestShift(fine[a]!, fine[b]!, THUMB, 1, 1, near)
      if (exact.correlation > SAME_PART) pairs.push([a, b, exact.correlation])
    }
  }
  const most = Math.max(3, thumbs.length / 4)
  for (const threshold of STRICTER) {
    const groups = connect(thumbs.length, pairs, threshold)
    if (largest(groups) <= most) return { groups, threshold }
  }
  return { groups: thumbs.map((_, i) => i), threshold: undefined }
}

/** Takes out light and shade wider than about 17 pixels; zero mean, unit energy. */
function highPass(thumb: Uint8Array): Float32Array {
  const reach = 8
  const out = new Float32Array(THUMB * THUMB)
  const sums = new Float64Array((THUMB + 1) * (THUMB + 1))
  for (let y = 0; y < THUMB; y++) {
    for (let x = 0; x < THUMB; x++) {
      sums[(y + 1) * (THUMB + 1) + x + 1] =
        thumb[y * THUMB + x]! +
        sums[y * (THUMB + 1) + x + 1]! +
        sums[(y + 1) * (THUMB + 1) + x]! -
        sums[y * (THUMB + 1) + x]!
    }
  }
  for (let y = 0; y < THUMB; y++) {
    for (let x = 0; x < THUMB; x++) {
      const x0 = Math.max(0, x - reach)
      const y0 = Math.max(0, y - reach)
      const x1 = Math.min(THUMB, x + reach + 1)
      const y1 = Math.min(THUMB, y + reach + 1)
      const at = (row: number, column: number) => sums[row * (THUMB + 1) + column]!
      const mean = (at(y1, x1) - at(y0, x1) - at(y1, x0) + at(y0, x0)) / ((x1 - x0) * (y1 - y0))
      out[y * THUMB + x] = thumb[y * THUMB + x]! - mean
    }
  }
  return normalise(out)
}

function shrink(fine: Float32Array): Float32Array {
  const out = new Float32Array(COARSE * COARSE)
  for (let y = 0; y < THUMB; y++) {
    for (let x = 0; x < THUMB; x++) {
      out[Math.floor(y / RATIO) * COARSE + Math.floor(x / RATIO)]! += fine[y * THUMB + x]!
    }
  }
  return normalise(out)
}

function normalise(field: Float32Array): Float32Array {
  let mean = 0
  for (const value of field) mean += value / field.length
  let energy = 0
  for (let i = 0; i < field.length; i++) {
    field[i]! -= mean
    energy += field[i]! ** 2
  }
  const scale = energy > 1e-9 ? 1 / Math.sqrt(energy) : 0
  for (let i = 0; i < field.length; i++) field[i]! *= scale
  return field
}

/** The best of the shifts `around` ± `reach`, every `step` pixels. */
function bestShift(
  a: Float32Array,
  b: Float32Array,
  side: number,
  reach: number,
  step: number,
  around: { dx: number; dy: number },
) {
  let best = { correlation: -1, dx: 0, dy: 0 }
  for (let dy = around.dy - reach; dy <= around.dy + reach; dy += step) {
    for (let dx = around.dx - reach; dx <= around.dx + reach; dx += step) {
      const correlation = correlate(a, b, side, dx, dy)
      if (correlation > best.correlation) best = { correlation, dx, dy }
    }
  }
  return best
}

/** Correlation of `a` with `b` moved by (dx, dy), over the overlap, against the full energy of both. */
function correlate(a: Float32Array, b: Float32Array, side: number, dx: number, dy: number): number {
  const left = Math.max(0, dx)
  const right = Math.min(side, side + dx)
  let sum = 0
  for (let y = Math.max(0, dy); y < Math.min(side, side + dy); y++) {
    const rowA = y * side
    const rowB = (y - dy) * side - dx
    for (let x = left; x < right; x++) sum += a[rowA + x]! * b[rowB + x]!
  }
  return sum
}

/** Connected groups of the pairs above the threshold, numbered by first member. */
function connect(count: number, pairs: readonly [number, number, number][], threshold: number): number[] {
  const parent = Array.from({ length: count }, (_, i) => i)
  const rootOf = (i: number): number => {
    let root = i
    while (parent[root]! !== root) root = parent[root]!
    return root
  }
  for (const [a, b, correlation] of pairs) {
    if (correlation <= threshold) continue
    const [low, high] = [rootOf(a), rootOf(b)].sort((x, y) => x - y) as [number, number]
    parent[high] = low
  }
  const numbers = new Map<number, number>()
  return parent.map((_, i) => {
    const root = rootOf(i)
    const known = numbers.get(root) ?? numbers.size
    numbers.set(root, known)
    return known
  })
}

function largest(groups: readonly number[]): number {
  const sizes = new Map<number, number>()
  for (const group of groups) sizes.set(group, (sizes.get(group) ?? 0) + 1)
  return Math.max(0, ...sizes.values())
}
