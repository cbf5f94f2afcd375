import { expect, test } from "bun:test"
import { verdictFor } from "#models/infer/verdict"
import {
  auroc,
  betaQuantile,
  caughtAtOverkill,
  clopperPearson,
  mcnemarExact,
  passedAtEscape,
  qualityFigures,
} from "#models/metrics"
import { lowerQuantile, thresholdsFor, upperQuantile } from "#models/trainer/thresholds"

test("zero misses in 59, 299 and 2995 parts prove 5, 1 and 0.1 percent", () => {
  for (const [n, share] of [
    [59, 0.05],
    [299, 0.01],
    [2995, 0.001],
  ] as const) {
    expect(clopperPearson(0, n).upper).toBeLessThanOrEqual(share)
    expect(clopperPearson(0, n - 1).upper).toBeGreaterThan(share)
  }
})

test("the bounds agree with published Clopper-Pearson values", () => {
  // Two-sided 95 % interval of 10 in 100: 0.0490 .. 0.1762.
  const { lower, upper } = clopperPearson(10, 100, 0.975)
  expect(lower).toBeCloseTo(0.0490047, 6)
  expect(upper).toBeCloseTo(0.1762226, 6)
  expect(clopperPearson(0, 0)).toEqual({ lower: 0, upper: 1 })
  expect(clopperPearson(7, 7).upper).toBe(1)
  expect(clopperPearson(0, 5).lower).toBe(0)
  expect(betaQuantile(0.5, 1, 1)).toBeCloseTo(0.5, 12)
})

test("McNemar needs 6 against 0, and 5 against 0 is chance", () => {
  expect(mcnemarExact(6, 0)).toBeCloseTo(0.03125, 12)
  expect(mcnemarExact(0, 5)).toBeCloseTo(0.0625, 12)
  for (const [b, c] of [
    [8, 1],
    [10, 2],
    [15, 5],
  ] as const)
    expect(mcnemarExact(b, c)).toBeLessThan(0.05)
  for (const [b, c] of [
    [12, 4],
    [20, 9],
  ] as const)
    expect(mcnemarExact(b, c)).toBeGreaterThan(0.05)
  expect(mcnemarExact(0, 0)).toBe(1)
  expect(mcnemarExact(700, 600)).toBeCloseTo(0.00601, 4)
})

test("AUROC counts ties half", () => {
  expect(auroc([0.1, 0.2], [0.3, 0.4])).toBe(1)
  expect(auroc([0.5, 0.5], [0.5])).toBe(0.5)
  expect(auroc([0.1, 0.4], [0.3, 0.4])).toBe(0.625)
})

test("PB and PG hold one rate and report the other", () => {
  const good = Array.from({ length: 100 }, (_, i) => i / 100)
  const bad = Array.from({ length: 50 }, (_, i) => 0.5 + i / 100)
  expect(caughtAtOverkill(good, bad, 0.02)).toBeCloseTo(2 / 50, 10)
  expect(passedAtEscape(good, bad, 0.02)).toBeCloseTo(51 / 100, 10)
})

test("escape and overkill count only decided parts, undecidable is its own share", () => {
  const part = (ng: boolean, score: number) => {
    const verdict = verdictFor({ score }, { t_low: 0.4, t_high: 0.6 })
    return { ng, score, eval: verdict.eval }
  }
  const figures = qualityFigures([
    part(true, 0.1),
    part(true, 0.5),
    part(true, 0.9),
    part(false, 0.7),
    part(false, 0.2),
  ])
  expect(figures.escape).toMatchObject({ count: 1, total: 3 })
  expect(figures.overkill).toMatchObject({ count: 1, total: 2 })
  expect(figures.undecidable).toMatchObject({ count: 1, total: 5 })
})

test("a score on a threshold: t_high is NG, t_low is undecidable", () => {
  const at = (score: number) => verdictFor({ score }, { t_low: 0.4, t_high: 0.6 }).eval
  expect([at(0.39), at(0.4), at(0.59), at(0.6)]).toEqual(["ok", "undecidable", "undecidable", "ng"])
  expect(verdictFor({ code: "model_timeout" }, { t_low: 0, t_high: 0 })).toEqual({
    eval: "undecidable",
    code: "model_timeout",
  })
})

test("conformal quantiles need 1/share - 1 values before they promise anything", () => {
  const nineteen = Array.from({ length: 19 }, (_, i) => i)
  expect(upperQuantile(nineteen, 0.05)).toBe(18)
  expect(upperQuantile(nineteen.slice(0, 18), 0.05)).toBe(17.5)
  expect(lowerQuantile(nineteen, 0.05)).toBe(0)
})

test("thresholds leave overlap and gap alike to a person", () => {
  const target = { escape: 0.05, overkill: 0.05 }
  const good = Array.from({ length: 40 }, (_, i) => -4 + i / 20)
  const far = Array.from({ length: 40 }, (_, i) => 2 + i / 20)
  const near = Array.from({ length: 40 }, (_, i) => -3 + i / 20)
  for (const bad of [far, near, []]) {
    const { t_low, t_high } = thresholdsFor(good, bad, target)
    expect(t_low).toBeLessThan(t_high)
  }
  const gap = thresholdsFor(good, far, target)
  expect(gap.t_low).toBeLessThan(0.5)
  expect(gap.t_high).toBeGreaterThan(0.5)
})
