import { minimise } from "./minimise.ts"
import { quantile, type Weighted } from "./thresholds.ts"

/** What two views say about one image: mean of the worst patches' bank distance and of their head logit. */
export type ImageStats = { bank: number; head?: number }
export type LabelledStats = ImageStats & { ng: boolean; weight: number; product?: string }

/**
 * Image logit = max(bank view, fused view). The bank view alone may reject, so a defect nobody has labelled
 * yet is not talked away by a head that never saw it; the fused view lets labels catch what the bank passes.
 * Both apply to single cells as well, which keeps map and score on one scale.
 */
export type Fusion = {
  bank: { gain: number; offset: number }
  fused?: { bank: number; head: number; offset: number }
}

/** Number of cells whose mean is the image's statistic: small defects cover a few cells only. */
export function worstCells(cells: number): number {
  return Math.max(3, Math.round(cells * 0.0035))
}

/** Mean of the `k` largest values. */
export function meanOfWorst(values: Float32Array, k: number): number {
  const sorted = Float32Array.from(values).sort()
  let sum = 0
  for (let i = sorted.length - k; i < sorted.length; i++) sum += sorted[i]!
  return sum / k
}

export function imageLogit({ bank, fused }: Fusion, stats: ImageStats): number {
  const alone = bank.gain * stats.bank + bank.offset
  if (!fused || stats.head === undefined) return alone
  return Math.max(alone, fused.bank * stats.bank + fused.head * stats.head + fused.offset)
}

/**
 * Fits the two views on statistics no part of which was trained on the same part. `overkill` is the share of
 * good parts the bank view may reach its middle with.
 */
export async function fitFusion(points: readonly LabelledStats[], overkill: number): Promise<Fusion> {
  const bank = fitBankView(
    weighted(points, (point) => point.bank),
    overkill,
  )
  const usable = points.filter((point) => point.head !== undefined)
  if (!usable.some((point) => point.ng)) return { bank }
  let best: { fusion: Fusion; rated: number } | undefined
  for (const prior of priors) {
    const fusion = { bank, fused: await fitFusedView(usable, prior) }
    const rated = separation(points, fusion)
    if (!best || rated > best.rated + leastGain) best = { fusion, rated }
  }
  return best!.fusion
}

/**
 * Area under the ROC curve of the image logit with every part counted by its weight: the share of pairs of an NG and an
 * OK part that stand in the right order. 1 when one verdict is missing.
 */
export function separation(points: readonly LabelledStats[], fusion: Fusion): number {
  return ranked(
    points.map((point) => ({ value: imageLogit(fusion, point), ng: point.ng, weight: point.weight })),
  )
}

/** The same for values that are known. */
export function ranked(points: readonly { value: number; ng: boolean; weight: number }[]): number {
  const pairs = weightOf(points, true) * weightOf(points, false)
  if (pairs === 0) return 1
  const rising = points.toSorted((a, b) => a.value - b.value || Number(b.ng) - Number(a.ng))
  let goodBelow = 0
  let right = 0
  for (const { ng, weight } of rising) {
    if (ng) right += weight * goodBelow
    else goodBelow += weight
  }
  return right / pairs
}

/** Logit -3 at the median good part, 0 a quarter of the spread beyond the upper quantile of good parts. */
function fitBankView(good: readonly Weighted[], overkill: number): Fusion["bank"] {
  const total = good.reduce((sum, { weight }) => sum + weight, 0)
  const median = quantile(good, 0.5 * total)
  const upper = quantile(good, Math.min(total, (total + 1) * (1 - overkill)))
  const reach = Math.max(1.25 * (upper - median), 0.05 * Math.abs(median), 1e-6)
  const gain = 3 / reach
  return { gain, offset: -3 - gain * median }
}

/**
 * Weights before any evidence, per spread of good parts, bank then head. A few dozen labels cannot tell exactly how far
 * to trust either view; on most photographs the first beats either view alone and any weights fitted freely. Where
 * defects are few and unlike each other the head knows nothing, and the bank is better left alone.
 */
const priors = [
  [1, 1.5],
  [1, 0.5],
  [1, 0],
] as const
type Prior = (typeof priors)[number]
/** Separation a later prior must gain to be preferred. */
const leastGain = 0.01
/** Parts of the rarer verdict at which the evidence starts to outweigh the prior. */
const priorParts = 4
/** Standardised statistics beyond this count as this: one good part unlike all others must not silence a view. */
const clip = 4

/** Class-balanced logistic regression on two standardised views, drawn towards `prior`, weights never below zero. */
async function fitFusedView(
  points: readonly LabelledStats[],
  prior: Prior,
): Promise<NonNullable<Fusion["fused"]>> {
  const views = [viewOf(points, (p) => p.bank), viewOf(points, (p) => p.head!)]
  const totals = { ng: weightOf(points, true), ok: weightOf(points, false) }
  const pull = priorParts / Math.min(totals.ng, totals.ok)
  const theta = await minimise(
    (theta, gradient) => {
      gradient.fill(0)
      let loss = 0
      for (const [i, point] of points.entries()) {
        let z = theta[2]!
        for (const [c, { clipped }] of views.entries()) z += (prior[c]! + theta[c]!) * clipped[i]!
        const weight = (0.5 * point.weight) / (point.ng ? totals.ng : totals.ok)
        const signed = point.ng ? z : -z
        loss += weight * (signed > 0 ? Math.log1p(Math.exp(-signed)) : -signed + Math.log1p(Math.exp(signed)))
        const g = weight * (1 / (1 + Math.exp(-z)) - (point.ng ? 1 : 0))
        for (const [c, { clipped }] of views.entries()) gradient[c]! += g * clipped[i]!
        gradient[2]! += g
      }
      for (const c of [0, 1]) {
        loss += 0.5 * pull * theta[c]! ** 2
        gradient[c]! += pull * theta[c]!
      }
      return loss
    },
    3,
    50,
  )
  const weights = views.map(({ spread }, c) => Math.max(0, prior[c]! + theta[c]!) / spread)
  const offset = theta[2]! - weights.reduce((sum, w, c) => sum + w * views[c]!.centre, 0)
  return { bank: weights[0]!, head: weights[1]!, offset }
}

/** A statistic in units of the spread of good parts, by quantiles: a few odd groups do not widen it. */
function viewOf(points: readonly LabelledStats[], get: (point: LabelledStats) => number) {
  const good = weighted(points, get)
  const total = weightOf(points, false)
  const [low, centre, high] = [0.16, 0.5, 0.84].map((share) => quantile(good, share * total)) as Triple
  const spread = Math.max(high - centre, centre - low, 1e-6)
  const clipped = points.map((point) => Math.max(-clip, Math.min(clip, (get(point) - centre) / spread)))
  return { centre, spread, clipped }
}
type Triple = [number, number, number]

function weighted(points: readonly LabelledStats[], get: (point: LabelledStats) => number): Weighted[] {
  return points.filter(({ ng }) => !ng).map((point) => ({ value: get(point), weight: point.weight }))
}

function weightOf(points: readonly { ng: boolean; weight: number }[], ng: boolean): number {
  return points.reduce((sum, point) => sum + (point.ng === ng ? point.weight : 0), 0)
}
