import { cos, sin } from "./maths.ts"
import type { Product } from "./product.ts"
import { createRandom } from "./random.ts"

/** How a part lies under the camera; lengths in part units. */
export interface Pose {
  x: number
  y: number
  cos: number
  sin: number
  /** Direction of the grinding lines in the picture. */
  brushCos: number
  brushSin: number
  /** Which piece of the endless sheet this part was cut from. */
  sheetU: number
  sheetV: number
  /** Strength of the grinding against the product's usual one. */
  brushGain: number
}

const TAU = 6.283185307179586

/** Natural scatter: ±14 px, ±1.6°, grinding direction ±1.4°. A turned part may lie at any angle of its lines. */
export function createPose(product: Product, name: string): Pose {
  const random = createRandom(`${name}/pose`)
  const x = clampNormal(random.normal()) * 7
  const y = clampNormal(random.normal()) * 6
  const angle = clampNormal(random.normal()) * 0.014
  const brush = product.brushTurn * TAU + clampNormal(random.normal()) * 0.012
  return {
    x,
    y,
    cos: cos(angle),
    sin: sin(angle),
    brushCos: cos(angle + brush),
    brushSin: sin(angle + brush),
    sheetU: random.below(1024),
    sheetV: random.below(1024),
    brushGain: random.between(0.8, 1.2),
  }
}

function clampNormal(value: number): number {
  return Math.max(-2, Math.min(2, value))
}

/** Part coordinates to pixels of a frame. */
export function toFrame(pose: Pose, x: number, y: number, width: number, height: number): [number, number] {
  const scale = width / 1280
  return [
    width / 2 + (pose.x + x * pose.cos - y * pose.sin) * scale,
    height / 2 + (pose.y + x * pose.sin + y * pose.cos) * scale,
  ]
}
