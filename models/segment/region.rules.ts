import { encodeRuns } from "#contract/outline"
import type { Pointing } from "#contract/segmenter"

/** One answer of a decoder: above zero is inside. `perX`, `perY`: cells per pixel of the picture, from its corner. */
export type Candidate = {
  w: number
  h: number
  logits: Float32Array
  perX: number
  perY: number
  score: number | null
}
export type Size = { w: number; h: number }
export type Region = {
  mask: { type: "mask"; size: [number, number]; counts: string }
  polygon: { type: "polygon"; points: [number, number][] } | null
}

/** Fingers miss by so many cells. */
const slack = 2
/** Corners may move by so many cells when a polygon is made of a mask. */
const tolerance = 0.75

/**
 * What was meant: of the candidates the one its model is surest of, else the one with the clearest edge; of its cells
 * those that hang together with a place pointed at, within the box if there is one. Null when nothing is inside there.
 */
export function regionOf(candidates: readonly Candidate[], pointing: Pointing, size: Size): Region | null {
  const cut = candidates.flatMap((candidate) => {
    const inside = cellsOf(candidate, pointing, size)
    return inside ? [{ candidate, inside, rank: candidate.score ?? clarity(candidate, inside) }] : []
  })
  const [best] = cut.sort((a, b) => b.rank - a.rank)
  if (!best) return null
  const spans = spansOf(best.candidate, best.inside, pointing, size)
  if (spans.length === 0) return null
  const mask: Region["mask"] = {
    type: "mask",
    size: [size.h, size.w],
    counts: encodeRuns(Int32Array.from(spans), size.w * size.h),
  }
  return { mask, polygon: polygonOf(best.candidate, best.inside, size) }
}

/** The cells that belong to what was pointed at, 8-connected; undefined for none. */
function cellsOf(candidate: Candidate, pointing: Pointing, size: Size): Uint8Array | undefined {
  const { w, h, logits, perX, perY } = candidate
  const [lastX, lastY] = [Math.min(w, Math.ceil(size.w * perX)), Math.min(h, Math.ceil(size.h * perY))]
  const [bx, by, bw, bh] = pointing.box ?? [0, 0, size.w, size.h]
  const [left, top] = [Math.max(0, Math.floor(bx * perX)), Math.max(0, Math.floor(by * perY))]
  const [right, bottom] = [
    Math.min(lastX, Math.ceil((bx + bw) * perX)),
    Math.min(lastY, Math.ceil((by + bh) * perY)),
  ]
  const isIn = (x: number, y: number) =>
    x >= left && x < right && y >= top && y < bottom && logits[y * w + x]! > 0
  const inside = new Uint8Array(w * h)
  const open: number[] = []
  const seed = (x: number, y: number) => {
    if (!isIn(x, y) || inside[y * w + x]) return
    inside[y * w + x] = 1
    open.push(y * w + x)
  }
  const meant = pointing.points.filter((point) => point.inside)
  for (const { x, y } of meant) {
    const [cx, cy] = [Math.floor(x * perX), Math.floor(y * perY)]
    seed(cx, cy)
    if (isIn(cx, cy)) continue
    for (let dy = -slack; dy <= slack; dy++) for (let dx = -slack; dx <= slack; dx++) seed(cx + dx, cy + dy)
  }
  // A box alone means whatever is in it.
  if (meant.length === 0) for (let y = top; y < bottom; y++) for (let x = left; x < right; x++) seed(x, y)
  let any = false
  for (let cell = open.pop(); cell !== undefined; cell = open.pop()) {
    any = true
    const [x, y] = [cell % w, Math.floor(cell / w)]
    for (let dy = -1; dy <= 1; dy++) for (let dx = -1; dx <= 1; dx++) seed(x + dx, y + dy)
  }
  return any ? inside : undefined
}

