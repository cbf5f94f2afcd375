import { clamp } from "./maths.ts"
import type { Pose } from "./pose.ts"
import type { Product } from "./product.ts"
import { clouds, createRandom } from "./random.ts"

/** State of the lamp and the camera when a part is shot. */
export interface Lighting {
  /** Brightness against a new lamp, 1 = new. */
  gain: number
  /** Warmth of the light: 0 neutral, +1 clearly warm, −1 clearly cold. */
  warmth: number
  /** How much brighter the left end of the picture is than the right one, −0.5..0.5. */
  tilt: number
}

/** Light values on a grid of one node per 16 pixels; between nodes the drawing interpolates. */
export interface LightField {
  columns: number
  /** Gain times 256. */
  diffuse: Int32Array
  /** Mirror-like share in 12-bit grey levels. */
  gloss: Int32Array
}

export const CELL = 16

/** Light over the picture: fall-off to the corners, lamp tilt, slow mottling and the metal's long highlight. */
export function createLightField(
  product: Product,
  lighting: Lighting,
  pose: Pose,
  name: string,
  width: number,
  height: number,
): LightField {
  const random = createRandom(`${name}/light`)
  const columns = Math.ceil(width / CELL) + 1
  const rows = Math.ceil(height / CELL) + 1
  const diffuse = new Int32Array(columns * rows)
  const gloss = new Int32Array(columns * rows)
  const gain = lighting.gain * (1 + 0.018 * random.normal())
  const unit = 1280 / width
  const band = random.between(-90, 90) - 120
  const strength = 620 * random.between(0.85, 1.15) * lighting.gain
  const mottle = random.below(1 << 30)
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const x = (column * CELL - width / 2) * unit
      const y = (row * CELL - height / 2) * unit
      const r2 = (x * x + y * y) / 640_000
      const vignette = 1 - 0.3 * r2 + 0.04 * r2 * r2
      const lamp = 1.04 - (0.1 + lighting.tilt) * (x / 640) - 0.09 * (y / 480)
      const uneven = 0.955 + 0.09 * clouds(mottle, x / 260, y / 260)
      const i = row * columns + column
      diffuse[i] = Math.round(256 * clamp(gain * vignette * lamp * uneven, 0.05, 1.9))
      gloss[i] = Math.round(strength * vignette * highlight(product, pose, x, y, band))
    }
  }
  return { columns, diffuse, gloss }
}

/** Ground metal mirrors a lamp as a band across its lines; turned metal as two fans from the centre. */
function highlight(product: Product, pose: Pose, x: number, y: number, band: number): number {
  const px = x - pose.x
  const py = y - pose.y
  if (product.finish === "turned") {
    const across = px * 0.83 + py * 0.56
    const along = px * px + py * py + 900
    const c2 = (across * across) / along
    const c4 = c2 * c2
    const side = px * -0.56 + py * 0.83
    const s2 = (side * side) / along
    return 1.25 * c4 * c4 + 0.35 * s2 * s2 * s2 * s2
  }
  const dx = pose.brushCos
  const dy = pose.brushSin
  // Distance along the lines from the band's middle; the band itself is slightly curved by the lens.
  const across = x * dy - y * dx
  const d = (x * dx + y * dy - band + 0.00012 * across * across) / 230
  const q = 1 + d * d
  return 0.95 / (q * q)
}
