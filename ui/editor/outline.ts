import { boundsOf, encodeRuns, spansOf } from "#contract/outline"
import type { Outline } from "./document.ts"
import {
  type Box,
  clamp,
  contains,
  distance,
  type Handle,
  handleAt,
  handles,
  type ImagePoint,
  imagePoint,
  minBox,
  moveBox,
  resizeBox,
  type Size,
} from "./geometry.ts"

/** A place where a shape can be taken hold of. `edge` is the middle of a side: pulling it makes a new corner. */
export type Grip =
  | { readonly on: "side"; readonly side: Handle }
  | { readonly on: "turn" }
  | { readonly on: "vertex"; readonly index: number }
  | { readonly on: "edge"; readonly index: number }

type Place = [number, number]

const pair = (p: ImagePoint): Place => [p.x, p.y]
const point = ([x, y]: readonly [number, number]): ImagePoint => imagePoint(x, y)
const radians = (degrees: number) => (degrees * Math.PI) / 180
const middleOf = ([x, y, w, h]: Box): ImagePoint => imagePoint(x + w / 2, y + h / 2)

export function rotate(p: ImagePoint, about: ImagePoint, degrees: number): ImagePoint {
  const [cos, sin] = [Math.cos(radians(degrees)), Math.sin(radians(degrees))]
  const [x, y] = [p.x - about.x, p.y - about.y]
  return imagePoint(about.x + x * cos - y * sin, about.y + x * sin + y * cos)
}

/** An angle in -180..180. */
const wrapAngle = (degrees: number): number => ((((degrees + 180) % 360) + 360) % 360) - 180

/** Box and ellipse, whose corners are not points of their own. */
const isTurnable = (outline: Outline): outline is Outline & { type: "box" | "ellipse" } =>
  outline.type === "box" || outline.type === "ellipse"

function moveMask(mask: Outline & { type: "mask" }, dx: number, dy: number): Outline {
  const [height, width] = mask.size
  // Its bounds stay on the image, so no span of pixels meets the end of its column on the way.
  const spans = spansOf(mask).map((at) => at + dx * height + dy)
  return { ...mask, counts: encodeRuns(spans, width * height) }
}

/** The outline shifted as far as the image allows; a turned one keeps its middle on the image. */
export function moveOutline(outline: Outline, dx: number, dy: number, size: Size): Outline {
  if (isTurnable(outline) && outline.angle) {
    const middle = middleOf(outline.box)
    const [x, y, w, h] = outline.box
    const [mx, my] = [clamp(middle.x + dx, 0, size.w), clamp(middle.y + dy, 0, size.h)]
    return { ...outline, box: [x + mx - middle.x, y + my - middle.y, w, h] }
  }
  if (isTurnable(outline)) return { ...outline, box: moveBox(outline.box, dx, dy, size) }
  const [x, y, w, h] = boundsOf(outline)
  const [sx, sy] = [clamp(dx, -x, size.w - w - x), clamp(dy, -y, size.h - h - y)]
  switch (outline.type) {
    case "polygon":
    case "line":
      return { ...outline, points: outline.points.map(([px, py]): Place => [px + sx, py + sy]) }
    case "point":
      return { ...outline, at: [outline.at[0] + sx, outline.at[1] + sy] }
    case "mask":
      return moveMask(outline, Math.round(sx), Math.round(sy))
  }
}

/** The outline turned about a place; one that would not lie on the image any more stays, and so does what has no direction. */
export function turnOutline(outline: Outline, about: ImagePoint, degrees: number, size: Size): Outline {
  if (isTurnable(outline)) {
    const [, , w, h] = outline.box
    const middle = onImage(rotate(middleOf(outline.box), about, degrees), size)
    const box: Box = [middle.x - w / 2, middle.y - h / 2, w, h]
    const angle = Math.round(wrapAngle((outline.angle ?? 0) + degrees) * 10) / 10
    const isUpright =
      angle === 0 && box[0] >= 0 && box[1] >= 0 && box[0] + w <= size.w && box[1] + h <= size.h
    return isUpright ? { type: outline.type, box } : { ...outline, box, angle }
  }
  if (outline.type !== "polygon" && outline.type !== "line") return outline
  const turned = { ...outline, points: outline.points.map((p) => pair(rotate(point(p), about, degrees))) }
  const [, , w, h] = boundsOf(turned)
  return w > size.w || h > size.h ? outline : moveOutline(turned, 0, 0, size)
}

