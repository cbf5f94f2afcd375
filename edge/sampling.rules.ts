import type { InspectionHeader, Verdict } from "#contract/inspection"
import type { Sampling } from "#contract/release"

/** Until the hub says otherwise: every NG and undecidable part with its image, of OK parts the record alone. */
export const firstSampling: Sampling = { audit: 0.05, image_ok: "none" }

type Policy = InspectionHeader["policy"]

/**
 * What is kept of a part. `draw` is a fresh uniform number in [0, 1): OK parts fall into the audit slice with the
 * logged probability `sampling.audit`, before anything looks at their score, so escapes can be estimated without bias.
 * `differs`: the shadow model calls the part otherwise.
 */
export function policyFor(verdict: Verdict, sampling: Sampling, draw: number, differs = false): Policy {
  const unsure = isUnsure(verdict, sampling.unsure_margin ?? 0)
  if (verdict.eval === "ng" && differs) return { why_sent: "disagreement", image: "full" }
  if (verdict.eval === "ng") return { why_sent: "ng", image: unsure ? "full" : (sampling.image_ng ?? "full") }
  if (verdict.eval !== "ok") return { why_sent: verdict.eval, image: "full" }
  if (draw < sampling.audit) return { why_sent: "audit", image: "full" }
  if (differs) return { why_sent: "disagreement", image: "full" }
  if (unsure) return { why_sent: "unsure", image: "full" }
  return { why_sent: "ok", image: sampling.image_ok }
}

/** Decided, but so close to a threshold that a person's judgement teaches something. */
function isUnsure({ score, t_low, t_high }: Verdict, margin: number): boolean {
  if (margin <= 0 || score === undefined) return false
  return [t_low, t_high].some((threshold) => threshold !== undefined && Math.abs(score - threshold) <= margin)
}

const hourMs = 3_600_000

/** Pictures kept for one reason in one step of time. */
export type Kept = { why: string; step: number; count: number }

/**
 * Counts pictures by reason over a moving hour, in twelve steps of five minutes of the wall clock, beginning with what
 * an earlier run had kept. A clock that is set by more than an hour begins a new one.
 */
export function createHourlyCaps(before: readonly Kept[] = []) {
  const steps = 12
  let taken: readonly Kept[] = before
  let changed = false
  return {
    /** Whether one more picture may be kept for this reason; counts it if so. `at` in milliseconds. */
    take: (why: string, sampling: Sampling, at: number): boolean => {
      const cap = capOf(why, sampling)
      if (cap === undefined) return true
      const step = Math.floor(at / (hourMs / steps))
      const recent = taken.filter((one) => Math.abs(step - one.step) < steps)
      const own = recent.filter((one) => one.why === why)
      if (own.reduce((sum, { count }) => sum + count, 0) >= cap) return false
      const now = own.find((one) => one.step === step) ?? { why, step, count: 0 }
      taken = [...recent.filter((one) => one !== now), { ...now, count: now.count + 1 }]
      changed = true
      return true
    },
    /** What has to be written down since the last call; undefined when nothing has. */
    unsaved: (): readonly Kept[] | undefined => {
      if (!changed) return undefined
      changed = false
      return taken
    },
  }
}

function capOf(why: string, sampling: Sampling): number | undefined {
  switch (why) {
    case "ok":
      return sampling.hourly_ok
    case "audit":
      return sampling.hourly_audit
    case "unsure":
      return sampling.hourly_unsure
    case "disagreement":
      return sampling.hourly_disagreement
    case "ng":
      return sampling.hourly_ng
    default:
      return why === "undecidable" ? sampling.hourly_undecidable : undefined
  }
}
