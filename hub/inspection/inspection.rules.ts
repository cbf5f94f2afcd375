import type { FramePart, InspectionHeader } from "#contract/inspection"
import type { QueueReason } from "#contract/labelling"
import { disagrees } from "#contract/shadow"

/** Most valuable first; the position is the coarse rank. */
const order: readonly QueueReason[] = [
  "wanted",
  "undecidable",
  "disagreement",
  "audit",
  "ng",
  "second_opinion",
  "unsure_label",
  "skipped",
  "ok",
  "sent_back",
]

export type Priority = { reason: QueueReason; rank: number }

/** Rank of a reason; `fine` (0..999, lower first) orders parts within it. */
export function rankOf(reason: QueueReason, fine = 0): number {
  return order.indexOf(reason) * 1000 + Math.min(999, Math.max(0, Math.round(fine)))
}

/**
 * Why, and how soon, a person should look at a part: what the model could not decide, then what two judges saw
 * differently, then the random audit (the only unbiased look at OK parts), then NG, then the rest. Null without a
 * full image: boxes are in its pixels, and nobody should judge a part by its thumbnail.
 */
export function reviewPriority(header: InspectionHeader, inAudit = false): Priority | null {
  if (header.parts.length === 0 || header.policy.image !== "full") return null
  const reason = reviewReason(header, inAudit)
  return { reason, rank: rankOf(reason, reason === "ng" || reason === "ok" ? certainty(header) : 0) }
}

function reviewReason(
  { verdict, shadow, findings, policy }: InspectionHeader,
  inAudit: boolean,
): QueueReason {
  if (verdict.eval === "undecidable" || verdict.eval === "undefined") return "undecidable"
  // An OK part with something found on it contradicts itself.
  if (
    policy.why_sent === "disagreement" ||
    (shadow && disagrees(verdict, shadow.verdict)) ||
    (verdict.eval === "ok" && findings.length > 0)
  )
    return "disagreement"
  if (inAudit || policy.why_sent === "audit") return "audit"
  return verdict.eval
}

/** 0 at the decision threshold, 999 far from it: a label teaches most where the model is least sure. */
function certainty({ verdict: { score, t_low, t_high } }: InspectionHeader): number {
  if (score === undefined) return 999
  const threshold = ((t_low ?? 0.5) + (t_high ?? 0.5)) / 2
  return Math.abs(score - threshold) * 999
}

/** Whether a part's pictures may wait at the station while the disk is tight: nobody is going to miss them first. */
export function mayWait({ verdict, policy }: InspectionHeader): boolean {
  return verdict.eval === "ok" && policy.why_sent === "ok"
}

/** The part a person looks at: the one with the most pixels, the first of equals. */
export function mainPart(parts: readonly FramePart[]): FramePart | undefined {
  return parts.reduce<FramePart | undefined>(
    (best, part) => (best && best.w * best.h >= part.w * part.h ? best : part),
    undefined,
  )
}

/**
 * Whether a frame that arrives under a known id is the stored one again. What was inspected and decided must be equal.
 * Images may be missing or reduced, because a device short of space sheds them between two attempts; an image sent
 * again in full must be the same one.
 */
export function isSameInspection(stored: InspectionHeader, again: InspectionHeader): boolean {
  const judged = (h: InspectionHeader) =>
    JSON.stringify([h.id, h.boot, h.seq, h.ts, h.part_id ?? null, h.verdict, h.findings, h.model ?? null])
  if (judged(stored) !== judged(again)) return false
  if (again.policy.image !== stored.policy.image) return true
  return again.parts.every((part) =>
    stored.parts.some((s) => s.name === part.name && s.sha256 === part.sha256),
  )
}