/** More corners than these are a traced edge: nobody pulls them one by one. */
const mostVertices = 60

/** Where a shape can be taken hold of, with the places. `reach` in image pixels keeps grips off each other. */
export function gripsOf(outline: Outline, reach: number): { grip: Grip; at: ImagePoint }[] {
  switch (outline.type) {
    case "box":
    case "ellipse": {
      const middle = middleOf(outline.box)
      const angle = outline.angle ?? 0
      const [x, y, w] = outline.box
      const sides = handles.map((side) => ({
        grip: { on: "side" as const, side },
        at: rotate(handleAt(outline.box, side), middle, angle),
      }))
      // An upright box stays upright: it is what boxes are to most people, and to trainers.
      if (outline.type === "box" && outline.angle === undefined) return sides
      const above = rotate(imagePoint(x + w / 2, y - reach * 1.6), middle, angle)
      return [...sides, { grip: { on: "turn" }, at: above }]
    }
    case "polygon":
    case "line": {
      const { points } = outline
      if (points.length > mostVertices) return []
      const vertices = points.map((p, index) => ({ grip: { on: "vertex" as const, index }, at: point(p) }))
      const last = outline.type === "polygon" ? points.length : points.length - 1
      const edges = points.slice(0, last).flatMap((a, index) => {
        const b = points[(index + 1) % points.length] ?? a
        const long = Math.hypot(a[0] - b[0], a[1] - b[1]) > reach * 3
        const at = imagePoint((a[0] + b[0]) / 2, (a[1] + b[1]) / 2)
        return long ? [{ grip: { on: "edge" as const, index }, at }] : []
      })
      return [...vertices, ...edges]
    }
    case "point":
    case "mask":
      return []
  }
}

const onImage = (p: ImagePoint, size: Size): ImagePoint =>
  imagePoint(clamp(p.x, 0, size.w), clamp(p.y, 0, size.h))

/** The outline with one grip pulled to `to`. */
export function pullGrip(outline: Outline, grip: Grip, to: ImagePoint, size: Size): Outline {
  if (isTurnable(outline)) {
    const middle = middleOf(outline.box)
    if (grip.on === "turn") {
      const angle = wrapAngle((Math.atan2(to.y - middle.y, to.x - middle.x) * 180) / Math.PI + 90)
      return { ...outline, angle: Math.round(angle * 10) / 10 }
    }
    if (grip.on !== "side") return outline
    if (!outline.angle) return { ...outline, box: resizeBox(outline.box, grip.side, to, size) }
    return { ...outline, box: resizeTurned(outline.box, outline.angle, grip.side, to) }
  }
  if (outline.type !== "polygon" && outline.type !== "line") return outline
  const at = pair(onImage(to, size))
  if (grip.on === "vertex")
    return { ...outline, points: outline.points.map((p, i) => (i === grip.index ? at : p)) }
  if (grip.on === "edge") return { ...outline, points: outline.points.toSpliced(grip.index + 1, 0, at) }
  return outline
}

/** Resizes a turned box: the side or corner across from the handle stays where it is. */
function resizeTurned(box: Box, angle: number, side: Handle, to: ImagePoint): Box {
  const middle = middleOf(box)
  const everywhere = { w: Infinity, h: Infinity }
  const shifted: Box = [0, 0, box[2], box[3]]
  const local = rotate(to, middle, -angle)
  // In a frame where the box has room on all sides, so that only its own size limits it.
  const room = 1e6
  const free: Box = [room, room, shifted[2], shifted[3]]
  const pulled = resizeBox(
    free,
    side,
    imagePoint(local.x - box[0] + room, local.y - box[1] + room),
    everywhere,
  )
  const [x, y, w, h] = [pulled[0] - room + box[0], pulled[1] - room + box[1], pulled[2], pulled[3]]
  const centre = rotate(imagePoint(x + w / 2, y + h / 2), middle, angle)
  return [centre.x - w / 2, centre.y - h / 2, w, h]
}

