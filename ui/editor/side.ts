import type { Outline } from "./document.ts"
import { distance, type ImagePoint, minBox } from "./geometry.ts"

/** The box with one side from a to b whose opposite side passes `at`; null when nothing could be seen of it. */
export function boxOnSide(a: ImagePoint, b: ImagePoint, at: ImagePoint): (Outline & { type: "box" }) | null {
  const width = distance(a, b)
  if (width < minBox) return null
  const [ux, uy] = [(b.x - a.x) / width, (b.y - a.y) / width]
  const deep = (at.x - a.x) * -uy + (at.y - a.y) * ux
  const height = Math.abs(deep)
  if (height < minBox) return null
  const middle = {
    x: (a.x + b.x) / 2 + (-uy * deep) / 2,
    y: (a.y + b.y) / 2 + (ux * deep) / 2,
  }
  const angle = Math.round(((Math.atan2(uy, ux) * 180) / Math.PI) * 10) / 10
  return { type: "box", box: [middle.x - width / 2, middle.y - height / 2, width, height], angle }
}
