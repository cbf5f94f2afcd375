import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { isBlind, medianOf, rateOf, ratioOf, takenOf } from "../../../hub/assist/help.rules.ts"
import { systemIds } from "../../../hub/platform/ids.ts"

describe("the measure of help", () => {
  test("Wilson's interval holds the share and is that of the books", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 500 }), fc.double({ min: 0, max: 1, noNaN: true }), (n, p) => {
        const { share, low, high } = rateOf(Math.round(p * n), n)
        expect(low).toBeLessThanOrEqual(share + 1e-12)
        expect(high).toBeGreaterThanOrEqual(share - 1e-12)
        expect(low).toBeGreaterThanOrEqual(0)
        expect(high).toBeLessThanOrEqual(1)
      }),
    )
    const { low, high } = rateOf(8, 10)
    expect(low).toBeCloseTo(0.4902, 3)
    expect(high).toBeCloseTo(0.9433, 3)
    expect(rateOf(0, 0)).toEqual({ n: 0, share: 0, low: 0, high: 1 })
  })

  test("the ratio of times covers the true one in about 95 of 100 experiments", () => {
    let state = 7
    const uniform = () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
      return (state + 0.5) / 2 ** 32
    }
    const normal = () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform())
    const times = (n: number, factor: number) =>
      Array.from({ length: n }, () => 3_000 * factor * Math.exp(0.6 * normal()))
    let covered = 0
    for (let i = 0; i < 400; i++) {
      const { low, high } = ratioOf(times(40, 0.7), times(8, 1))!
      if (low <= 0.7 && 0.7 <= high) covered += 1
    }
    expect(covered / 400).toBeGreaterThan(0.92)
    expect(ratioOf([1, 2, 3, 4], times(8, 1))).toBeNull()
  })

  test("blind parts are the share that was asked for, and always the same ones", () => {
    const ids = Array.from({ length: 4_000 }, () => systemIds.uuid())
    const blind = ids.filter((id) => isBlind(id, 0.1))
    expect(blind.length).toBeGreaterThan(300)
    expect(blind.length).toBeLessThan(500)
    expect(ids.filter((id) => isBlind(id, 0.1))).toEqual(blind)
    // A larger share holds all of a smaller one.
    expect(blind.every((id) => isBlind(id, 0.3))).toBe(true)
    expect(ids.some((id) => isBlind(id, 0))).toBe(false)
  })

  test("a suggestion is taken as it is, taken and changed, or not taken", () => {
    expect(takenOf({ verdict: "ng", accepted: true }, "ng")).toBe("as_is")
    expect(takenOf({ verdict: "ng", accepted: false }, "ng")).toBe("changed")
    expect(takenOf({ verdict: "ok", accepted: false }, "ng")).toBe("no")
    expect(takenOf({ verdict: "unsure", accepted: false }, "ok")).toBe("no")
  })

  test("the median of an even number lies between the middle two", () => {
    expect(medianOf([])).toBe(0)
    expect(medianOf([3, 1, 2])).toBe(2)
    expect(medianOf([4, 1, 2, 3])).toBe(2.5)
  })
})
