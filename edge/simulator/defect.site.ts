import type { Canvas, Touched } from "./canvas.ts"
import { cos, sin } from "./maths.ts"
import { type Pose, toFrame } from "./pose.ts"
import { metalDistance, type Product } from "./product.ts"
import type { Random } from "./random.ts"
import { slope } from "./shape.ts"

/** Where and how strongly a flaw is drawn. */
export interface Site {
  canvas: Canvas
  product: Product
  pose: Pose
  random: Random
  severity: number
  touched: Touched
}

/** A point of the face at least `clear` away from every edge. */
export function facePoint(site: Site, clear: number): [number, number] {
  for (let attempt = 0; attempt < 400; attempt++) {
    const x = site.random.between(-500, 500)
    const y = site.random.between(-410, 410)
    const need = attempt < 200 ? clear : Math.min(clear, 14)
    if (metalDistance(site.product, x, y) < -need) return [x, y]
  }
  return [0, 300]
}

/** A point on the outline of the metal (a rim or a hole) and the direction out of the metal there. */
export function edgePoint(site: Site) {
  const field = (x: number, y: number) => metalDistance(site.product, x, y)
  let [x, y] = facePoint(site, 3)
  // Walk along a random heading until the metal ends, then settle on the outline.
  const turn = site.random.between(0, 6.283)
  const dx = cos(turn)
  const dy = sin(turn)
  for (let step = 0; step < 400 && field(x, y) < -1; step++) {
    const stride = Math.max(1, -field(x, y))
    x += dx * stride
    y += dy * stride
  }
  for (let step = 0; step < 4; step++) {
    const [nx, ny] = slope(field, x, y)
    const d = field(x, y)
    x -= nx * d
    y -= ny * d
  }
  const [nx, ny] = slope(field, x, y)
  return { x, y, nx, ny }
}

export function framePoint(site: Site, x: number, y: number): [number, number] {
  return toFrame(site.pose, x, y, site.canvas.width, site.canvas.height)
}

/** 1 on metal, 0 beside it; bevels carry a low finish but are metal. */
export const onMetal = (finish: number) => Math.min(1, finish / 40)

export function unit(turn: number): [number, number] {
  return [cos(turn), sin(turn)]
}
