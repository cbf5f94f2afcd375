import type { Box, Finding } from "#contract/inspection"
import type { Placement } from "../preprocess.ts"

/** Cell grid of a patch model: `map` is the NG score per cell, `probs` the class probabilities per cell. */
export type PatchMap = {
  w: number
  h: number
  /** [h * w] in 0..1. */
  map: Float32Array
  /** [classes, h * w]; absent for a model that knows no defect kinds. */
  probs?: Float32Array
  /** Cell edge in input pixels. */
  stride: number
}

const maxFindings = 16
/** A finding reaches down to this share of its peak: cells overlap by receptive field and would smear boxes. */
const reach = 0.6

/**
 * Reads findings off the cell map: every connected area of cells at or above `pixel` with its kind
 * and a box in original pixels, strongest first. `keys[0]` must be the OK class; an area
 * the head calls OK is `unknown`: abnormal, but of no kind that was ever labelled. At least the highest cell is reported.
 */
export function findingsOf(
  { w, h, map, probs, stride }: PatchMap,
  pixel: number,
  keys: readonly string[],
  placement: Placement,
): Finding[] {
  const order = Array.from(map.keys()).sort((a, b) => map[b]! - map[a]! || a - b)
  const seen = new Uint8Array(map.length)
  const findings: Finding[] = []
  for (const peak of order) {
    if (findings.length === maxFindings || (findings.length > 0 && map[peak]! < pixel)) break
    if (seen[peak]) continue
    flood(
      peak,
      w,
      h,
      (cell) => map[cell]! >= pixel && seen[cell] !== 1,
      (cell) => {
        seen[cell] = 1
      },
    )
    seen[peak] = 1
    let [x0, y0, x1, y1] = [peak % w, Math.floor(peak / w), peak % w, Math.floor(peak / w)]
    const floor = Math.max(pixel, map[peak]! * reach)
    const inside = new Set([peak])
    flood(
      peak,
      w,
      h,
      (cell) => map[cell]! >= floor && !inside.has(cell),
      (cell) => {
        inside.add(cell)
        const [x, y] = [cell % w, Math.floor(cell / w)]
        x0 = Math.min(x0, x)
        x1 = Math.max(x1, x)
        y0 = Math.min(y0, y)
        y1 = Math.max(y1, y)
      },
    )
    const box = toOriginal([x0 * stride, y0 * stride, (x1 + 1) * stride, (y1 + 1) * stride], placement)
    const score = Math.min(1, Math.max(0, map[peak]!))
    findings.push({ kind: kindOf([...inside], map.length, probs, keys), score, ...(box && { box }) })
  }
  return findings
}

/** Named where the head is surest of a defect: the cell farthest from the bank may lie beside it. */
function kindOf(
  cells: readonly number[],
  total: number,
  probs: Float32Array | undefined,
  keys: readonly string[],
): string {
  if (!probs) return "unknown"
  const surest = cells.reduce((best, cell) => (probs[cell]! < probs[best]! ? cell : best))
  if (probs[surest]! >= 0.5) return "unknown"
  let kind = 1
  for (let k = 2; k < keys.length; k++)
    if (probs[k * total + surest]! > probs[kind * total + surest]!) kind = k
  return keys[kind] ?? "unknown"
}

/** 4-connected flood fill from `start`; `visit` must make `wanted` false for its cell. */
function flood(
  start: number,
  w: number,
  h: number,
  wanted: (cell: number) => boolean,
  visit: (cell: number) => void,
) {
  const open = [start]
  for (let cell = open.pop(); cell !== undefined; cell = open.pop()) {
    const x = cell % w
    const near = [x > 0 ? cell - 1 : -1, x < w - 1 ? cell + 1 : -1, cell - w, cell + w]
    for (const next of near) {
      if (next < 0 || next >= w * h || !wanted(next)) continue
      visit(next)
      open.push(next)
    }
  }
}

/** Corner coordinates in input pixels to a COCO box in original pixels, clipped; undefined if nothing is left. */
function toOriginal([x0, y0, x1, y1]: [number, number, number, number], p: Placement): Box | undefined {
  const clip = (value: number, max: number) => Math.min(max, Math.max(0, Math.round(value)))
  const [left, right] = [clip((x0 - p.offsetX) / p.scaleX, p.w), clip((x1 - p.offsetX) / p.scaleX, p.w)]
  const [top, bottom] = [clip((y0 - p.offsetY) / p.scaleY, p.h), clip((y1 - p.offsetY) / p.scaleY, p.h)]
  return right > left && bottom > top ? [left, top, right - left, bottom - top] : undefined
}
