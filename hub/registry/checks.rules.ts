import type { Judgement } from "./gate.rules.ts"

/** A labelled picture of the training set that may travel with a model. */
export type CheckCandidate = { image: string; truth: "ok" | "ng"; judged: Judgement }

/** Another processor rounds differently; a wrong model or a wrong pre-processing is off by far more. */
export const checkTolerance = 0.05

/**
 * Picks the pictures a station runs before it trusts a model: half OK and half NG as far as there are both, the ones
 * the model is surest of, judged as they are labelled where possible. A score beside a threshold would tip over on
 * another processor and refuse a good model.
 */
export function pickChecks(
  candidates: readonly CheckCandidate[],
  thresholds: { t_low: number; t_high: number },
  count: number,
): (CheckCandidate & { score: number })[] {
  const margin = (score: number) =>
    Math.min(Math.abs(score - thresholds.t_low), Math.abs(score - thresholds.t_high))
  const fit = candidates
    .flatMap((c) =>
      c.judged.score !== null && c.judged.code === undefined ? [{ ...c, score: c.judged.score }] : [],
    )
    .filter((c) => margin(c.score) > 1e-3)
    .sort((a, b) => {
      const agrees = Number(b.judged.eval === b.truth) - Number(a.judged.eval === a.truth)
      return agrees || margin(b.score) - margin(a.score) || (a.image < b.image ? -1 : 1)
    })
  const half = Math.ceil(count / 2)
  const [ok, ng] = [fit.filter((c) => c.truth === "ok"), fit.filter((c) => c.truth === "ng")]
  const fromOk = ok.slice(0, Math.max(half, count - ng.length))
  return [...fromOk, ...ng.slice(0, count - fromOk.length)]
}
