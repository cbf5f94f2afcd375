import type { Drawing, Outline } from "./drawing.ts"
import type { Box } from "./inspection.ts"

/**
 * Geometry of outlines that hub and editor must agree on. Pure and without packages: the editor's core loads it.
 *
 * A mask's pixels as spans [start, end) in one array of pairs, sorted, apart, counted down the columns from the left:
 * the pixel (x, y) has the number x × height + y.
 */
export type Spans = Int32Array

/** Reads COCO's compressed `counts` of an image with `total` pixels; null when they are none. */
export function decodeRuns(counts: string, total: number): Spans | null {
  // A run takes at least one character.
  const spans = new Int32Array(counts.length + 1)
  let length = 0
  let runs = 0
  let [last, beforeLast] = [0, 0]
  let end = 0
  let at = 0
  while (at < counts.length) {
    let value = 0
    let shift = 0
    let more = true
    while (more) {
      const code = counts.charCodeAt(at++) - 48
      if (!(code >= 0 && code < 64) || shift > 30) return null
      value |= (code & 0x1f) << shift
      shift += 5
      more = (code & 0x20) !== 0
      if (!more && (code & 0x10) !== 0 && shift < 32) value |= -1 << shift
    }
    if (runs > 2) value += beforeLast
    if (value < 0) return null
    const start = end
    end += value
    if (end > total) return null
    if (runs % 2 === 1 && value > 0) {
      // Other writers may split a run by one of no pixels.
      if (length > 0 && spans[length - 1] === start) spans[length - 1] = end
      else {
        spans[length++] = start
        spans[length++] = end
      }
    }
    beforeLast = last
    last = value
    runs++
  }
  return end === total ? spans.slice(0, length) : null
}

/** COCO's compressed `counts`: differences to the run before last, five bits a character. */
export function encodeRuns(spans: Spans, total: number): string {
  const runs: number[] = []
  let at = 0
  for (let i = 0; i < spans.length; i += 2) {
    const [start, end] = [spans[i] ?? 0, spans[i + 1] ?? 0]
    runs.push(start - at, end - start)
    at = end
  }
  if (at < total || runs.length === 0) runs.push(total - at)
  let text = ""
  for (let i = 0; i < runs.length; i++) {
    let value = (runs[i] ?? 0) - (i > 2 ? (runs[i - 2] ?? 0) : 0)
    let more = true
    while (more) {
      let code = value & 0x1f
      value >>= 5
      more = code & 0x10 ? value !== -1 : value !== 0
      if (more) code |= 0x20
      text += String.fromCharCode(code + 48)
    }
  }
  return text
}

/** Decoded masks by the outline they belong to: an outline never changes, so neither do its spans. */
const decoded = new WeakMap<object, Spans>()

/** Without pixels when its `counts` are none of an image of this `size`, [height, width]. */
export function spansOf(mask: { size: readonly [number, number]; counts: string }): Spans {
  const known = decoded.get(mask)
  if (known) return known
  const spans = decodeRuns(mask.counts, mask.size[0] * mask.size[1]) ?? new Int32Array()
  decoded.set(mask, spans)
  return spans
}

/** The upright box around the pixels of a mask. */
function boundsOfSpans(spans: Spans, height: number): Box {
  let [top, bottom] = [height, 0]
  for (let i = 0; i < spans.length; i += 2) {
    const [start, last] = [spans[i] ?? 0, (spans[i + 1] ?? 1) - 1]
    const first = start % height
    const end = last % height
    const whole = end < first || last - start >= height
    top = Math.min(top, whole ? 0 : first)
    bottom = Math.max(bottom, whole ? height : end + 1)
  }
  const left = Math.floor((spans[0] ?? 0) / height)
  const right = Math.floor(((spans.at(-1) ?? 1) - 1) / height) + 1
  return [left, top, right - left, Math.max(0, bottom - top)]
}

const bounds = new WeakMap<Outline, Box>()

/** The upright box around an outline; a point's has no size. */
export function boundsOf(outline: Outline): Box {
  let box = bounds.get(outline)
  if (!box) {
    box = measure(outline)
    bounds.set(outline, box)
  }
  return box
}

function measure(outline: Outline): Box {
  switch (outline.type) {
    case "box":
    case "ellipse": {
      const [x, y, w, h] = outline.box
      if (!outline.angle) return outline.box
      const [cos, sin] = [
        Math.cos((outline.angle * Math.PI) / 180),
        Math.sin((outline.angle * Math.PI) / 180),
      ]
      const [across, down] =
        outline.type === "box"
          ? [Math.abs(w * cos) + Math.abs(h * sin), Math.abs(w * sin) + Math.abs(h * cos)]
          : [Math.hypot(w * cos, h * sin), Math.hypot(w * sin, h * cos)]
      return [x + w / 2 - across / 2, y + h / 2 - down / 2, across, down]
    }
    case "polygon":
    case "line": {
      let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity]
      for (const [x, y] of outline.points) {
        left = Math.min(left, x)
        top = Math.min(top, y)
        right = Math.max(right, x)
        bottom = Math.max(bottom, y)
      }
      return [left, top, right - left, bottom - top]
    }
    case "point":
      return [outline.at[0], outline.at[1], 0, 0]
    case "mask":
      return boundsOfSpans(spansOf(outline), outline.size[0])
  }
}

const tenth = (value: number) => Math.round(value * 10) / 10

/**
 * The boxes that a drawing comes to, one for each region and class, for whoever knows boxes only: on the image, at least
 * one pixel large, in tenths of a pixel.
 */
export function boxesOf(drawing: Drawing, image: { w: number; h: number }): { kind: string; box: Box }[] {
  return drawing.regions.flatMap(({ kinds, outline }) => {
    const [x, y, w, h] = boundsOf(outline)
    const [left, top] = [Math.min(Math.max(x, 0), image.w - 1), Math.min(Math.max(y, 0), image.h - 1)]
    const right = Math.min(Math.max(x + w, left + 1), image.w)
    const bottom = Math.min(Math.max(y + h, top + 1), image.h)
    const box: Box = [tenth(left), tenth(top), tenth(right - left), tenth(bottom - top)]
    return kinds.map((kind) => ({ kind, box }))
  })
}
