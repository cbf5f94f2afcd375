import type { Evaluation, InspectionHeader } from "#contract/inspection"
import type { Desired } from "#contract/release"

export type Sampling = Desired["sampling"]

/** Until the hub says otherwise: every NG and undecidable part with its image, of OK parts the record alone. */
export const firstSampling: Sampling = { audit: 0.05, image_ok: "none" }

/**
 * What is kept of a part. `draw` is a fresh uniform number in [0, 1): OK parts fall into the audit slice with the
 * logged probability `sampling.audit`, independent of their score, so escapes can be estimated without bias.
 */
export function policyFor(
  evaluation: Evaluation,
  sampling: Sampling,
  draw: number,
): InspectionHeader["policy"] {
  if (evaluation !== "ok") return { why_sent: evaluation, image: "full" }
  if (draw < sampling.audit) return { why_sent: "audit", image: "full" }
  return { why_sent: "ok", image: sampling.image_ok }
}