/** Without one corner; null when too few would be left. */
export function removeVertex(outline: Outline, index: number): Outline | null {
  if (outline.type !== "polygon" && outline.type !== "line") return null
  const least = outline.type === "polygon" ? 3 : 2
  if (outline.points.length <= least) return null
  return { ...outline, points: outline.points.toSpliced(index, 1) }
}

/** The corners that something may snap to, and the ends of its sides in order. */
export function cornersOf(outline: Outline): ImagePoint[] {
  switch (outline.type) {
    case "box":
    case "ellipse": {
      const middle = middleOf(outline.box)
      return (["nw", "ne", "se", "sw"] as const).map((side) =>
        rotate(handleAt(outline.box, side), middle, outline.angle ?? 0),
      )
    }
    case "polygon":
    case "line":
      return outline.points.map(point)
    case "point":
      return [point(outline.at)]
    case "mask":
      return []
  }
}

/** The place on the line from a to b that is nearest to p. */
export function nearestOn(a: ImagePoint, b: ImagePoint, p: ImagePoint): ImagePoint {
  const [dx, dy] = [b.x - a.x, b.y - a.y]
  const length = dx * dx + dy * dy
  const t = length === 0 ? 0 : clamp(((p.x - a.x) * dx + (p.y - a.y) * dy) / length, 0, 1)
  return imagePoint(a.x + t * dx, a.y + t * dy)
}

function isInPolygon(points: readonly (readonly [number, number])[], p: ImagePoint): boolean {
  let inside = false
  for (let i = 0, j = points.length - 1; i < points.length; j = i++) {
    const [[ax, ay], [bx, by]] = [points[i] ?? [0, 0], points[j] ?? [0, 0]]
    if (ay > p.y !== by > p.y && p.x < ((bx - ax) * (p.y - ay)) / (by - ay) + ax) inside = !inside
  }
  return inside
}

function isNear(points: readonly Place[], p: ImagePoint, slack: number, closed: boolean): boolean {
  const last = closed ? points.length : points.length - 1
  for (let i = 0; i < last; i++) {
    const [a, b] = [points[i], points[(i + 1) % points.length]]
    if (a && b && distance(nearestOn(point(a), point(b), p), p) <= slack) return true
  }
  return false
}

/** Whether a mask has the pixel at a place. */
function hasPixel(mask: Outline & { type: "mask" }, x: number, y: number): boolean {
  const [height, width] = mask.size
  if (x < 0 || y < 0 || x >= width || y >= height) return false
  const at = Math.floor(x) * height + Math.floor(y)
  const spans = spansOf(mask)
  let [low, high] = [0, spans.length / 2]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((spans[middle * 2 + 1] ?? 0) <= at) low = middle + 1
    else high = middle
  }
  return (spans[low * 2] ?? Infinity) <= at
}

/** Whether a finger at `p` means this outline; `slack` in image pixels is what a fingertip covers. */
export function hits(outline: Outline, p: ImagePoint, slack: number): boolean {
  const bounds = boundsOf(outline)
  if (!contains(bounds, p, slack)) return false
  switch (outline.type) {
    case "box":
    case "ellipse": {
      const middle = middleOf(outline.box)
      const local = rotate(p, middle, -(outline.angle ?? 0))
      if (outline.type === "box") return contains(outline.box, local, slack)
      const [rx, ry] = [outline.box[2] / 2 + slack, outline.box[3] / 2 + slack]
      return ((local.x - middle.x) / rx) ** 2 + ((local.y - middle.y) / ry) ** 2 <= 1
    }
    case "polygon":
      return isInPolygon(outline.points, p) || isNear(outline.points, p, slack, true)
    case "line":
      return isNear(outline.points, p, slack, false)
    case "point":
      return distance(point(outline.at), p) <= slack * 1.8
    case "mask": {
      const step = Math.max(1, slack / 2)
      for (const dx of [0, -step, step, -slack, slack])
        for (const dy of [0, -step, step, -slack, slack])
          if (hasPixel(outline, p.x + dx, p.y + dy)) return true
      return false
    }
  }
}