/** How steeply the answer falls at the rim, beside how much it varies within: a clear thing has a steep one. */
function clarity({ w, h, logits }: Candidate, inside: Uint8Array): number {
  let [sum, squares, cells, rim, rimCells] = [0, 0, 0, 0, 0]
  for (let y = 0; y < h; y++)
    for (let x = 0; x < w; x++) {
      const at = y * w + x
      if (inside[at]) {
        sum += logits[at]!
        squares += logits[at]! ** 2
        cells += 1
        continue
      }
      const near =
        (x > 0 && inside[at - 1]) ||
        (x < w - 1 && inside[at + 1]) ||
        (y > 0 && inside[at - w]) ||
        (y < h - 1 && inside[at + w])
      if (!near) continue
      rim += logits[at]!
      rimCells += 1
    }
  // What fills the picture, or lies under a single cell, is rarely what somebody meant.
  if (cells < 4 || rimCells === 0 || cells > (w * h) / 3) return -1
  const mean = sum / cells
  return (mean - rim / rimCells) / (Math.sqrt(Math.max(0, squares / cells - mean * mean)) + 0.1)
}

/** Runs of pixels down the columns. Between cells the answer is drawn out straight. */
function spansOf(
  { w, h, logits, perX, perY }: Candidate,
  inside: Uint8Array,
  pointing: Pointing,
  size: Size,
): number[] {
  let [x0, y0, x1, y1] = [w, h, -1, -1]
  for (let at = 0; at < inside.length; at++) {
    if (!inside[at]) continue
    const [x, y] = [at % w, Math.floor(at / w)]
    x0 = Math.min(x0, x)
    x1 = Math.max(x1, x)
    y0 = Math.min(y0, y)
    y1 = Math.max(y1, y)
  }
  const [bx, by, bw, bh] = pointing.box ?? [0, 0, size.w, size.h]
  const left = Math.max(0, Math.floor(bx), Math.floor((x0 - 0.5) / perX))
  const right = Math.min(size.w, Math.ceil(bx + bw), Math.ceil((x1 + 1.5) / perX))
  const top = Math.max(0, Math.floor(by), Math.floor((y0 - 0.5) / perY))
  const bottom = Math.min(size.h, Math.ceil(by + bh), Math.ceil((y1 + 1.5) / perY))
  // Cells that hang together with it, and those beside them, where it fades out.
  const value = (x: number, y: number) => {
    const at = Math.min(h - 1, Math.max(0, y)) * w + Math.min(w - 1, Math.max(0, x))
    const own = logits[at]!
    return inside[at] ? own : Math.min(own, -1e-6)
  }
  const spans: number[] = []
  /** The first pixel of a column whose middle does not lie before this place of the grid. */
  const pixelAt = (gy: number) => Math.min(bottom, Math.max(top, Math.ceil((gy + 0.5) / perY - 0.5)))
  for (let px = left; px < right; px++) {
    const gx = (px + 0.5) * perX - 0.5
    const [cx, fx] = [Math.floor(gx), gx - Math.floor(gx)]
    const across = (cy: number) => value(cx, cy) * (1 - fx) + value(cx + 1, cy) * fx
    // Down a column the answer goes straight from one row of cells to the next: where it crosses zero is known at once.
    const last = Math.floor((bottom - 0.5) * perY - 0.5)
    for (let cy = Math.floor((top + 0.5) * perY - 0.5); cy <= last; cy++) {
      const [upper, lower] = [across(cy), across(cy + 1)]
      if (upper <= 0 && lower <= 0) continue
      const crossing = cy + upper / (upper - lower)
      const from = upper > 0 ? pixelAt(cy) : pixelAt(crossing)
      const to = lower > 0 ? pixelAt(cy + 1) : pixelAt(crossing)
      if (to > from) spans.push(px * size.h + from, px * size.h + to)
    }
  }
  return joined(spans)
}

/** A run that reaches the foot of its column and one that begins the next are one. */
function joined(spans: readonly number[]): number[] {
  const out: number[] = []
  for (let i = 0; i < spans.length; i += 2) {
    if (out.at(-1) === spans[i]) out[out.length - 1] = spans[i + 1]!
    else out.push(spans[i]!, spans[i + 1]!)
  }
  return out
}

