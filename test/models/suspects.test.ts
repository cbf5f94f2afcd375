import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { type HonestLook, suspectsOf } from "#models/trainer/suspects"

const classes = ["ok", "scratch", "dent"]
/** A part whose label is `given`, of which a model is `sure` that it is `said`. */
const look = (sample: string, given: number, said: number, sure: number): HonestLook => ({
  sample,
  given: [given],
  probabilities: classes.map((_, c) => (c === said ? sure : (1 - sure) / 2)),
})
const usual = classes.flatMap((_, c) =>
  Array.from({ length: 8 }, (_, i) => look(`${c}-${i}`, c, c, 0.8 + i / 100)),
)

describe("labels that are doubted", () => {
  test("are those of which a model is as sure of something else as it is of others so labelled", () => {
    const wrong = [look("a", 0, 1, 0.95), look("b", 2, 0, 0.9), look("c", 1, 2, 0.99)]
    const found = suspectsOf(classes, [...usual, ...wrong])
    expect(found.map(({ sample, given, said }) => [sample, given, said])).toEqual([
      ["c", ["scratch"], "dent"],
      ["a", [], "scratch"],
      ["b", ["dent"], null],
    ])
    expect(found[0]).toMatchObject({ p_said: 0.99, p_given: 0.005 })
  })

  test("are not those a model is merely unsure of", () => {
    expect(suspectsOf(classes, [...usual, look("a", 0, 1, 0.5), look("b", 2, 2, 0.4)])).toEqual([])
  })

  test("are not those of a kind that hardly any label shows", () => {
    const few = Array.from({ length: 4 }, (_, i) => look(`few-${i}`, 2, 1, 0.95))
    expect(suspectsOf(classes, [...usual.filter(({ given }) => given[0] !== 2), ...few])).toEqual([])
  })

  test("name none of several kinds that were labelled together", () => {
    const both: HonestLook = { sample: "both", given: [1, 2], probabilities: [0.02, 0.49, 0.49] }
    expect(suspectsOf(classes, [...usual, both])).toEqual([])
  })

  test("are few, never the label itself, and always less sure than what is said instead", () => {
    const anyLook = fc.record({
      sample: fc.uuid(),
      given: fc.uniqueArray(fc.nat(2), { minLength: 1, maxLength: 2 }),
      probabilities: fc
        .tuple(fc.nat(100), fc.nat(100), fc.nat(100))
        .map((of) => of.map((p) => (p + 1) / (of[0] + of[1] + of[2] + 3))),
    })
    fc.assert(
      fc.property(fc.array(anyLook, { maxLength: 200 }), (looks) => {
        const found = suspectsOf(classes, looks)
        expect(found.length).toBeLessThanOrEqual(Math.max(3, looks.length * 0.05))
        for (const { given, said, p_said, p_given } of found) {
          expect(given).not.toContain(said)
          expect(said === null && given.length === 0).toBe(false)
          expect(p_said).toBeGreaterThanOrEqual(p_given)
        }
      }),
    )
  })
})
