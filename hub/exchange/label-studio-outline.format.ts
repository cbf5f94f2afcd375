import type { Outline } from "#contract/drawing"
import { encodeRuns, spansOf } from "#contract/outline"
import { decodeBrush, encodeBrush, fillRows, spansOfRows } from "./brush.format.ts"
import { decodePng, encodeBlack } from "./png.format.ts"

/** Outlines of Label Studio (percent of the picture, boxes turned about their top-left corner) and ours (pixels). */
export type Size = { w: number; h: number }

/** Six digits after the point: percent and back does not leave 12.299999999999. */
const tidy = (value: number) => Math.round(value * 1e6) / 1e6 || 0
const radians = (degrees: number) => (degrees * Math.PI) / 180
/** −180 … 180. */
const turned = (degrees: number) => {
  const within = ((degrees % 360) + 360) % 360
  return tidy(within > 180 ? within - 360 : within)
}

/** The outline of a value, by the shape its type names; null for one that cannot be read. */
export function drawn(shape: string, value: Record<string, unknown>, { w, h }: Size): Outline | null {
  const number = (key: string) => (typeof value[key] === "number" ? value[key] : Number.NaN)
  const [x, y] = [(number("x") / 100) * w, (number("y") / 100) * h]
  const angle = turned(Number.isFinite(number("rotation")) ? number("rotation") : 0)
  const turn = angle === 0 ? {} : { angle }
  switch (shape) {
    case "rectangle": {
      const [bw, bh] = [(number("width") / 100) * w, (number("height") / 100) * h]
      const [cos, sin] = [Math.cos(radians(angle)), Math.sin(radians(angle))]
      const [cx, cy] = [x + (bw * cos - bh * sin) / 2, y + (bw * sin + bh * cos) / 2]
      return boxed("box", cx - bw / 2, cy - bh / 2, bw, bh, turn)
    }
    case "ellipse": {
      const [rx, ry] = [(number("radiusX") / 100) * w, (number("radiusY") / 100) * h]
      return boxed("ellipse", x - rx, y - ry, rx * 2, ry * 2, turn)
    }
    case "keypoint":
      return Number.isFinite(x) && Number.isFinite(y) ? { type: "point", at: [tidy(x), tidy(y)] } : null
    case "polygon":
      return pathOf(value.points, value.closed !== false, w, h)
    case "vector":
      return pathOf(verticesOf(value.vertices), value.closed === true, w, h)
    case "brush": {
      if (!Array.isArray(value.rle) || !value.rle.every((byte) => typeof byte === "number")) return null
      return maskOf(decodeBrush(value.rle, w, h), w, h)
    }
    default:
      return maskOf(spansOfBitmask(value.imageDataURL, w, h), w, h)
  }
}

function boxed(
  type: "box" | "ellipse",
  x: number,
  y: number,
  w: number,
  h: number,
  turn: { angle?: number },
) {
  const box: [number, number, number, number] = [tidy(x), tidy(y), tidy(w), tidy(h)]
  return box.every(Number.isFinite) && box[2] > 0 && box[3] > 0 ? ({ type, box, ...turn } as const) : null
}

function pathOf(points: unknown, closed: boolean, w: number, h: number): Outline | null {
  if (!Array.isArray(points) || points.length > 20_000) return null
  const out: [number, number][] = []
  for (const point of points) {
    if (!Array.isArray(point) || typeof point[0] !== "number" || typeof point[1] !== "number") return null
    out.push([tidy((point[0] / 100) * w), tidy((point[1] / 100) * h)])
  }
  if (!out.flat().every(Number.isFinite)) return null
  if (closed && out.length >= 3) return { type: "polygon", points: out }
  return out.length >= 2 ? { type: "line", points: out } : null
}

/** Vertices name the one before them; a path that forks is read along their order. */
function verticesOf(vertices: unknown): unknown {
  if (!Array.isArray(vertices)) return null
  return vertices.map((vertex: unknown) =>
    typeof vertex === "object" && vertex !== null && "x" in vertex && "y" in vertex
      ? [vertex.x, vertex.y]
      : null,
  )
}

function maskOf(spans: Int32Array | null, w: number, h: number): Outline | null {
  if (!spans || spans.length === 0) return null
  return { type: "mask", size: [h, w], counts: encodeRuns(spans, w * h) }
}

function spansOfBitmask(url: unknown, w: number, h: number): Int32Array | null {
  const text =
    typeof url === "string" ? /^data:image\/png;base64,([A-Za-z0-9+/=]+)$/.exec(url)?.[1] : undefined
  if (text === undefined) return null
  const png = decodePng(new Uint8Array(Buffer.from(text, "base64")), w * h)
  if (!png || png.w !== w || png.h !== h) return null
  // Black on transparent: where there is an alpha it says what is marked, else what is dark.
  const marked = new Uint8Array(w * h)
  const hasAlpha = png.channels === 4 || png.channels === 2
  for (let i = 0; i < marked.length; i++) {
    const last = png.samples[i * png.channels + (hasAlpha ? png.channels - 1 : 0)] ?? 0
    marked[i] = hasAlpha === last > 0 ? 1 : 0
  }
  return spansOfRows(marked, w, h)
}

/** A mask as Label Studio's bitmask has it: black pixels on nothing. */
export function bitmaskOf(mask: Outline & { type: "mask" }): { imageDataURL: string } {
  const [h, w] = mask.size
  const pixels = new Uint8Array(w * h)
  fillRows(spansOf(mask), h, w, 1, pixels)
  const png = Buffer.from(encodeBlack({ w, h, pixels })).toString("base64")
  return { imageDataURL: `data:image/png;base64,${png}` }
}

/** An outline as the value of a result. */
export function geometryOf(outline: Outline, { w, h }: Size): Record<string, unknown> {
  const across = (x: number) => (x / w) * 100
  const down = (y: number) => (y / h) * 100
  switch (outline.type) {
    case "box": {
      const [x, y, bw, bh] = outline.box
      const angle = outline.angle ?? 0
      const [cos, sin] = [Math.cos(radians(angle)), Math.sin(radians(angle))]
      const left = x + bw / 2 - (bw * cos - bh * sin) / 2
      const top = y + bh / 2 - (bw * sin + bh * cos) / 2
      const rotation = tidy(angle < 0 ? angle + 360 : angle)
      return { x: across(left), y: down(top), width: across(bw), height: down(bh), rotation }
    }
    case "ellipse": {
      const [x, y, bw, bh] = outline.box
      const angle = outline.angle ?? 0
      return {
        x: across(x + bw / 2),
        y: down(y + bh / 2),
        radiusX: across(bw / 2),
        radiusY: down(bh / 2),
        rotation: tidy(angle < 0 ? angle + 360 : angle),
      }
    }
    case "polygon":
      return { points: outline.points.map(([x, y]) => [across(x), down(y)]), closed: true }
    case "line":
      return {
        vertices: outline.points.map(([x, y], i) => ({
          id: `v${i}`,
          x: across(x),
          y: down(y),
          prevPointId: i === 0 ? null : `v${i - 1}`,
          isBezier: false,
        })),
        closed: false,
      }
    case "point":
      return { x: across(outline.at[0]), y: down(outline.at[1]), width: 0.5 }
    case "mask":
      return { format: "rle", rle: encodeBrush(spansOf(outline), outline.size[1], outline.size[0]) }
  }
}
