import { expect, test } from "bun:test"
import {
  auroc,
  clopperPearson,
  clopperPearsonUpper,
  mcnemarWorse,
  percentile,
} from "#models/statistics.rules"

test("zero misses prove the bounds of the standard tables", () => {
  for (const [n, bound] of [
    [30, 0.095],
    [59, 0.0495],
    [100, 0.0295],
    [299, 0.00997],
    [2995, 0.001],
  ] as const)
    expect(clopperPearsonUpper(0, n)).toBeCloseTo(bound, 4)
  expect(clopperPearsonUpper(0, 0)).toBe(1)
  expect(clopperPearsonUpper(7, 7)).toBe(1)
})

test("a few misses need the part counts of the standard tables for 5 percent", () => {
  for (const [misses, n] of [
    [1, 93],
    [2, 124],
    [3, 153],
  ] as const) {
    expect(clopperPearsonUpper(misses, n)).toBeLessThanOrEqual(0.05)
    expect(clopperPearsonUpper(misses, n - 1)).toBeGreaterThan(0.05)
  }
})

test("McNemar counts exactly", () => {
  expect(mcnemarWorse(0, 5)).toBe(1)
  expect(mcnemarWorse(4, 0)).toBeCloseTo(0.0625, 10)
  expect(mcnemarWorse(6, 0)).toBeCloseTo(0.015625, 10)
  expect(mcnemarWorse(3, 3)).toBeCloseTo(0.65625, 10)
})

test("the area under the curve counts ties half", () => {
  expect(auroc([0.1, 0.2], [0.8, 0.9])).toBe(1)
  expect(auroc([0.5, 0.5], [0.5])).toBe(0.5)
  expect(auroc([], [0.5])).toBeNull()
})

test("percentiles are values that were measured", () => {
  expect(percentile([3, 1, 2], 0.5)).toBe(2)
  expect(percentile([3, 1, 2], 0.99)).toBe(3)
  expect(percentile([], 0.5)).toBe(0)
})

test("the bounds agree with published Clopper-Pearson values", () => {
  // Upper end of the two-sided 95 % interval of 10 in 100.
  expect(clopperPearsonUpper(10, 100, 0.025)).toBeCloseTo(0.1762226, 6)
})

test("the area under the curve is the chance that an NG part outscores an OK part", () => {
  expect(auroc([0.1, 0.4], [0.3, 0.4])).toBe(0.625)
})

test("exact intervals are those of the standard tables, and never narrower than what was seen", () => {
  for (const [events, n, low, high] of [
    [5, 10, 0.187086, 0.812914],
    [1, 20, 0.0012651, 0.2487328],
    [0, 30, 0, 0.1157033],
    [30, 30, 0.8842967, 1],
    [135, 150, 0.8404, 0.9429],
  ] as const) {
    const interval = clopperPearson(events, n)
    expect(interval.low).toBeCloseTo(low, 4)
    expect(interval.high).toBeCloseTo(high, 4)
  }
  for (let n = 1; n <= 60; n++)
    for (let events = 0; events <= n; events++) {
      const { low, high } = clopperPearson(events, n)
      expect(low).toBeLessThanOrEqual(events / n)
      expect(high).toBeGreaterThanOrEqual(events / n)
    }
})
