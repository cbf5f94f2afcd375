import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { createCoverage, stepOf, weightOf } from "#models/embed/coverage"

const dim = 16
const vector = fc
  .array(fc.integer({ min: -127, max: 127 }), { minLength: dim, maxLength: dim })
  .map((of) => Int8Array.from(of))
const cosine = (a: Int8Array, b: Int8Array) => {
  const dot = (x: Int8Array, y: Int8Array) => x.reduce((sum, value, i) => sum + value * y[i]!, 0)
  const length = Math.sqrt(dot(a, a) * dot(b, b))
  return length === 0 ? 0 : dot(a, b) / length
}
/** Directions that are far apart: each along an axis of its own, with a little of the first. */
const along = (axis: number, tilt = 0) => {
  const of = new Int8Array(dim)
  of[axis] = 100
  of[0] = of[0]! + tilt
  return of
}

describe("picking what looks unlike what is known", () => {
  test("each pick is the one farthest from everything judged and picked before it", () => {
    fc.assert(
      fc.property(
        fc.array(vector, { minLength: 2, maxLength: 24 }),
        fc.array(vector, { minLength: 1, maxLength: 6 }),
        (parts, judged) => {
          const coverage = createCoverage(dim)
          for (const [key, part] of parts.entries()) coverage.add(key, part, 1)
          for (const one of judged) coverage.cover(one)
          const known = [...judged]
          const far = (i: number) => 1 - Math.max(...known.map((one) => cosine(parts[i]!, one)))
          const left = new Set(parts.keys())
          for (let pick = coverage.pick(); pick; pick = coverage.pick()) {
            expect(left.delete(pick.key)).toBe(true)
            const best = Math.max(far(pick.key), ...[...left].map(far))
            expect(far(pick.key)).toBeCloseTo(best, 4)
            known.push(parts[pick.key]!)
          }
          for (const i of left) expect(far(i)).toBeLessThan(0.0021)
        },
      ),
      { numRuns: 60 },
    )
  })

  test("where nothing is known the first is the most typical, and then one of each look before a second of any", () => {
    const coverage = createCoverage(dim)
    const looks = [1, 1, 1, 1, 1, 1, 2, 3, 4].map((axis, i) => along(axis, i + 5))
    for (const [key, part] of looks.entries()) coverage.add(key, part, 1)
    const picks = Array.from({ length: 4 }, () => coverage.pick()!.key)
    expect(picks[0]).toBeLessThan(6)
    expect(picks.slice(1).sort()).toEqual([6, 7, 8])
  })

  test("copies of what is known are not picked, and of two as odd the doubtful one comes first", () => {
    const coverage = createCoverage(dim)
    coverage.add(1, along(1), 1)
    coverage.add(2, along(2), weightOf(0))
    coverage.add(3, along(3), weightOf(1))
    coverage.cover(along(1))
    expect([coverage.pick()?.key, coverage.pick()?.key, coverage.pick()]).toEqual([3, 2, undefined])
  })

  test("a picture without any direction is picked once and does not stop the others", () => {
    const coverage = createCoverage(dim)
    for (const [key, part] of [new Int8Array(dim), along(1), along(2)].entries()) coverage.add(key, part, 1)
    const keys = [coverage.pick()?.key, coverage.pick()?.key, coverage.pick()?.key]
    expect(new Set(keys)).toEqual(new Set([0, 1, 2]))
    expect(coverage.pick()).toBeUndefined()
  })

  test("the steps fall with the place", () => {
    expect([0, 1, 2, 3, 4, 5].map((place) => stepOf(place, 6))).toEqual([3, 3, 2, 2, 1, 1])
    expect(stepOf(0, 1)).toBe(3)
  })
})
