import type { Outline, Point } from "#contract/drawing"
import { boundsOf, encodeRuns, type Spans, spansOf } from "#contract/outline"

type Box = [number, number, number, number]
type Size = { w: number; h: number }
const radians = (degrees: number) => (degrees * Math.PI) / 180
export const round = (value: number, digits: number): number => {
  const scale = 10 ** digits
  return Math.round(value * scale) / scale || 0
}

/** Corners of a box, clockwise as seen from its own top-left. */
export function cornersOf([x, y, w, h]: Box, angle = 0): Point[] {
  const [cx, cy] = [x + w / 2, y + h / 2]
  const [cos, sin] = [Math.cos(radians(angle)), Math.sin(radians(angle))]
  const corners = [
    [-w, -h],
    [w, -h],
    [w, h],
    [-w, h],
  ] as const
  return corners.map(([dx, dy]) => [cx + (dx * cos - dy * sin) / 2, cy + (dx * sin + dy * cos) / 2])
}

/** The box four corners make, when they make one; its angle is that of its first side. */
export function boxOfCorners(corners: readonly Point[]): { box: Box; angle: number } | null {
  const [a, b, c, d] = corners
  if (!a || !b || !c || !d || corners.length !== 4) return null
  const w = Math.hypot(b[0] - a[0], b[1] - a[1])
  const h = Math.hypot(c[0] - b[0], c[1] - b[1])
  const [cx, cy] = [(a[0] + b[0] + c[0] + d[0]) / 4, (a[1] + b[1] + c[1] + d[1]) / 4]
  if (!(w > 0 && h > 0) || !Number.isFinite(w * h)) return null
  // By the longer side: rounded corners of a sliver say next to nothing by the shorter one.
  const [dx, dy] = w >= h ? [b[0] - a[0], b[1] - a[1]] : [c[1] - b[1], b[0] - c[0]]
  const angle = round((Math.atan2(dy, dx) * 180) / Math.PI, 4)
  return { box: [round(cx - w / 2, 4), round(cy - h / 2, 4), round(w, 4), round(h, 4)], angle }
}

const ellipseCorners = 64

/** An area as rings of points, outer ones only; a line or a point has none. */
export function ringsOf(outline: Outline): Point[][] {
  switch (outline.type) {
    case "box":
      return [cornersOf(outline.box, outline.angle)]
    case "ellipse": {
      const [x, y, w, h] = outline.box
      const [cx, cy] = [x + w / 2, y + h / 2]
      const [cos, sin] = [Math.cos(radians(outline.angle ?? 0)), Math.sin(radians(outline.angle ?? 0))]
      return [
        Array.from({ length: ellipseCorners }, (_, i): Point => {
          const t = (i / ellipseCorners) * 2 * Math.PI
          const [dx, dy] = [(w / 2) * Math.cos(t), (h / 2) * Math.sin(t)]
          return [cx + dx * cos - dy * sin, cy + dx * sin + dy * cos]
        }),
      ]
    }
    case "polygon":
      return [outline.points]
    case "mask":
      return outlineRings(spansOf(outline), outline.size[0])
    default:
      return []
  }
}

/** Area of a ring (shoelace). */
export function areaOfRing(ring: readonly Point[]): number {
  let sum = 0
  ring.forEach(([x, y], i) => {
    const [nx, ny] = ring[(i + 1) % ring.length] ?? [x, y]
    sum += x * ny - nx * y
  })
  return Math.abs(sum) / 2
}

/** Pixels of an area; those of a line or point are none. A pixel belongs to it when its middle does. */
export function fillSpans(outline: Outline, size: Size): Spans {
  if (outline.type === "mask") return spansOf(outline)
  const out: number[] = []
  const [ring] = ringsOf(outline)
  if (!ring) return new Int32Array()
  const xs = ring.map(([x]) => x)
  const first = Math.max(0, Math.floor(Math.min(...xs)))
  const last = Math.min(size.w - 1, Math.ceil(Math.max(...xs)))
  for (let x = first; x <= last; x++) {
    const crossings: number[] = []
    ring.forEach(([ax, ay], i) => {
      const [bx, by] = ring[(i + 1) % ring.length] ?? [ax, ay]
      if (ax > x + 0.5 !== bx > x + 0.5) crossings.push(ay + ((x + 0.5 - ax) / (bx - ax)) * (by - ay))
    })
    crossings.sort((a, b) => a - b)
    for (let i = 0; i + 1 < crossings.length; i += 2) {
      const top = Math.max(0, Math.ceil((crossings[i] ?? 0) - 0.5))
      const bottom = Math.min(size.h, Math.floor((crossings[i + 1] ?? 0) - 0.5) + 1)
      if (bottom <= top) continue
      if (out.at(-1) === x * size.h + top) out[out.length - 1] = x * size.h + bottom
      else out.push(x * size.h + top, x * size.h + bottom)
    }
  }
  return Int32Array.from(out)
}

