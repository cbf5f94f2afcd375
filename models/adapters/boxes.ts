import type { Box } from "#contract/inspection"
import type { Placement } from "../preprocess.ts"

/** One thing a detector found: corners in pixels of its input, a class by its number, how sure it is. */
export type Detection = { corners: Corners; cls: number; score: number }
export type Corners = readonly [x0: number, y0: number, x1: number, y1: number]

export const aroundMiddle = (cx: number, cy: number, w: number, h: number): Corners => [
  cx - w / 2,
  cy - h / 2,
  cx + w / 2,
  cy + h / 2,
]

/** More are noise; a part with more real defects is NG anyway. */
const most = 300

/** Keeps the surest of those that lie on each other, class by class. */
export function suppress(found: readonly Detection[], iou: number): Detection[] {
  const kept: Detection[] = []
  // Sorting some ten thousand candidates for the sake of a few would take longer than the rest.
  for (const next of found.toSorted((a, b) => b.score - a.score).slice(0, 3_000)) {
    if (kept.length === most) break
    if (!kept.some((other) => other.cls === next.cls && overlap(other.corners, next.corners) > iou))
      kept.push(next)
  }
  return kept
}

function overlap(a: Corners, b: Corners): number {
  const w = Math.min(a[2], b[2]) - Math.max(a[0], b[0])
  const h = Math.min(a[3], b[3]) - Math.max(a[1], b[1])
  if (w <= 0 || h <= 0) return 0
  const both = w * h
  return both / (area(a) + area(b) - both)
}

const area = ([x0, y0, x1, y1]: Corners) => (x1 - x0) * (y1 - y0)

/** From pixels of the input to a box on the picture; undefined when nothing of it is on the picture. */
export function onPicture([x0, y0, x1, y1]: Corners, p: Placement): Box | undefined {
  const clip = (value: number, most: number) => Math.round(Math.min(most, Math.max(0, value)) * 10) / 10
  const [left, right] = [clip((x0 - p.offsetX) / p.scaleX, p.w), clip((x1 - p.offsetX) / p.scaleX, p.w)]
  const [top, bottom] = [clip((y0 - p.offsetY) / p.scaleY, p.h), clip((y1 - p.offsetY) / p.scaleY, p.h)]
  return right > left && bottom > top ? [left, top, right - left, bottom - top] : undefined
}
