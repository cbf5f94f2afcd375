import type { Box } from "#contract/inspection"
import { boxOf, type Canvas, untouched } from "./canvas.ts"
import { paintBurr, paintChip, paintCrack } from "./defect.edge.ts"
import type { Site } from "./defect.site.ts"
import { paintDent, paintRust, paintScratch, paintStain } from "./defect.surface.ts"
import { clamp } from "./maths.ts"
import type { Pose } from "./pose.ts"
import type { Product } from "./product.ts"
import { createRandom } from "./random.ts"

export const defectKinds = ["scratch", "dent", "stain", "chip", "crack", "burr", "rust"] as const
export type DefectKind = (typeof defectKinds)[number]

/** A flaw to draw; `severity` 0 is at the limit of what must be rejected, 1 is gross. */
export interface DefectPlan {
  kind: DefectKind
  severity: number
}

/** Draws one flaw and answers the box of the pixels that visibly changed. `name` decides place and form. */
export function paintDefect(
  canvas: Canvas,
  product: Product,
  pose: Pose,
  plan: DefectPlan,
  name: string,
): Box | undefined {
  const touched = untouched()
  const severity = clamp(plan.severity, 0, 1)
  const site: Site = { canvas, product, pose, random: createRandom(name), severity, touched }
  painters[plan.kind](site)
  return boxOf(touched)
}

const painters: Record<DefectKind, (site: Site) => void> = {
  scratch: paintScratch,
  dent: paintDent,
  stain: paintStain,
  chip: paintChip,
  crack: paintCrack,
  burr: paintBurr,
  rust: paintRust,
}
