import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import type { QueueReason } from "#contract/labelling"
import type { QueueWeights } from "#contract/queue"
import {
  aging,
  mostOf,
  rarity,
  shortOf,
  streamValue,
  usualFloors,
  usualWeights,
  type ValuedStream,
  withAge,
  worthOf,
} from "../../../hub/labelling/value.rules.ts"

const reasons: QueueReason[] = ["undecidable", "disagreement", "audit", "ng", "unsure_label", "ok"]
const stream = (reason: QueueReason, more: Partial<ValuedStream> = {}): ValuedStream => ({
  line: "",
  reason,
  look: 1,
  band: reason === "undecidable" ? 7 : 0,
  kind: "",
  ...more,
})
const labels = (of: number, all = Number.POSITIVE_INFINITY) => ({ of: () => of, all })
const worth = (of: ValuedStream, weights = usualWeights, known = 0) =>
  worthOf(of, weights, labels(known)).value

const anyWeight = fc.double({ min: 0, max: 2, noNaN: true })
const anyWeights: fc.Arbitrary<QueueWeights> = fc.record({
  undecided: anyWeight,
  disagreement: anyWeight,
  uncertainty: anyWeight,
  coverage: anyWeight,
  rare: anyWeight,
  audit: anyWeight,
  ng: anyWeight,
  second_look: anyWeight,
  age: fc.double({ min: -1, max: 1, noNaN: true }),
})
const anyStream = fc.record({
  line: fc.constantFrom("", "main"),
  reason: fc.constantFrom(...reasons),
  look: fc.constantFrom(1 as const, 2 as const),
  band: fc.integer({ min: 0, max: 7 }),
  kind: fc.constantFrom("", "scratch"),
  spread: fc.integer({ min: 0, max: 3 }),
})

describe("the value of a waiting part", () => {
  test("is what its reasons add up to, the largest first", () => {
    fc.assert(
      fc.property(anyStream, anyWeights, fc.nat(10_000), fc.nat(1e10), (of, weights, known, waited) => {
        const plain = worthOf(of, weights, labels(known))
        // Streams are ordered by the one and parts by the other: they may not differ by a rounding.
        expect(streamValue(of, weights, labels(known))).toBe(plain.value)
        const why = withAge(plain, weights, waited)
        const sum = why.shares.reduce((total, { share }) => total + share, 0)
        expect(why.value).toBeCloseTo(sum, 9)
        const sizes = why.shares.map(({ share }) => Math.abs(share))
        expect(sizes).toEqual(sizes.toSorted((a, b) => b - a))
      }),
    )
  })

  test("never passes what its stream can be worth at most", () => {
    fc.assert(
      fc.property(anyStream, anyWeights, fc.nat(1e12), (of, weights, waited) => {
        const why = worthOf(of, weights, labels(3))
        expect(withAge(why, weights, waited).value).toBeLessThanOrEqual(mostOf(why.value, weights) + 1e-9)
      }),
    )
  })

  test("orders: undecidable, seen differently, random check, NG, a plain OK", () => {
    const values = (["undecidable", "disagreement", "audit", "ng", "ok"] as const).map((r) =>
      worth(stream(r)),
    )
    expect(values).toEqual(values.toSorted((a, b) => b - a))
    expect(new Set(values).size).toBe(values.length)
  })

  test("grows towards the threshold, and for kinds that few labels show", () => {
    expect(worth(stream("ng", { band: 6 }))).toBeGreaterThan(worth(stream("ng", { band: 1 })))
    const burr = stream("ng", { kind: "burr" })
    expect(worth(burr, usualWeights, 0)).toBeGreaterThan(worth(burr, usualWeights, 500))
    expect(worthOf(burr, usualWeights, labels(0)).kind).toBe("burr")
    expect(rarity(0)).toBe(1)
    expect(rarity(10)).toBe(0.5)
  })

  test("of a random check is the same whatever a model says of the part", () => {
    const plain = worthOf(stream("audit"), usualWeights, labels(0))
    expect(worthOf(stream("audit", { band: 7, kind: "burr" }), usualWeights, labels(0)).value).toBe(
      plain.value,
    )
    expect(plain.shares).toEqual([{ part: "audit", share: usualWeights.audit }])
  })

  test("grows with looking unlike what has been judged, twice as much while nobody has judged anything", () => {
    const share = (spread: number, labelled: number) =>
      worthOf(stream("undecidable", { spread }), usualWeights, labels(0, labelled)).shares.find(
        ({ part }) => part === "coverage",
      )?.share ?? 0
    expect([0, 1, 2, 3].map((spread) => share(spread, 1e9))).toEqual([
      0,
      expect.closeTo(usualWeights.coverage / 3, 6),
      expect.closeTo((2 * usualWeights.coverage) / 3, 6),
      expect.closeTo(usualWeights.coverage, 6),
    ])
    expect(share(3, 0)).toBeCloseTo(2 * usualWeights.coverage)
    expect(worthOf(stream("audit", { spread: 3 }), usualWeights, labels(0, 0)).shares).toHaveLength(1)
  })

  test("of a slice falls short until it has had its share of the draws, whatever came before", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom("audit", "rare", ""), { maxLength: 120 }), (wishes) => {
        // What the order of values would draw, and what is drawn once the slices are seen to.
        const drawn: string[] = []
        for (const wish of wishes) {
          const recent = drawn.slice(-40)
          const had = { recent: recent.length, audit: 0, rare: 0 }
          for (const slice of recent) if (slice === "audit" || slice === "rare") had[slice] += 1
          drawn.push(shortOf(had, usualFloors)[0] ?? wish)
        }
        const last = drawn.slice(-40)
        for (const slice of ["audit", "rare"] as const)
          expect(last.filter((one) => one === slice).length).toBeGreaterThanOrEqual(
            Math.floor(last.length * usualFloors[slice]) - 1,
          )
      }),
    )
    expect(shortOf({ recent: 5, audit: 0, rare: 0 }, usualFloors)).toEqual([])
    expect(shortOf({ recent: 40, audit: 0, rare: 0 }, { audit: 0, rare: 0 })).toEqual([])
  })

  test("is moved by waiting only as far as its weight", () => {
    const why = worthOf(stream("ng"), usualWeights, labels(0))
    expect(withAge(why, usualWeights, 1e12)).toBe(why)
    const day = 24 * 60 * 60_000
    expect(withAge(why, { ...usualWeights, age: 0.4 }, day).value).toBeCloseTo(why.value + 0.2)
    expect(withAge(why, { ...usualWeights, age: -0.4 }, day).value).toBeCloseTo(why.value - 0.2)
    expect(aging(-5)).toBe(0)
  })
})
