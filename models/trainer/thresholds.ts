import type { Thresholds } from "../infer/verdict.ts"

/** A logit and how much it counts; the images of one group together count as one part. */
export type Weighted = { value: number; weight: number }

/** Shares of bad parts that may pass, and of good ones that may be rejected. */
export type Target = { escape: number; overkill: number }

export const sigmoid = (logit: number) => 1 / (1 + Math.exp(-logit))

/** Room added beyond the extreme when there are too few parts for the promised share, in logits. */
const thinMargin = 0.5
/** Distance from the last good part to NG when no defect was ever labelled, in logits; more when parts are few. */
const blindMargin = (parts: number) => Math.max(1.5, 6 / Math.sqrt(parts))
/** Share of good parts a model that never saw a defect may ask about: asking is how it comes to see one. */
const askedBlind = 0.2
/** The same where known defects lie clear of all good parts, while they are too few to prove the escape target. */
const askedClear = 0.1
/** Largest share of good parts that may be left undecided where defects lie among them: while few are known, and then. */
const mostUndecided = { few: 0.3, enough: 0.2 }
/** Part of the empty gap between good and bad that counts as bad; the rest stays undecidable. */
const gapShare = 0.25

/**
 * Sets the operating point by split conformal quantiles: at most `target.overkill` of good parts score at or
 * above `t_high`, at most `target.escape` of bad ones below `t_low`. That needs 1/share - 1 parts of the
 * class; with fewer the extreme seen plus a margin is used, which promises nothing but is not careless.
 *
 * Overlapping classes leave their overlap undecidable, but never more than a fifth of the good parts, three tenths
 * while too few defects are known to tell: one defect nobody can see must not send a whole shift to a person. The
 * escape that costs shows in the figures.
 * Separated ones leave the middle of the gap undecidable: no part was ever seen there, so a kind nobody
 * labelled is asked about and not passed.
 * Inputs are logits of parts that were not trained on.
 */
export function thresholdsFor(
  good: readonly Weighted[],
  bad: readonly Weighted[],
  target: Target,
): Thresholds {
  const upper = upperQuantile(good, target.overkill)
  if (bad.length === 0) {
    const parts = weightOf(good)
    return {
      // Without the finite-sample correction: asking once too often costs little, and a handful of groups would
      // otherwise always end at the oddest of them.
      t_low: sigmoid(Math.min(upper, quantile(good, parts * (1 - askedBlind)))),
      t_high: sigmoid(upper + blindMargin(parts)),
    }
  }
  const lower = lowerQuantile(bad, target.escape)
  // Too few bad parts to show the escape target by: the next one may well lie below all of them.
  const few = (weightOf(bad) + 1) * target.escape < 1
  if (lower <= upper) {
    const most = few ? mostUndecided.few : mostUndecided.enough
    const floor = Math.min(upper, quantile(good, weightOf(good) * (1 - most)))
    return { t_low: sigmoid(Math.max(lower, floor)), t_high: sigmoid(upper) }
  }
  // Without the thin margin: asking about one more good part is cheaper than passing a bad one.
  const asked = few ? quantile(good, weightOf(good) * (1 - askedClear)) : upper
  const passed = Math.min(upper, asked, Math.max(...good.map(({ value }) => value)))
  return { t_low: sigmoid(passed), t_high: sigmoid(lower - (lower - passed) * gapShare) }
}

function weightOf(points: readonly Weighted[]): number {
  return points.reduce((sum, { weight }) => sum + weight, 0)
}

/**
 * Value that at most `share` of new parts exceed, with finite-sample correction: weights sum to the number of
 * independent parts, and the next part counts as one more.
 */
export function upperQuantile(points: readonly Weighted[], share: number): number {
  return quantile(points, (weightOf(points) + 1) * (1 - share))
}

export function lowerQuantile(points: readonly Weighted[], share: number): number {
  const mirrored = points.map(({ value, weight }) => ({ value: -value, weight }))
  return -upperQuantile(mirrored, share)
}

/** Least value at or below which points of `mass` lie; beyond the extreme by a margin when there is not as much. */
export function quantile(points: readonly Weighted[], mass: number): number {
  const sorted = points.toSorted((a, b) => a.value - b.value)
  let below = 0
  for (const { value, weight } of sorted) {
    below += weight
    // Weights are fractions such as 1/3: their sums miss whole numbers by rounding.
    if (below >= mass - 1e-9) return value
  }
  return (sorted.at(-1)?.value ?? 0) + thinMargin
}
