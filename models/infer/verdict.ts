import type { Verdict } from "#contract/inspection"
import type { ModelContract } from "#contract/model"

export type Thresholds = { t_low: number; t_high: number }
/** What holds for one product, and the outputs that speak for it. */
export type Limits = NonNullable<ModelContract["products"]>[string]

/** The limits for a part of this product: its own where the model has some for it, else those for all. */
export function limitsFor(
  { thresholds, products = {} }: Pick<ModelContract, "thresholds" | "products">,
  product: string | undefined,
): Limits {
  return product !== undefined && Object.hasOwn(products, product) ? products[product]! : thresholds
}

/** What became of one inspection: an NG score, or the code of what went wrong. */
export type Outcome = { score: number } | { code: string }

/**
 * The one place a verdict is made. Below `t_low` OK, at or above `t_high` NG, undecidable between. Whatever
 * failed is undecidable with its code, and so is a score that is no number: a broken model must never pass a
 * part, and every comparison with NaN being false would do exactly that.
 */
export function verdictFor(outcome: Outcome, { t_low, t_high }: Thresholds): Verdict {
  if ("code" in outcome) return { eval: "undecidable", code: outcome.code }
  if (!Number.isFinite(outcome.score)) return { eval: "undecidable", code: "nan_output" }
  const score = Math.min(1, Math.max(0, outcome.score))
  const evaluation = score >= t_high ? "ng" : score < t_low ? "ok" : "undecidable"
  return { eval: evaluation, score, t_low, t_high }
}
