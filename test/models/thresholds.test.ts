import { expect, test } from "bun:test"
import { verdictFor } from "#models/infer/verdict"
import { lowerQuantile, thresholdsFor, upperQuantile, type Weighted } from "#models/trainer/thresholds"

const single = (values: number[]): Weighted[] => values.map((value) => ({ value, weight: 1 }))

test("a score on a threshold: t_high is NG, t_low is undecidable", () => {
  const at = (score: number) => verdictFor({ score }, { t_low: 0.4, t_high: 0.6 }).eval
  expect([at(0.39), at(0.4), at(0.59), at(0.6)]).toEqual(["ok", "undecidable", "undecidable", "ng"])
  expect(verdictFor({ code: "model_timeout" }, { t_low: 0, t_high: 0 })).toEqual({
    eval: "undecidable",
    code: "model_timeout",
  })
})

test("conformal quantiles need 1/share - 1 values before they promise anything", () => {
  const nineteen = single(Array.from({ length: 19 }, (_, i) => i))
  expect(upperQuantile(nineteen, 0.05)).toBe(18)
  expect(upperQuantile(nineteen.slice(0, 18), 0.05)).toBe(17.5)
  expect(lowerQuantile(nineteen, 0.05)).toBe(0)
})

test("six near-copies of one odd good part do not raise what a first model passes", () => {
  const usual = single(Array.from({ length: 9 }, (_, i) => -3 + i / 10))
  const copies = Array.from({ length: 6 }, () => ({ value: 5, weight: 1 / 6 }))
  const limit = thresholdsFor([...usual, ...copies], [], { escape: 0.02, overkill: 0.02 })
  expect(limit.t_low).toBeLessThan(0.2)
  // An odd good part is still no reject.
  expect(limit.t_high).toBeGreaterThan(1 / (1 + Math.exp(-5)))
})

test("thresholds leave overlap and gap alike to a person", () => {
  const target = { escape: 0.05, overkill: 0.05 }
  const good = single(Array.from({ length: 40 }, (_, i) => -4 + i / 20))
  const far = single(Array.from({ length: 40 }, (_, i) => 2 + i / 20))
  const near = single(Array.from({ length: 40 }, (_, i) => -3 + i / 20))
  for (const bad of [far, near, []]) {
    const { t_low, t_high } = thresholdsFor(good, bad, target)
    expect(t_low).toBeLessThan(t_high)
  }
  const gap = thresholdsFor(good, far, target)
  expect(gap.t_low).toBeLessThan(0.5)
  expect(gap.t_high).toBeGreaterThan(0.5)
})
