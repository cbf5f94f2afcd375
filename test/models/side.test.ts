import { expect, test } from "bun:test"
import fc from "fast-check"
import { largerSide, type Marked, sideFor, smallDefects, usualSide } from "#models/trainer/side.rules"

const part = (w: number, h: number, scale = 0.3): Marked => ({ defects: [{ w, h }], scale })
const many = (count: number, one: Marked): Marked[] => Array.from({ length: count }, () => one)

test("the larger picture is tried where most bad parts show small defects alone, and there are some", () => {
  const large = many(20, part(60, 30))
  const small = many(30, part(9, 12))
  expect(smallDefects([...large, ...small], 200)).toEqual({ share: 0.6, worthATry: true })
  expect(smallDefects([...large, ...small.slice(0, 10)], 200).worthATry).toBe(false)
  // A thin scratch covers many cells.
  expect(smallDefects(many(30, part(120, 4)), 200).worthATry).toBe(false)
  expect(smallDefects(small.slice(0, 4), 200).worthATry).toBe(false)
  // Beside a large one nobody has to see the small one.
  const both = { defects: [part(9, 9).defects[0]!, part(60, 60).defects[0]!], scale: 0.3 }
  expect(smallDefects(many(30, both), 200).worthATry).toBe(false)
  expect(smallDefects([], 200)).toEqual({ share: 0, worthATry: false })
})

test("pictures that have no more pixels to show are not blown up", () => {
  expect(smallDefects(many(30, part(8, 8, 0.7)), 200).worthATry).toBe(true)
  expect(smallDefects(many(30, part(8, 8, 0.9)), 200).worthATry).toBe(false)
})

test("a set so large that time would run out is not looked at twice", () => {
  const small = many(400, part(9, 12))
  expect(smallDefects(small, 1_500).worthATry).toBe(true)
  expect(smallDefects(small, 1_501)).toEqual({ share: 1, worthATry: false })
})

test("a side that somebody has set stays; by itself a training gets no room that a station has not", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(0, 256, 384, 768),
      fc.array(
        fc.record({ p99_ms: fc.integer({ min: 1, max: 900 }), pixels: fc.constantFrom(256 ** 2, 384 ** 2) }),
      ),
      fc.integer({ min: 50, max: 1000 }),
      (asked, paces, budget) => {
        const side = sideFor(asked, paces, budget)
        if (asked !== 0) return side === asked
        const slowest = Math.max(0, ...paces.map(({ p99_ms, pixels }) => (p99_ms * largerSide ** 2) / pixels))
        return side === (slowest <= budget ? 0 : usualSide)
      },
    ),
  )
})
