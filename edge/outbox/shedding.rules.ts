import type { Evaluation } from "#contract/inspection"

/**
 * What the quota may cost, least valuable first. An NG or undecidable part is what people label and what an
 * escape is proven with, so its image goes only when nothing else is left.
 */
export const shedSteps = [
  { kind: "ok_image", rank: 0, whole: false },
  { kind: "audit_image", rank: 1, whole: false },
  { kind: "ok_row", rank: 0, whole: true },
  { kind: "audit_row", rank: 1, whole: true },
  { kind: "ng_image", rank: 2, whole: false },
  { kind: "ng_row", rank: 2, whole: true },
] as const
export type ShedStep = (typeof shedSteps)[number]

/** Place of a part in the shedding order. Audit images are drawn at random: losing them would bias the estimate. */
export function rankOf(evaluation: Evaluation, whySent: string): 0 | 1 | 2 {
  if (evaluation !== "ok") return 2
  return whySent === "audit" ? 1 : 0
}