/** The mask of these pixels; null for none. */
export function maskOfSpans(spans: Spans, { w, h }: Size): (Outline & { type: "mask" }) | null {
  return spans.length === 0 ? null : { type: "mask", size: [h, w], counts: encodeRuns(spans, w * h) }
}

/** Pixels of several areas together. */
export function unionSpans(all: readonly Spans[]): Spans {
  const pairs = all.flatMap((spans) =>
    Array.from({ length: spans.length / 2 }, (_, i) => [spans[i * 2] ?? 0, spans[i * 2 + 1] ?? 0] as const),
  )
  pairs.sort((a, b) => a[0] - b[0])
  const out: number[] = []
  for (const [start, end] of pairs) {
    const last = out.at(-1)
    if (last !== undefined && start <= last) out[out.length - 1] = Math.max(last, end)
    else out.push(start, end)
  }
  return Int32Array.from(out)
}

/**
 * The outer edges of a mask's connected pieces (pixels that share a side), along the sides of pixels; holes are filled.
 * Walked with the mask on the right hand, from the topmost pixel of the leftmost column of each piece.
 */
function outlineRings(spans: Spans, height: number): Point[][] {
  const at = (x: number, y: number) => y >= 0 && y < height && x >= 0 && inSpans(spans, x * height + y)
  const rings: Point[][] = []
  const walked = new Set<number>()
  for (let i = 0; i < spans.length; i += 2) {
    const [start = 0, end = 0] = [spans[i], spans[i + 1]]
    for (let from = start; from < end; ) {
      const x = Math.floor(from / height)
      const y = from - x * height
      const stop = Math.min(end, (x + 1) * height)
      // A left side that no walk has passed and above which nothing is: a new outer edge, unless it is the edge of a hole.
      if (!at(x - 1, y) && !walked.has(from)) {
        const ring = walk(at, x, y, (px, py) => walked.add(px * height + py))
        if (ring) rings.push(ring)
      }
      // Further rows of this span may have their own free left sides.
      let next = from + 1
      while (next < stop && (at(x - 1, next - x * height) || walked.has(next))) next++
      from = next
    }
  }
  return rings
}

function inSpans(spans: Spans, n: number): boolean {
  let [low, high] = [0, spans.length / 2 - 1]
  while (low <= high) {
    const middle = (low + high) >> 1
    if (n < (spans[middle * 2] ?? 0)) high = middle - 1
    else if (n >= (spans[middle * 2 + 1] ?? 0)) low = middle + 1
    else return true
  }
  return false
}

/** Goes round from the left side of a pixel, upwards; null for the edge of a hole. `pass` hears every free left side. */
function walk(
  at: (x: number, y: number) => boolean,
  sx: number,
  sy: number,
  pass: (x: number, y: number) => void,
): Point[] | null {
  // Directions: up, right, down, left. The mask is on the right hand.
  const steps = [
    [0, -1],
    [1, 0],
    [0, 1],
    [-1, 0],
  ] as const
  let [x, y, direction] = [sx, sy + 1, 0]
  const ring: Point[] = []
  let area = 0
  do {
    const [dx, dy] = steps[direction] ?? [0, 0]
    // Walking up along a pixel's left side passes it.
    if (direction === 0) pass(x, y - 1)
    const [nx, ny] = [x + dx, y + dy]
    area += x * ny - nx * y
    ;[x, y] = [nx, ny]
    // Pixels ahead: on the left hand and on the right hand.
    const left = ahead(at, x, y, direction, true)
    const right = ahead(at, x, y, direction, false)
    // Pieces that touch at a corner only stay apart: turn right where both would do.
    const turned = right ? (left ? (direction + 3) % 4 : direction) : (direction + 1) % 4
    if (turned !== direction) ring.push([x, y])
    direction = turned
  } while (!(x === sx && y === sy + 1 && direction === 0))
  return area > 0 ? ring : null
}

function ahead(
  at: (x: number, y: number) => boolean,
  x: number,
  y: number,
  direction: number,
  left: boolean,
): boolean {
  switch (direction) {
    case 0:
      return at(left ? x - 1 : x, y - 1)
    case 1:
      return at(x, left ? y - 1 : y)
    case 2:
      return at(left ? x : x - 1, y)
    default:
      return at(x - 1, left ? y : y - 1)
  }
}

/** The upright box of an outline, on the image. */
export function boundsOn(outline: Outline, { w, h }: Size): Box {
  const [x, y, bw, bh] = boundsOf(outline)
  const [left, top] = [Math.min(Math.max(x, 0), w), Math.min(Math.max(y, 0), h)]
  return [left, top, Math.min(x + bw, w) - left, Math.min(y + bh, h) - top]
}
