import { lengthOf } from "./maths.ts"

/** Outlines in part coordinates: origin in the middle of the picture, y down, unit = pixel of a 1280-wide frame. */
export type Shape =
  | { form: "box"; x: number; y: number; hx: number; hy: number; r: number }
  | { form: "disc"; x: number; y: number; r: number }
  /** A round-ended slot from (x−dx, y−dy) to (x+dx, y+dy). */
  | { form: "slot"; x: number; y: number; dx: number; dy: number; r: number }

/** Signed distance to the outline in part units, negative inside. */
export function distance(shape: Shape, px: number, py: number): number {
  const x = px - shape.x
  const y = py - shape.y
  switch (shape.form) {
    case "disc":
      return Math.sqrt(x * x + y * y) - shape.r
    case "slot": {
      const { dx, dy } = shape
      const t = Math.max(-1, Math.min(1, (x * dx + y * dy) / (dx * dx + dy * dy)))
      return lengthOf(x - t * dx, y - t * dy) - shape.r
    }
    case "box": {
      const qx = Math.abs(x) - shape.hx + shape.r
      const qy = Math.abs(y) - shape.hy + shape.r
      const ox = Math.max(qx, 0)
      const oy = Math.max(qy, 0)
      return Math.sqrt(ox * ox + oy * oy) + Math.min(Math.max(qx, qy), 0) - shape.r
    }
  }
}

/** Union whose inner corners are filled by a fillet of about radius `k`. */
export function union(a: number, b: number, k: number): number {
  if (k <= 0) return Math.min(a, b)
  const h = Math.max(k - Math.abs(a - b), 0) / k
  return Math.min(a, b) - h * h * k * 0.25
}

/** Direction in which `field` grows, as a unit vector. */
export function slope(field: (x: number, y: number) => number, x: number, y: number): [number, number] {
  const gx = field(x + 0.5, y) - field(x - 0.5, y)
  const gy = field(x, y + 0.5) - field(x, y - 0.5)
  const length = Math.sqrt(gx * gx + gy * gy)
  return length > 1e-9 ? [gx / length, gy / length] : [0, 0]
}
