import { clamp, type ImagePoint, imagePoint, type ScreenPoint, type Size, screenPoint } from "./geometry.ts"

/** How the image lies on the stage: screen = image × scale + (x, y). */
export type Viewport = { readonly scale: number; readonly x: number; readonly y: number }

/** Image pixels as large as a fingertip are as far as looking closer helps. */
const maxScale = 24

export const toScreen = (v: Viewport, p: ImagePoint): ScreenPoint =>
  screenPoint(p.x * v.scale + v.x, p.y * v.scale + v.y)
export const toImage = (v: Viewport, p: ScreenPoint): ImagePoint =>
  imagePoint((p.x - v.x) / v.scale, (p.y - v.y) / v.scale)

/** The whole image, as large as the stage allows, in the middle. */
export function fit(image: Size, stage: Size): Viewport {
  if (stage.w <= 0 || stage.h <= 0) return { scale: 1, x: 0, y: 0 }
  const scale = Math.min(stage.w / image.w, stage.h / image.h)
  return { scale, x: (stage.w - image.w * scale) / 2, y: (stage.h - image.h * scale) / 2 }
}

/** Keeps the zoom sensible and the middle of the stage on the image, so that the part cannot be lost. */
export function keep(v: Viewport, image: Size, stage: Size): Viewport {
  const least = fit(image, stage)
  const scale = clamp(v.scale, least.scale, Math.max(maxScale, least.scale))
  if (scale <= least.scale) return least
  const along = (at: number, length: number, room: number) =>
    length <= room ? (room - length) / 2 : clamp(at, room / 2 - length, room / 2)
  return { scale, x: along(v.x, image.w * scale, stage.w), y: along(v.y, image.h * scale, stage.h) }
}

/** Zooms so that what is under `at` stays under it. */
export function zoomAt(v: Viewport, at: ScreenPoint, factor: number): Viewport {
  return { scale: v.scale * factor, x: at.x - (at.x - v.x) * factor, y: at.y - (at.y - v.y) * factor }
}

export const panBy = (v: Viewport, dx: number, dy: number): Viewport => ({
  scale: v.scale,
  x: v.x + dx,
  y: v.y + dy,
})

type Pair = readonly [ScreenPoint, ScreenPoint]

/** The viewport after two fingers went from one pair of places to another: what was under each stays under it. */
export function pinch(v: Viewport, from: Pair, to: Pair): Viewport {
  const middle = ([a, b]: Pair) => screenPoint((a.x + b.x) / 2, (a.y + b.y) / 2)
  const spread = ([a, b]: Pair) => Math.max(1, Math.hypot(a.x - b.x, a.y - b.y))
  const [start, end] = [middle(from), middle(to)]
  return panBy(zoomAt(v, start, spread(to) / spread(from)), end.x - start.x, end.y - start.y)
}
