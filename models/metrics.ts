/**
 * Figures of inspection quality. Positive = NG; escape = an NG part passed as OK, overkill = an OK part
 * rejected; an undecidable part is neither. All functions are pure.
 */

/** One judged part: what it is, what the model scored (higher is NG) and said. */
export type Judged = { ng: boolean; score: number; eval: "ok" | "ng" | "undecidable" | "undefined" }

export type Rate = { count: number; total: number; rate: number; lower: number; upper: number }

export type QualityFigures = {
  /** Share of NG parts passed as OK. */
  escape: Rate
  /** Share of OK parts rejected as NG. */
  overkill: Rate
  /** Share of all parts nobody decided. */
  undecidable: Rate
  auroc: number
  pb2: number
  pg2: number
}

export function qualityFigures(parts: readonly Judged[], confidence = 0.95): QualityFigures {
  const bad = parts.filter((part) => part.ng)
  const good = parts.filter((part) => !part.ng)
  const count = (of: readonly Judged[], said: Judged["eval"]) =>
    of.filter((part) => part.eval === said).length
  const [badScores, goodScores] = [bad.map((part) => part.score), good.map((part) => part.score)]
  return {
    escape: rateOf(count(bad, "ok"), bad.length, confidence),
    overkill: rateOf(count(good, "ng"), good.length, confidence),
    undecidable: rateOf(parts.length - count(parts, "ok") - count(parts, "ng"), parts.length, confidence),
    auroc: auroc(goodScores, badScores),
    pb2: caughtAtOverkill(goodScores, badScores, 0.02),
    pg2: passedAtEscape(goodScores, badScores, 0.02),
  }
}

export function rateOf(count: number, total: number, confidence = 0.95): Rate {
  return { count, total, rate: total === 0 ? 0 : count / total, ...clopperPearson(count, total, confidence) }
}

/**
 * Exact binomial bounds on a share, each one-sided at `confidence` (Clopper and Pearson 1934): with 0 misses
 * in 59 parts the upper bound is 5 %, in 299 parts 1 %. No parts prove nothing: [0, 1].
 */
export function clopperPearson(
  count: number,
  total: number,
  confidence = 0.95,
): { lower: number; upper: number } {
  if (total === 0) return { lower: 0, upper: 1 }
  const alpha = 1 - confidence
  return {
    lower: count === 0 ? 0 : betaQuantile(alpha, count, total - count + 1),
    upper: count === total ? 1 : betaQuantile(1 - alpha, count + 1, total - count),
  }
}

/** Area under the ROC curve: chance that an NG part outscores an OK part, ties counted half. NaN if one is empty. */
export function auroc(good: readonly number[], bad: readonly number[]): number {
  const all = [...good.map((score) => ({ score, ng: 0 })), ...bad.map((score) => ({ score, ng: 1 }))]
  all.sort((a, b) => a.score - b.score)
  let rankSum = 0
  for (let i = 0; i < all.length; ) {
    let end = i
    while (end < all.length && all[end]!.score === all[i]!.score) end++
    for (let k = i; k < end; k++) rankSum += all[k]!.ng * ((i + end + 1) / 2)
    i = end
  }
  return (rankSum - (bad.length * (bad.length + 1)) / 2) / (good.length * bad.length)
}

/** PB(n): share of NG parts caught when at most `overkill` of the OK parts are rejected. */
export function caughtAtOverkill(good: readonly number[], bad: readonly number[], overkill: number): number {
  const allowed = Math.floor(good.length * overkill)
  const limit = good.toSorted((a, b) => b - a)[allowed] ?? Number.NEGATIVE_INFINITY
  return bad.length === 0 ? 0 : bad.filter((score) => score > limit).length / bad.length
}

/** PG(n): share of OK parts passed when at most `missed` of the NG parts pass with them. */
export function passedAtEscape(good: readonly number[], bad: readonly number[], missed: number): number {
  const allowed = Math.floor(bad.length * missed)
  const limit = bad.toSorted((a, b) => a - b)[allowed] ?? Number.POSITIVE_INFINITY
  return good.length === 0 ? 0 : good.filter((score) => score < limit).length / good.length
}

/**
 * Exact two-sided McNemar test on paired verdicts: `onlyA` parts that only A got right, `onlyB` only B. Returns
 * the p-value of the difference being chance; 6 against 0 is the least that reaches 5 %.
 */
export function mcnemarExact(onlyA: number, onlyB: number): number {
  const n = onlyA + onlyB
  const few = Math.min(onlyA, onlyB)
  let tail = 0
  let term = 0.5 ** n
  for (let k = 0; k <= few; k++) {
    tail += term
    term *= (n - k) / (k + 1)
  }
  // Beyond a thousand pairs 0.5^n underflows; the incomplete beta function is exact there too.
  if (n > 1000) tail = incompleteBeta(0.5, n - few, few + 1)
  return Math.min(1, 2 * tail)
}

/** Quantile of the Beta(a, b) distribution by bisection on its distribution function. */
export function betaQuantile(p: number, a: number, b: number): number {
  let [low, high] = [0, 1]
  for (let i = 0; i < 100 && high - low > 1e-14; i++) {
    const middle = (low + high) / 2
    if (incompleteBeta(middle, a, b) < p) low = middle
    else high = middle
  }
  return (low + high) / 2
}

/** Regularised incomplete beta function I_x(a, b), continued fraction after Lentz (DLMF 8.17.22). */
export function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0
  if (x >= 1) return 1
  // The fraction converges fast only left of the mean.
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a)
  const front =
    Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x)) / a
  const tiny = 1e-300
  const guard = (value: number) => (Math.abs(value) < tiny ? tiny : value)
  let c = 1
  let d = 1 / guard(1 - ((a + b) * x) / (a + 1))
  let result = d
  for (let m = 1; m <= 300; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
    d = 1 / guard(1 + even * d)
    c = guard(1 + even / c)
    result *= d * c
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))
    d = 1 / guard(1 + odd * d)
    c = guard(1 + odd / c)
    result *= d * c
    if (Math.abs(d * c - 1) < 1e-15) break
  }
  return front * result
}

/** Lanczos approximation, g = 7, nine terms: about 15 digits. */
function logGamma(x: number): number {
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x)
  const z = x - 1
  let sum = 0.99999999999980993
  for (const [i, term] of lanczos.entries()) sum += term / (z + i + 1)
  const t = z + 7.5
  return 0.5 * Math.log(2 * Math.PI) + (z + 0.5) * Math.log(t) - t + Math.log(sum)
}

const lanczos = [
  676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059, 12.507343278686905,
  -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
]
