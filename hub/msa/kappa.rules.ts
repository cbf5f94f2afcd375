/** A kappa with its standard error and 95 % interval; null fields where the data allow none. */
export type Kappa = {
  kappa: number | null
  se: number | null
  low: number | null
  high: number | null
  /** Units it was made from. */
  n: number
}

const z95 = 1.959963984540054
const none = (n: number): Kappa => ({ kappa: null, se: null, low: null, high: null, n })

/**
 * Cohen's kappa of pairs of judgements of the same units, with the large-sample standard error of Fleiss, Cohen and
 * Everitt (Psychological Bulletin 72, 1969), which holds away from zero. Null when both name one category alone: there
 * is nothing to agree about beyond chance.
 */
export function cohenKappa(pairs: readonly (readonly [string, string])[]): Kappa {
  const n = pairs.length
  const categories = [...new Set(pairs.flat())]
  const at = new Map(categories.map((category, i) => [category, i]))
  const k = categories.length
  const share = Array.from({ length: k }, () => new Array<number>(k).fill(0))
  for (const [a, b] of pairs) share[at.get(a)!]![at.get(b)!]! += 1 / n
  const rows = share.map(sum)
  const columns = categories.map((_, j) => sum(share.map((row) => row[j]!)))
  const agreed = sum(categories.map((_, i) => share[i]![i]!))
  const expected = sum(categories.map((_, i) => rows[i]! * columns[i]!))
  if (n === 0 || 1 - expected < 1e-12) return none(n)
  const kappa = (agreed - expected) / (1 - expected)
  const a = sum(categories.map((_, i) => share[i]![i]! * (1 - (rows[i]! + columns[i]!) * (1 - kappa)) ** 2))
  const b = sum(
    categories.flatMap((_, i) =>
      categories.map((_, j) => (i === j ? 0 : share[i]![j]! * (columns[i]! + rows[j]!) ** 2)),
    ),
  )
  const c = (kappa - expected * (1 - kappa)) ** 2
  const variance = (a + (1 - kappa) ** 2 * b - c) / ((1 - expected) ** 2 * n)
  return withInterval(kappa, Math.sqrt(Math.max(0, variance)), n)
}

/**
 * Fleiss' kappa of units judged by any two or more people each, not always as many (Gwet, Handbook of Inter-Rater
 * Reliability, 2014, for the unequal numbers and the standard error, which holds away from zero).
 */
export function fleissKappa(units: readonly (readonly string[])[]): Kappa {
  const rated = units.filter((unit) => unit.length >= 2)
  const n = rated.length
  if (n < 2) return none(n)
  const categories = [...new Set(rated.flat())]
  const shares = rated.map((unit) =>
    categories.map((category) => unit.filter((said) => said === category).length / unit.length),
  )
  const prevalence = categories.map((_, k) => sum(shares.map((unit) => unit[k]!)) / n)
  const expected = sum(prevalence.map((p) => p * p))
  if (1 - expected < 1e-12) return none(n)
  const agreement = rated.map((unit, i) => {
    const m = unit.length
    return sum(shares[i]!.map((share) => share * m * (share * m - 1))) / (m * (m - 1))
  })
  const kappa = (sum(agreement) / n - expected) / (1 - expected)
  const parts = agreement.map((agreed, i) => {
    const chance = sum(shares[i]!.map((share, k) => share * prevalence[k]!))
    return (agreed - expected) / (1 - expected) - (2 * (1 - kappa) * (chance - expected)) / (1 - expected)
  })
  const variance = sum(parts.map((part) => (part - kappa) ** 2)) / (n * (n - 1))
  return withInterval(kappa, Math.sqrt(variance), n)
}

function withInterval(kappa: number, se: number, n: number): Kappa {
  return { kappa, se, low: Math.max(-1, kappa - z95 * se), high: Math.min(1, kappa + z95 * se), n }
}

/** A share of `of` with Wilson's 95 % interval (Journal of the American Statistical Association 22, 1927). */
export function wilson(n: number, of: number) {
  if (of === 0) return { n, of, share: null, low: null, high: null }
  const p = n / of
  const z2 = z95 * z95
  const middle = (p + z2 / (2 * of)) / (1 + z2 / of)
  const half = (z95 * Math.sqrt((p * (1 - p)) / of + z2 / (4 * of * of))) / (1 + z2 / of)
  return {
    n,
    of,
    share: p,
    low: n === 0 ? 0 : Math.max(0, middle - half),
    high: n === of ? 1 : Math.min(1, middle + half),
  }
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
