import { clamp, type ImagePoint, imagePoint, type ScreenPoint, type Size, screenPoint } from "./geometry.ts"

/** Quarter turns clockwise. */
export type Turn = 0 | 1 | 2 | 3

/** How the image lies on the stage: screen = turned(image) × scale + (x, y). */
export type Viewport = {
  readonly scale: number
  readonly x: number
  readonly y: number
  readonly turn: Turn
}

/** Image pixels as large as a fingertip are as far as looking closer helps. */
const maxScale = 24

const cosines = [1, 0, -1, 0] as const
const sines = [0, 1, 0, -1] as const

/** Where one image pixel to the right goes on the screen, without the scale. */
export const axisOf = (turn: Turn): readonly [number, number] => [cosines[turn], sines[turn]]

export function toScreen(v: Viewport, p: ImagePoint): ScreenPoint {
  const [cos, sin] = axisOf(v.turn)
  return screenPoint((p.x * cos - p.y * sin) * v.scale + v.x, (p.x * sin + p.y * cos) * v.scale + v.y)
}

export function toImage(v: Viewport, p: ScreenPoint): ImagePoint {
  const [cos, sin] = axisOf(v.turn)
  const [x, y] = [(p.x - v.x) / v.scale, (p.y - v.y) / v.scale]
  return imagePoint(x * cos + y * sin, y * cos - x * sin)
}

/** The image's size as it lies. */
const turned = (image: Size, turn: Turn): Size => (turn % 2 === 0 ? image : { w: image.h, h: image.w })

/** The viewport that puts the top-left corner of the turned image at `left`, `top`. */
function placed(image: Size, turn: Turn, scale: number, left: number, top: number): Viewport {
  const [cos, sin] = axisOf(turn)
  const least = (a: number, b: number) => Math.min(0, a) + Math.min(0, b)
  return {
    turn,
    scale,
    x: left - least(image.w * cos, -image.h * sin) * scale,
    y: top - least(image.w * sin, image.h * cos) * scale,
  }
}

/** The whole image, as large as the stage allows, in the middle. */
export function fit(image: Size, stage: Size, turn: Turn = 0): Viewport {
  const { w, h } = turned(image, turn)
  if (stage.w <= 0 || stage.h <= 0) return placed(image, turn, 1, 0, 0)
  const scale = Math.min(stage.w / w, stage.h / h)
  return placed(image, turn, scale, (stage.w - w * scale) / 2, (stage.h - h * scale) / 2)
}

/** Keeps the zoom sensible and the middle of the stage on the image, so that the part cannot be lost. */
export function keep(v: Viewport, image: Size, stage: Size): Viewport {
  const least = fit(image, stage, v.turn)
  const scale = clamp(v.scale, least.scale, Math.max(maxScale, least.scale))
  if (scale <= least.scale) return least
  const { w, h } = turned(image, v.turn)
  const origin = placed(image, v.turn, scale, 0, 0)
  const along = (at: number, length: number, room: number) =>
    length <= room ? (room - length) / 2 : clamp(at, room / 2 - length, room / 2)
  return placed(
    image,
    v.turn,
    scale,
    along(v.x - origin.x, w * scale, stage.w),
    along(v.y - origin.y, h * scale, stage.h),
  )
}

/** Zooms so that what is under `at` stays under it. */
export function zoomAt(v: Viewport, at: ScreenPoint, factor: number): Viewport {
  return {
    ...v,
    scale: v.scale * factor,
    x: at.x - (at.x - v.x) * factor,
    y: at.y - (at.y - v.y) * factor,
  }
}

export const panBy = (v: Viewport, dx: number, dy: number): Viewport => ({ ...v, x: v.x + dx, y: v.y + dy })

/** Turns the view by quarters; what is in the middle of the stage stays there. */
export function turnBy(v: Viewport, quarters: number, stage: Size): Viewport {
  const middle = screenPoint(stage.w / 2, stage.h / 2)
  const held = toImage(v, middle)
  const next: Viewport = { ...v, turn: ((((v.turn + quarters) % 4) + 4) % 4) as Turn }
  const now = toScreen(next, held)
  return panBy(next, middle.x - now.x, middle.y - now.y)
}

type Pair = readonly [ScreenPoint, ScreenPoint]

/** The viewport after two fingers went from one pair of places to another: what was under each stays under it. */
export function pinch(v: Viewport, from: Pair, to: Pair): Viewport {
  const middle = ([a, b]: Pair) => screenPoint((a.x + b.x) / 2, (a.y + b.y) / 2)
  const spread = ([a, b]: Pair) => Math.max(1, Math.hypot(a.x - b.x, a.y - b.y))
  const [start, end] = [middle(from), middle(to)]
  return panBy(zoomAt(v, start, spread(to) / spread(from)), end.x - start.x, end.y - start.y)
}
