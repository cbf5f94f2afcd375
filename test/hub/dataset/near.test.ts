import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { type Looked, nearPairs } from "../../../hub/dataset/near.rules.ts"

const dim = 256
/** Directions of a plant: all alike, each a little its own. */
function pictures(count: number, seed: number): Looked[] {
  let state = seed * 2_654_435_761 + 1
  const random = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32 - 0.5
  }
  const usual = Array.from({ length: dim }, () => random() * 120)
  return Array.from({ length: count }, (_, i) => ({
    image: `${seed}-${i}`,
    vector: Int8Array.from(usual, (value) => Math.round(value + random() * 60)),
  }))
}
const again = ({ image, vector }: Looked, noise: number): Looked => ({
  image: `${image}-again`,
  vector: vector.map((value, i) => value + (i % 16 === 0 ? noise : 0)),
})

describe("pictures that are almost the same", () => {
  test("are found across the wall, and others are not, however alike a plant's pictures are", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000 }), fc.integer({ min: 0, max: 1 }), (seed, noise) => {
        const all = pictures(120, seed)
        const [golden, others] = [all.slice(0, 40), all.slice(40)]
        const twins = golden.slice(0, 5).map((one) => again(one, noise))
        const found = nearPairs(golden, [...others, ...twins])
        expect(found.map(({ golden: a, other: b }) => `${a} ${b}`).sort()).toEqual(
          golden
            .slice(0, 5)
            .map(({ image }) => `${image} ${image}-again`)
            .sort(),
        )
      }),
      { numRuns: 8 },
    )
  })

  test("are the very same where there are too few to say what is usual", () => {
    const [one] = pictures(1, 7)
    expect(nearPairs([one!], [again(one!, 0)])).toHaveLength(1)
    expect(nearPairs([one!], [again(one!, 3)])).toEqual([])
    expect(nearPairs([], [one!])).toEqual([])
  })
})
