import type { Thresholds } from "../infer/verdict.ts"

export const sigmoid = (logit: number) => 1 / (1 + Math.exp(-logit))

/** Room added beyond the extreme when there are too few parts for the promised share, in logits. */
const thinMargin = 0.5
/** Distance from the last good part to NG when no defect was ever labelled, in logits; more when parts are few. */
const blindMargin = (parts: number) => Math.max(1.5, 6 / Math.sqrt(parts))
/** Share of good parts a model that never saw a defect may ask about: asking is how it comes to see one. */
const askedBlind = 0.1
/** Largest share of good parts that may be left undecided to keep the escape target. */
const mostUndecided = 0.2
/** Part of the empty gap between good and bad that counts as bad; the rest stays undecidable. */
const gapShare = 0.25

/**
 * Sets the operating point by split conformal quantiles: at most `target.overkill` of good parts score at or
 * above `t_high`, at most `target.escape` of bad ones below `t_low`. That needs 1/share - 1 parts of the
 * class; with fewer the extreme seen plus a margin is used, which promises nothing but is not careless.
 *
 * Overlapping classes leave their overlap undecidable, but never more than a fifth of the good parts: one
 * defect nobody can see must not send a whole shift to a person. The escape that costs shows in the figures. Separated ones leave the middle of the gap
 * undecidable: no part was ever seen there, so a kind nobody labelled is asked about and not passed.
 * Inputs are logits of parts that were not trained on.
 */
export function thresholdsFor(
  good: readonly number[],
  bad: readonly number[],
  target: { escape: number; overkill: number },
): Thresholds {
  const upper = upperQuantile(good, target.overkill)
  if (bad.length === 0) {
    return {
      t_low: sigmoid(Math.min(upper, upperQuantile(good, askedBlind))),
      t_high: sigmoid(upper + blindMargin(good.length)),
    }
  }
  const lower = lowerQuantile(bad, target.escape)
  if (lower <= upper) {
    const floor = Math.min(upper, upperQuantile(good, mostUndecided))
    return { t_low: sigmoid(Math.max(lower, floor)), t_high: sigmoid(upper) }
  }
  // Without the thin margin: asking about one more good part is cheaper than passing a bad one.
  const passed = Math.min(upper, Math.max(...good))
  return { t_low: sigmoid(passed), t_high: sigmoid(lower - (lower - passed) * gapShare) }
}

/** Value that at most `share` of new draws exceed, with finite-sample correction. */
export function upperQuantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  const rank = Math.ceil((sorted.length + 1) * (1 - share))
  if (rank <= sorted.length) return sorted[rank - 1]!
  return (sorted.at(-1) ?? 0) + thinMargin
}

export function lowerQuantile(values: readonly number[], share: number): number {
  return -upperQuantile(
    values.map((value) => -value),
    share,
  )
}
