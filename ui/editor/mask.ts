import { encodeRuns, type Spans, spansOf } from "#contract/outline"
import type { Outline } from "./document.ts"
import type { ImagePoint, Size } from "./geometry.ts"
import { cornersOf, rotate } from "./outline.ts"

/** Masks are edited as spans of pixels down the columns: a stroke costs what it touches, not what the image has. */

/** Sorts spans and joins those that touch. */
export function joined(pairs: readonly (readonly [number, number])[]): Spans {
  const sorted = pairs.filter(([a, b]) => b > a).sort((a, b) => a[0] - b[0])
  const out: number[] = []
  for (const [start, end] of sorted) {
    const last = out.at(-1)
    if (last !== undefined && start <= last) out[out.length - 1] = Math.max(last, end)
    else out.push(start, end)
  }
  return Int32Array.from(out)
}

/** Walks two sets of spans at once; `keep` says which pixels the result has. */
function combine(a: Spans, b: Spans, keep: (inA: boolean, inB: boolean) => boolean): Spans {
  const out: number[] = []
  let [i, j] = [0, 0]
  let was = false
  while (i < a.length || j < b.length) {
    const at = Math.min(a[i] ?? Infinity, b[j] ?? Infinity)
    while (a[i] === at) i++
    while (b[j] === at) j++
    const is = keep(i % 2 === 1, j % 2 === 1)
    if (is !== was) out.push(at)
    was = is
  }
  return Int32Array.from(out)
}

export const union = (a: Spans, b: Spans): Spans => combine(a, b, (x, y) => x || y)
export const without = (a: Spans, b: Spans): Spans => combine(a, b, (x, y) => x && !y)

/** Pixels a round brush covers on its way: those whose centre it passes over. */
export function strokeSpans(points: readonly ImagePoint[], diameter: number, size: Size): Spans {
  const r = Math.max(0.5, diameter / 2)
  const pairs: [number, number][] = []
  points.forEach((b, i) => {
    const a = points[i - 1] ?? b
    if (i === 0 && points.length > 1) return
    const first = Math.max(0, Math.ceil(Math.min(a.x, b.x) - r - 0.5))
    const last = Math.min(size.w - 1, Math.floor(Math.max(a.x, b.x) + r - 0.5))
    for (let x = first; x <= last; x++) {
      const range = capsuleAt(x + 0.5, a, b, r)
      if (!range) continue
      const top = Math.max(0, Math.ceil(range[0] - 0.5))
      const bottom = Math.min(size.h, Math.floor(range[1] - 0.5) + 1)
      if (bottom > top) pairs.push([x * size.h + top, x * size.h + bottom])
    }
  })
  return joined(pairs)
}

/** What a vertical line at `x` has in common with a disc of radius `r` moved from a to b. */
function capsuleAt(x: number, a: ImagePoint, b: ImagePoint, r: number): [number, number] | null {
  let [low, high] = [Infinity, -Infinity]
  const add = (y: number) => {
    low = Math.min(low, y)
    high = Math.max(high, y)
  }
  for (const end of [a, b]) {
    const half = r * r - (x - end.x) ** 2
    if (half < 0) continue
    add(end.y - Math.sqrt(half))
    add(end.y + Math.sqrt(half))
  }
  const length = Math.hypot(b.x - a.x, b.y - a.y)
  if (length > 0) {
    const [nx, ny] = [(-(b.y - a.y) / length) * r, ((b.x - a.x) / length) * r]
    for (const sign of [1, -1]) {
      const [sx, ex] = [a.x + nx * sign, b.x + nx * sign]
      if (x < Math.min(sx, ex) || x > Math.max(sx, ex) || sx === ex) continue
      add(a.y + ny * sign + ((x - sx) / (ex - sx)) * (b.y - a.y))
    }
  }
  return low <= high ? [low, high] : null
}

/** Pixels of an outline with an area; those of a line or point are none. */
export function fillSpans(outline: Outline, size: Size): Spans {
  if (outline.type === "mask") return spansOf(outline)
  if (outline.type === "line" || outline.type === "point") return new Int32Array()
  const points: [number, number][] =
    outline.type === "ellipse" ? ellipsePoints(outline) : cornersOf(outline).map((p) => [p.x, p.y])
  const pairs: [number, number][] = []
  const xs = points.map(([x]) => x)
  const first = Math.max(0, Math.floor(Math.min(...xs)))
  const last = Math.min(size.w - 1, Math.ceil(Math.max(...xs)))
  for (let x = first; x <= last; x++) {
    const at = x + 0.5
    const crossings: number[] = []
    points.forEach(([ax, ay], i) => {
      const [bx, by] = points[(i + 1) % points.length] ?? [ax, ay]
      if (ax > at !== bx > at) crossings.push(ay + ((at - ax) / (bx - ax)) * (by - ay))
    })
    crossings.sort((a, b) => a - b)
    for (let i = 0; i + 1 < crossings.length; i += 2) {
      const top = Math.max(0, Math.ceil((crossings[i] ?? 0) - 0.5))
      const bottom = Math.min(size.h, Math.floor((crossings[i + 1] ?? 0) - 0.5) + 1)
      if (bottom > top) pairs.push([x * size.h + top, x * size.h + bottom])
    }
  }
  return joined(pairs)
}

function ellipsePoints({ box: [x, y, w, h], angle = 0 }: Outline & { type: "ellipse" }): [number, number][] {
  const middle = { space: "image", x: x + w / 2, y: y + h / 2 } as const
  return Array.from({ length: 96 }, (_, i) => {
    const t = (i / 96) * 2 * Math.PI
    const p = {
      space: "image",
      x: middle.x + (w / 2) * Math.cos(t),
      y: middle.y + (h / 2) * Math.sin(t),
    } as const
    const turned = rotate(p, middle, angle)
    return [turned.x, turned.y]
  })
}

/** The mask of these pixels; null for none, because a mask of nothing marks nothing. */
export function maskOf(spans: Spans, size: Size): (Outline & { type: "mask" }) | null {
  if (spans.length === 0) return null
  return { type: "mask", size: [size.h, size.w], counts: encodeRuns(spans, size.w * size.h) }
}