/** The outer edge of the largest piece, corner by corner along its cells, then without the corners it can do without. */
function polygonOf({ w, h, perX, perY }: Candidate, inside: Uint8Array, size: Size): Region["polygon"] {
  const isIn = (x: number, y: number) => x >= 0 && y >= 0 && x < w && y < h && inside[y * w + x] === 1
  let best: [number, number][] = []
  let bestArea = 0
  const seen = new Uint8Array(w * h)
  for (let at = 0; at < inside.length; at++) {
    const [x, y] = [at % w, Math.floor(at / w)]
    // An upper edge that no outline has gone along yet: outer edges are met before holes.
    if (!isIn(x, y) || isIn(x, y - 1) || seen[at]) continue
    const loop = edgeFrom(x, y, isIn, (cx, cy) => {
      seen[cy * w + cx] = 1
    })
    const area = areaOf(loop)
    if (area > bestArea) [best, bestArea] = [loop, area]
  }
  const corners = simplified(best, tolerance)
  if (corners.length < 3) return null
  const clip = (value: number, most: number) => Math.round(Math.min(most, Math.max(0, value)) * 10) / 10
  return {
    type: "polygon",
    points: corners.map(([x, y]) => [clip(x / perX, size.w), clip(y / perY, size.h)]),
  }
}

/** Goes around with the inside on the right hand, beginning eastwards along the top of a cell. */
function edgeFrom(
  x: number,
  y: number,
  isIn: (x: number, y: number) => boolean,
  passed: (x: number, y: number) => void,
): [number, number][] {
  const loop: [number, number][] = []
  let [px, py, dx, dy] = [x, y, 1, 0]
  do {
    // The cells ahead to the left and to the right of the way.
    const leftX = dx === 1 ? px : dx === -1 ? px - 1 : dy === 1 ? px : px - 1
    const leftY = dx === 1 ? py - 1 : dx === -1 ? py : dy === 1 ? py : py - 1
    const rightX = dx === 1 ? px : dx === -1 ? px - 1 : dy === 1 ? px - 1 : px
    const rightY = dx === 1 ? py : dx === -1 ? py - 1 : dy === 1 ? py : py - 1
    if (isIn(leftX, leftY)) {
      loop.push([px, py])
      ;[dx, dy] = [dy, -dx]
      continue
    }
    if (!isIn(rightX, rightY)) {
      loop.push([px, py])
      ;[dx, dy] = [-dy, dx]
      continue
    }
    if (dx === 1) passed(rightX, rightY)
    px += dx
    py += dy
  } while (px !== x || py !== y || dx !== 1 || loop.length === 0)
  return loop
}

function areaOf(loop: readonly [number, number][]): number {
  let sum = 0
  for (let i = 0; i < loop.length; i++) {
    const [a, b] = [loop[i]!, loop[(i + 1) % loop.length]!]
    sum += a[0] * b[1] - b[0] * a[1]
  }
  return Math.abs(sum) / 2
}

/** Ramer, Douglas and Peucker on a closed path. */
function simplified(loop: readonly [number, number][], by: number): [number, number][] {
  if (loop.length < 4) return [...loop]
  const [first] = loop
  let far = 0
  for (let i = 1; i < loop.length; i++) {
    const [p, q] = [loop[i]!, loop[far]!]
    if (Math.hypot(p[0] - first![0], p[1] - first![1]) > Math.hypot(q[0] - first![0], q[1] - first![1]))
      far = i
  }
  const closed = [...loop, first!]
  return [...path(closed, 0, far, by), ...path(closed, far, loop.length, by)]
}

/** Corners from `from` up to, without, `to`. */
function path(points: readonly [number, number][], from: number, to: number, by: number): [number, number][] {
  const [a, b] = [points[from]!, points[to]!]
  const length = Math.hypot(b[0] - a[0], b[1] - a[1])
  let [worst, at] = [by, -1]
  for (let i = from + 1; i < to; i++) {
    const [x, y] = points[i]!
    const off =
      length === 0
        ? Math.hypot(x - a[0], y - a[1])
        : Math.abs((b[0] - a[0]) * (a[1] - y) - (a[0] - x) * (b[1] - a[1])) / length
    if (off > worst) [worst, at] = [off, i]
  }
  return at < 0 ? [a] : [...path(points, from, at, by), ...path(points, at, to, by)]
}