/** The fewest corners that stay within `tolerance` of the traced ones (Ramer–Douglas–Peucker). */
export function simplify(points: readonly ImagePoint[], tolerance: number): ImagePoint[] {
  const kept = new Set([0, points.length - 1])
  const open: [number, number][] = [[0, points.length - 1]]
  for (let range = open.pop(); range; range = open.pop()) {
    const [from, to] = range
    const [a, b] = [points[from], points[to]]
    if (!a || !b) continue
    let [farthest, index] = [tolerance, -1]
    for (let i = from + 1; i < to; i++) {
      const p = points[i]
      const d = p ? distance(nearestOn(a, b, p), p) : 0
      if (d > farthest) [farthest, index] = [d, i]
    }
    if (index < 0) continue
    kept.add(index)
    open.push([from, index], [index, to])
  }
  return points.filter((_, i) => kept.has(i))
}

/** The outline in the frame `to` as it lay in the frame `from`: what pulling at a group does. */
export function scaleOutline(outline: Outline, from: Box, to: Box): Outline {
  const [sx, sy] = [to[2] / from[2], to[3] / from[3]]
  const place = ([x, y]: readonly [number, number]): Place => [
    to[0] + (x - from[0]) * sx,
    to[1] + (y - from[1]) * sy,
  ]
  switch (outline.type) {
    case "box":
    case "ellipse": {
      const [x, y] = place([outline.box[0], outline.box[1]])
      const [w, h] = [Math.max(minBox, outline.box[2] * sx), Math.max(minBox, outline.box[3] * sy)]
      return { ...outline, box: [x, y, w, h] }
    }
    case "polygon":
    case "line":
      return { ...outline, points: outline.points.map(place) }
    case "point":
      return { ...outline, at: place(outline.at) }
    case "mask":
      return scaleMask(outline, from, to)
  }
}

/** A mask's pixels by column: from the top, where they begin and end in turn. Columns without any are not there. */
export function columnsOf(mask: Outline & { type: "mask" }): Map<number, number[]> {
  const [height] = mask.size
  const columns = new Map<number, number[]>()
  const spans = spansOf(mask)
  for (let i = 0; i < spans.length; i += 2) {
    let start = spans[i] ?? 0
    const end = spans[i + 1] ?? start
    while (start < end) {
      const column = Math.floor(start / height)
      const stop = Math.min(end, (column + 1) * height)
      const own = columns.get(column)
      if (own) own.push(start - column * height, stop - column * height)
      else columns.set(column, [start - column * height, stop - column * height])
      start = stop
    }
  }
  return columns
}

/** A mask's pixels drawn out or together: every column takes those of the column it came from. */
function scaleMask(mask: Outline & { type: "mask" }, from: Box, to: Box): Outline {
  const [height, width] = mask.size
  const columns = columnsOf(mask)
  const [sx, sy] = [to[2] / from[2], to[3] / from[3]]
  const left = clamp(Math.round(to[0]), 0, width - 1)
  const right = clamp(Math.round(to[0] + to[2]), left + 1, width)
  const out: number[] = []
  for (let x = left; x < right; x++) {
    const source = Math.floor(from[0] + (x + 0.5 - to[0]) / sx)
    const own = columns.get(source) ?? []
    for (let i = 0; i < own.length; i += 2) {
      const [top, bottom] = [own[i] ?? 0, own[i + 1] ?? 0]
      const a = clamp(Math.round(to[1] + (top - from[1]) * sy), 0, height - 1)
      const b = clamp(Math.round(to[1] + (bottom - from[1]) * sy), a + 1, height)
      const last = out.at(-1)
      if (last !== undefined && x * height + a <= last) out[out.length - 1] = Math.max(last, x * height + b)
      else out.push(x * height + a, x * height + b)
    }
  }
  if (out.length === 0) return mask
  return { ...mask, counts: encodeRuns(Int32Array.from(out), width * height) }
}

/** The upright box around several outlines. */
export function boundsOfAll(outlines: readonly Outline[]): Box {
  const all = outlines.map(boundsOf)
  const left = Math.min(...all.map((b) => b[0]))
  const top = Math.min(...all.map((b) => b[1]))
  const right = Math.max(...all.map((b) => b[0] + b[2]))
  const bottom = Math.max(...all.map((b) => b[1] + b[3]))
  return [left, top, right - left, bottom - top]
}
