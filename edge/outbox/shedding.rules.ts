import type { Evaluation } from "#contract/inspection"

/**
 * What the quota may cost, least valuable first: full pictures of OK parts, their thumbnails, pictures of the random
 * audit, records of OK parts (their number remains as a count), audit records. An NG or undecidable part is what
 * people label and what an escape is proven with, so its picture goes only when nothing else is left.
 */
export const shedSteps = [
  { kind: "ok_image", rank: 0, image: "full", whole: false },
  { kind: "ok_thumb", rank: 0, image: "thumb", whole: false },
  { kind: "audit_image", rank: 1, image: "full", whole: false },
  { kind: "ok_row", rank: 0, image: null, whole: true },
  { kind: "audit_row", rank: 1, image: null, whole: true },
  { kind: "ng_image", rank: 2, image: "full", whole: false },
  { kind: "ng_row", rank: 2, image: null, whole: true },
] as const
export type ShedStep = (typeof shedSteps)[number]

/**
 * Place of a part in the shedding order. Audit images are drawn at random: losing them would bias the estimate. What two
 * models see differently teaches more than what they agree on.
 */
export function rankOf(evaluation: Evaluation, whySent: string): 0 | 1 | 2 {
  if (evaluation !== "ok") return 2
  return whySent === "audit" || whySent === "disagreement" ? 1 : 0
}

/** What the loss of a part's own picture is counted as. */
export function pictureKind(rank: 0 | 1 | 2, image: "full" | "thumb" | "none"): ShedStep["kind"] {
  if (rank === 0) return image === "thumb" ? "ok_thumb" : "ok_image"
  return rank === 1 ? "audit_image" : "ng_image"
}
