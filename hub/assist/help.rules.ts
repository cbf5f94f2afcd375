import { createHash } from "node:crypto"
import type { Rate } from "#contract/assist"
import type { HelpUse, InspectionView, NewLabel } from "#contract/labelling"

/**
 * Whether a part is shown without help: a share of all, drawn by its id, so that everybody who meets it meets it the same
 * way and nobody can choose.
 */
export function isBlind(id: string, share: number): boolean {
  if (share <= 0) return false
  return createHash("sha256").update(`blind ${id}`).digest().readUInt32BE(0) / 2 ** 32 < share
}

/** What the model would have said, as a label; null when it has no opinion. */
export function suggestionOf({
  verdict,
  findings,
}: Pick<InspectionView, "verdict" | "findings">): "ok" | "ng" | null {
  if (verdict.eval === "ok" || verdict.eval === "ng") return verdict.eval
  return findings.length > 0 ? "ng" : null
}

/** What became of the model's suggestion. */
export function takenOf(
  label: Pick<NewLabel, "verdict" | "accepted">,
  suggestion: "ok" | "ng",
): HelpUse["taken"] {
  if (label.accepted) return "as_is"
  return label.verdict === suggestion ? "changed" : "no"
}

const z = 1.959964

/** A share with its 95 % interval after Wilson; 0 to 1 for nothing seen. */
export function rateOf(hits: number, n: number): Rate {
  if (n === 0) return { n, share: 0, low: 0, high: 1 }
  const p = hits / n
  const middle = p + (z * z) / (2 * n)
  const spread = z * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n))
  const scale = 1 + (z * z) / n
  return {
    n,
    share: p,
    low: Math.max(0, (middle - spread) / scale),
    high: Math.min(1, (middle + spread) / scale),
  }
}

/** Fewer labels on a side say nothing. */
const fewest = 5

/**
 * Ratio of two kinds of times with its 95 % interval. Times of people are skewed: their logarithms are compared (Welch),
 * so that one coffee break does not decide. Null for too few.
 */
export function ratioOf(
  helped: readonly number[],
  blind: readonly number[],
): { value: number; low: number; high: number } | null {
  if (helped.length < fewest || blind.length < fewest) return null
  const [a, b] = [logsOf(helped), logsOf(blind)]
  const difference = a.mean - b.mean
  const error = Math.sqrt(a.variance / a.n + b.variance / b.n)
  // Student's factor for few labels, by an expansion that is right to two digits from four degrees on.
  const freedom = Math.min(a.n, b.n) - 1
  const factor = z + (z ** 3 + z) / (4 * freedom) + (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * freedom ** 2)
  return {
    value: Math.exp(difference),
    low: Math.exp(difference - factor * error),
    high: Math.exp(difference + factor * error),
  }
}

function logsOf(times: readonly number[]): { n: number; mean: number; variance: number } {
  const logs = times.map((ms) => Math.log(Math.max(1, ms)))
  const mean = logs.reduce((sum, x) => sum + x, 0) / logs.length
  const variance = logs.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (logs.length - 1)
  return { n: logs.length, mean, variance }
}

export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const half = sorted.length >> 1
  if (sorted.length === 0) return 0
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2
}
