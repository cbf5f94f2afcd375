import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { inTextOrder } from "../../../hub/dataset/order.rules.ts"
import {
  type Candidate,
  identitiesOf,
  placeCandidates,
  type Split,
} from "../../../hub/dataset/split.rules.ts"

const candidate = fc.record({
  image: fc.integer({ min: 0, max: 60 }).map((n) => `image-${n}`),
  part: fc.option(
    fc.integer({ min: 0, max: 40 }).map((n) => `part-${n}`),
    { nil: null },
  ),
  source: fc.constantFrom("line" as const, "reference" as const, "golden" as const),
  verdict: fc.constant("ng" as const),
  kinds: fc.subarray(["scratch", "dent", "crack"], { minLength: 1 }),
})

function parts(n: number, kind?: string): Candidate[] {
  return Array.from({ length: n }, (_, i) => ({
    image: `${kind ?? "ok"}-image-${i}`,
    part: `${kind ?? "ok"}-part-${i}`,
    source: "line",
    verdict: kind ? "ng" : "ok",
    kinds: kind ? [kind] : [],
  }))
}

const none = new Map<string, never>()
const splitsOf = (candidates: readonly Candidate[]) =>
  placeCandidates(candidates, none, none, false).placed.map((p) => p.split)
const count = (splits: readonly Split[], split: Split) => splits.filter((s) => s === split).length

describe("the split", () => {
  test("gives 60, 20 and 20 percent to train, calib and golden", () => {
    const splits = splitsOf(parts(500))
    expect([count(splits, "train"), count(splits, "calib"), count(splits, "golden")]).toEqual([300, 100, 100])
  })

  test("lets a kind with two labels train and be proved", () => {
    const splits = splitsOf([...parts(200), ...parts(2, "rare")]).sort()
    expect(splitsOf(parts(2, "rare")).sort()).toEqual(["golden", "train"])
    expect(splits).toHaveLength(202)
  })

  test("keeps references out of golden for an engineer who keeps a golden set", () => {
    const references = parts(80).map((p) => ({ ...p, source: "reference" as const }))
    const { placed } = placeCandidates(references, none, none, true)
    const splits = placed.map((p) => p.split)
    expect([count(splits, "train"), count(splits, "calib"), count(splits, "golden")]).toEqual([60, 20, 0])
  })

  test("does not depend on the order in which parts come", () => {
    fc.assert(
      fc.property(fc.array(candidate, { maxLength: 60 }), fc.nat(), (candidates, seed) => {
        const unique = [...new Map(candidates.map((c) => [c.image, c])).values()]
        const shuffled = [...unique].sort(
          (a, b) => ((a.image.length * seed) % 7) - ((b.image.length * seed) % 7),
        )
        const byImage = (cs: readonly Candidate[]) =>
          new Map(placeCandidates(cs, none, none, false).placed.map((p) => [p.candidate.image, p.split]))
        expect(byImage([...shuffled].reverse())).toEqual(byImage(unique))
      }),
    )
  })

  test("never lets a part or a picture stand on both sides, nor change sides when more comes", () => {
    fc.assert(
      fc.property(fc.array(fc.array(candidate, { maxLength: 30 }), { maxLength: 5 }), (batches) => {
        const assigned = new Map<string, Split>()
        let drawn: ReadonlyMap<string, number> = new Map()
        const all: Candidate[] = []
        for (const batch of batches) {
          all.push(...batch)
          const before = new Map(assigned)
          const placement = placeCandidates(all, assigned, drawn, false)
          drawn = placement.drawn
          for (const { identity, split } of placement.fresh) assigned.set(identity, split)
          for (const [identity, split] of before) expect(assigned.get(identity)).toBe(split)
          const sides = new Map<string, Set<Split>>()
          for (const { candidate: c, split } of placement.placed)
            for (const identity of identitiesOf(c))
              sides.set(identity, (sides.get(identity) ?? new Set()).add(split))
          for (const splits of sides.values()) expect(splits.size).toBe(1)
        }
      }),
    )
  })
})

test("the order of texts is that of their code units, and equal ones keep theirs", () => {
  const text = fc.oneof(
    fc.constantFrom("a", "ab", "부품-1", "part:P-1", "image:00"),
    fc.string({ unit: "grapheme" }),
  )
  fc.assert(
    fc.property(
      fc.array(
        text.map((of) => of.replaceAll("\0", "")),
        { maxLength: 300, size: "max" },
      ),
      (texts) => {
        const items = texts.map((of, i) => ({ of, i }))
        expect(inTextOrder(items, ({ of }) => of)).toEqual(
          items.toSorted((a, b) => (a.of < b.of ? -1 : a.of > b.of ? 1 : a.i - b.i)),
        )
      },
    ),
  )
})
