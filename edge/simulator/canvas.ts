import type { Box } from "#contract/inspection"

/** A picture in the making: 12-bit grey, and how much plain metal face lies under each pixel (0..255). */
export interface Canvas {
  width: number
  height: number
  /** Pixels per part unit. */
  scale: number
  luma: Int16Array
  finish: Uint8Array
  tints: Tint[]
}

/** A coloured film over a window of the picture; each channel is multiplied by 1 + gain · strength. */
export interface Tint {
  x: number
  y: number
  width: number
  height: number
  strength: Float32Array
  gain: readonly [number, number, number]
}

/** Bounds of what has visibly changed, in pixels; empty while `right < left`. */
export interface Touched {
  left: number
  top: number
  right: number
  bottom: number
}

/** The least change that counts as visible: two of 255 grey levels. */
const VISIBLE = 32

export function untouched(): Touched {
  return { left: Number.POSITIVE_INFINITY, top: Number.POSITIVE_INFINITY, right: -1, bottom: -1 }
}

export function boxOf(touched: Touched): Box | undefined {
  const { left, top, right, bottom } = touched
  return right < left ? undefined : [left, top, right - left + 1, bottom - top + 1]
}

/** A window of whole pixels inside the canvas around (x, y), or a degenerate one outside it. */
export function windowAround(canvas: Canvas, x: number, y: number, reach: number) {
  const left = Math.max(0, Math.floor(x - reach))
  const top = Math.max(0, Math.floor(y - reach))
  const right = Math.min(canvas.width - 1, Math.ceil(x + reach))
  const bottom = Math.min(canvas.height - 1, Math.ceil(y + reach))
  return { left, top, right, bottom }
}

/** Repaints a window pixel by pixel and remembers where the change can be seen. */
export function repaint(
  canvas: Canvas,
  touched: Touched,
  area: Touched,
  shade: (x: number, y: number, old: number, finish: number) => number,
) {
  for (let y = area.top; y <= area.bottom; y++) {
    for (let x = area.left; x <= area.right; x++) {
      const i = y * canvas.width + x
      const old = canvas.luma[i]!
      const now = Math.max(0, Math.min(4095, Math.round(shade(x, y, old, canvas.finish[i]!))))
      canvas.luma[i] = now
      if (Math.abs(now - old) >= VISIBLE) touch(touched, x, y)
    }
  }
}

export function touch(touched: Touched, x: number, y: number) {
  if (x < touched.left) touched.left = x
  if (x > touched.right) touched.right = x
  if (y < touched.top) touched.top = y
  if (y > touched.bottom) touched.bottom = y
}

/** Colours a window; `strength` is asked per pixel and clipped to 0..1. */
export function tint(
  canvas: Canvas,
  touched: Touched,
  area: Touched,
  gain: readonly [number, number, number],
  strength: (x: number, y: number, finish: number) => number,
) {
  const width = area.right - area.left + 1
  const height = area.bottom - area.top + 1
  if (width <= 0 || height <= 0) return
  const film = new Float32Array(width * height)
  const most = Math.max(...gain.map(Math.abs))
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = (area.top + y) * canvas.width + area.left + x
      const s = Math.max(0, Math.min(1, strength(area.left + x, area.top + y, canvas.finish[i]!)))
      film[y * width + x] = s
      if (s * most * canvas.luma[i]! >= VISIBLE) touch(touched, area.left + x, area.top + y)
    }
  }
  canvas.tints.push({ x: area.left, y: area.top, width, height, strength: film, gain })
}

/** Nearness of each pixel of a window to a polyline: distance, side (+ right of travel) and share of the way. */
export interface Stroke {
  area: Touched
  distance(x: number, y: number): number
  side(x: number, y: number): number
  along(x: number, y: number): number
}

/** Measures a polyline given in pixels, out to `reach` pixels; farther pixels read as infinitely far. */
export function strokeOf(canvas: Canvas, points: readonly [number, number][], reach: number): Stroke {
  const xs = points.map((p) => p[0])
  const ys = points.map((p) => p[1])
  const left = Math.max(0, Math.floor(Math.min(...xs) - reach))
  const top = Math.max(0, Math.floor(Math.min(...ys) - reach))
  const right = Math.min(canvas.width - 1, Math.ceil(Math.max(...xs) + reach))
  const bottom = Math.min(canvas.height - 1, Math.ceil(Math.max(...ys) + reach))
  const width = Math.max(0, right - left + 1)
  const size = width * Math.max(0, bottom - top + 1)
  const near = new Float32Array(size).fill(Number.POSITIVE_INFINITY)
  const sides = new Float32Array(size)
  const alongs = new Float32Array(size)
  for (let k = 0; k + 1 < points.length; k++) {
    const [ax, ay] = points[k]!
    const [bx, by] = points[k + 1]!
    const dx = bx - ax
    const dy = by - ay
    const length2 = dx * dx + dy * dy
    if (length2 === 0) continue
    const length = Math.sqrt(length2)
    for (
      let y = Math.max(top, Math.floor(Math.min(ay, by) - reach));
      y <= Math.min(bottom, Math.ceil(Math.max(ay, by) + reach));
      y++
    ) {
      for (
        let x = Math.max(left, Math.floor(Math.min(ax, bx) - reach));
        x <= Math.min(right, Math.ceil(Math.max(ax, bx) + reach));
        x++
      ) {
        const t = Math.max(0, Math.min(1, ((x - ax) * dx + (y - ay) * dy) / length2))
        const ox = x - ax - t * dx
        const oy = y - ay - t * dy
        const d = Math.sqrt(ox * ox + oy * oy)
        const i = (y - top) * width + x - left
        if (d >= near[i]!) continue
        near[i] = d
        sides[i] = (ox * -dy + oy * dx) / length
        alongs[i] = (k + t) / (points.length - 1)
      }
    }
  }
  const at = (field: Float32Array) => (x: number, y: number) => field[(y - top) * width + x - left]!
  return { area: { left, top, right, bottom }, distance: at(near), side: at(sides), along: at(alongs) }
}
