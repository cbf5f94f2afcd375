/**
 * Highest rate that `events` out of `n` leave possible with 95 % confidence: one-sided Clopper-Pearson bound.
 * 1 for n = 0: nothing was shown. Zero misses in 59 parts prove less than 5 %.
 */
export function clopperPearsonUpper(events: number, n: number, alpha = 0.05): number {
  if (n === 0 || events >= n) return 1
  let [low, high] = [0, 1]
  // The distribution function falls as p grows, so halving finds the p at which it is alpha; 2^-50 is below any need.
  for (let i = 0; i < 50; i++) {
    const p = (low + high) / 2
    if (binomialAtMost(events, n, p) > alpha) low = p
    else high = p
  }
  return high
}

/** The exact 95 % interval of a share: two-sided Clopper-Pearson, which covers at least as often as it says. */
export function clopperPearson(events: number, n: number): { low: number; high: number } {
  return {
    low: 1 - clopperPearsonUpper(n - events, n, 0.025),
    high: clopperPearsonUpper(events, n, 0.025),
  }
}

/** P(X <= k) for X ~ Binomial(n, p), 0 < p < 1. */
function binomialAtMost(k: number, n: number, p: number): number {
  const [logP, logQ] = [Math.log(p), Math.log1p(-p)]
  let logTerm = n * logQ
  let sum = Math.exp(logTerm)
  for (let i = 1; i <= k; i++) {
    logTerm += Math.log(n - i + 1) - Math.log(i) + logP - logQ
    sum += Math.exp(logTerm)
  }
  return Math.min(1, sum)
}

/**
 * Exact one-sided McNemar test on pairs: the chance of at least `worse` of the discordant pairs going against the
 * challenger when the two models are equally good. 6-0 gives .016, 5-0 .031, 12-4 .038; 1 when none is discordant.
 */
export function mcnemarWorse(worse: number, better: number): number {
  if (worse === 0) return 1
  return 1 - binomialAtMost(worse - 1, worse + better, 0.5)
}

/** Area under the ROC curve of the NG score by ranks, ties half; null when one side is missing. */
export function auroc(ok: readonly number[], ng: readonly number[]): number | null {
  if (ok.length === 0 || ng.length === 0) return null
  const all = [...ok.map((score) => ({ score, ng: 0 })), ...ng.map((score) => ({ score, ng: 1 }))]
  all.sort((a, b) => a.score - b.score)
  let rankSum = 0
  for (let from = 0; from < all.length; ) {
    let to = from
    while (to < all.length && all[to]!.score === all[from]!.score) to++
    const rank = (from + 1 + to) / 2
    for (let i = from; i < to; i++) rankSum += all[i]!.ng * rank
    from = to
  }
  return (rankSum - (ng.length * (ng.length + 1)) / 2) / (ok.length * ng.length)
}

/** Nearest-rank percentile of `values`; 0 for none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0
}
