import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { createVectorIndex } from "#models/embed/vector-index"

const dim = 6
const vector = fc.array(fc.integer({ min: -127, max: 127 }), { minLength: dim, maxLength: dim })

const cosine = (a: readonly number[], b: readonly number[]) => {
  const dot = a.reduce((sum, x, i) => sum + x * b[i]!, 0)
  const length = Math.hypot(...a) * Math.hypot(...b)
  return length === 0 ? 0 : dot / length
}

describe("the vector index", () => {
  test("finds the same as comparing each with each, whatever a filter lets through", () => {
    fc.assert(
      fc.property(
        fc.array(vector, { maxLength: 60 }),
        vector,
        fc.integer({ min: 1, max: 10 }),
        fc.integer({ min: 1, max: 5 }),
        (vectors, query, count, every) => {
          const index = createVectorIndex(dim)
          vectors.forEach((v, i) => void index.add(i, Int8Array.from(v)))
          const found = index.nearest(
            Int8Array.from(query),
            count,
            (keys) => new Set(keys.filter((key) => key % every === 0)),
          )
          const expected = vectors
            .flatMap((v, i) => (i % every === 0 ? [cosine(v, query)] : []))
            .sort((a, b) => b - a)
            .slice(0, count)
          expect(found.length).toBe(expected.length)
          found.forEach(({ key, similarity }, i) => {
            expect(similarity).toBeCloseTo(expected[i]!, 5)
            expect(similarity).toBeCloseTo(cosine(vectors[key]!, query), 5)
          })
        },
      ),
      { numRuns: 200 },
    )
  })

  test("a filter that few pass is followed to the last vector", () => {
    const index = createVectorIndex(2)
    for (let i = 0; i < 20_000; i++) index.add(i, Int8Array.of(100, 1 + Math.floor(i / 200)))
    const found = index.nearest(
      Int8Array.of(100, 0),
      3,
      (keys) => new Set(keys.filter((key) => key >= 19_998)),
    )
    expect(found.map(({ key }) => key).toSorted()).toEqual([19_998, 19_999])
  })

  test("refuses a vector of another length", () => {
    const index = createVectorIndex(4)
    expect(() => index.add(1, new Int8Array(3))).toThrow("3 numbers")
    expect(() => index.nearest(new Int8Array(5), 1)).toThrow("5 numbers")
  })
})
