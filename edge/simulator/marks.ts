import { type Canvas, repaint, strokeOf, untouched, windowAround } from "./canvas.ts"
import { dotsOf } from "./glyphs.ts"
import { lengthOf, smooth } from "./maths.ts"
import { type Pose, toFrame } from "./pose.ts"
import type { Product } from "./product.ts"
import { clouds, createRandom } from "./random.ts"

/** Needle marking: a text of small pits, each dark with a bright lower rim. */
export function paintMarking(
  canvas: Canvas,
  pose: Pose,
  text: string,
  at: readonly [number, number],
  pitch: number,
) {
  const radius = pitch * 0.36 * canvas.scale
  const all = untouched()
  for (const [dx, dy] of dotsOf(text)) {
    const [cx, cy] = toFrame(pose, at[0] + dx * pitch, at[1] + dy * pitch, canvas.width, canvas.height)
    repaint(canvas, all, windowAround(canvas, cx, cy, radius * 1.9), (x, y, old, finish) => {
      if (finish < 60) return old
      const ox = x - cx
      const oy = y - cy
      const r = Math.sqrt(ox * ox + oy * oy) / radius
      const pit = smooth(1.25, 0.5, r)
      const rim = smooth(1.85, 1.2, r) * smooth(0.7, 1.2, r) * ((ox + oy) / (radius * 2))
      return old * (1 - 0.5 * pit + 0.22 * rim)
    })
  }
}

/**
 * What an accepted part may carry: faint smudges, hairlines along the grinding, dust. All stay under the limit:
 * at most 10 of 255 grey levels on the face, dust at most 2 px wide.
 */
export function paintHarmless(canvas: Canvas, product: Product, pose: Pose, name: string) {
  const random = createRandom(`${name}/harmless`)
  const all = untouched()
  const anywhere = (): [number, number] => [
    random.between(0.14, 0.86) * canvas.width,
    random.between(0.12, 0.88) * canvas.height,
  ]
  for (let i = random.below(3); i > 0; i--) {
    const [cx, cy] = anywhere()
    const radius = random.between(40, 110) * canvas.scale
    const form = random.below(1 << 30)
    const depth = random.between(-0.035, 0.025)
    repaint(canvas, all, windowAround(canvas, cx, cy, radius), (x, y, old, finish) => {
      const u = (x - cx) / radius
      const v = (y - cy) / radius
      const q = Math.sqrt(u * u + v * v) + 0.5 * (clouds(form, u * 2 + 9, v * 2 + 9) - 0.5)
      return finish === 0 ? old : old * (1 + depth * smooth(0.85, 0.35, q))
    })
  }
  for (let i = random.below(4); i > 0 && product.finish === "straight"; i--) {
    const [cx, cy] = anywhere()
    const half = random.between(12, 45) * canvas.scale
    const along: [number, number][] = [
      [cx - pose.brushCos * half, cy - pose.brushSin * half],
      [cx + pose.brushCos * half, cy + pose.brushSin * half],
    ]
    const light = random.between(60, 150) * (random.next() < 0.5 ? 1 : -1)
    const stroke = strokeOf(canvas, along, 2)
    repaint(canvas, all, stroke.area, (x, y, old, finish) =>
      finish < 200 ? old : old + light * smooth(1.4, 0.3, stroke.distance(x, y)),
    )
  }
  for (let i = 3 + random.below(9); i > 0; i--) {
    const [cx, cy] = anywhere()
    const radius = random.between(0.6, 1.1) * canvas.scale
    const light = random.next() < 0.6 ? random.between(-520, -200) : random.between(150, 420)
    repaint(canvas, all, windowAround(canvas, cx, cy, radius * 2), (x, y, old) => {
      const r = lengthOf(x - cx, y - cy)
      return old + light * smooth(radius * 1.6, radius * 0.4, r)
    })
  }
}
