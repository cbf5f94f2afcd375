import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import type { Drawing, Region } from "#contract/drawing"
import { type Content, isSameContent, mergeLabels, overlapOf } from "../../hub/labelling/merge.rules.ts"

const ok: Content = { verdict: "ok", kinds: [], boxes: [] }
const ng = (...kinds: string[]): Content => ({ verdict: "ng", kinds, boxes: [] })
const boxed = (...at: [kind: string, x: number][]): Content => ({
  verdict: "ng",
  kinds: [...new Set(at.map(([kind]) => kind))],
  boxes: at.map(([kind, x]) => ({ kind, box: [x, 10, 8, 8] })),
})
const region = (id: string, x: number, kind = "scratch"): Region => ({
  id,
  kinds: [kind],
  outline: { type: "box", box: [x, 10, 8, 8] },
  by: "person",
})
const drawn = (regions: Region[], more: Partial<Drawing> = {}): Content => ({
  verdict: "ng",
  kinds: [...new Set(regions.flatMap((r) => r.kinds))],
  boxes: [],
  drawing: { v: 1, regions, ...more },
})

describe("two labels from the same beginning", () => {
  test("that say the same are one", () => {
    expect(mergeLabels(null, ok, ok)).toEqual({ content: ok })
    expect(mergeLabels(null, ng("dent"), ng("dent"))).toEqual({ content: ng("dent") })
  })

  test("that contradict each other are not merged", () => {
    expect(mergeLabels(null, ok, ng("dent"))).toEqual({ conflict: "verdict" })
    expect(mergeLabels(null, ng("scratch"), ng("dent"))).toEqual({ conflict: "kinds" })
    expect(mergeLabels(null, ok, { ...ok, verdict: "unsure" })).toEqual({ conflict: "verdict" })
  })

  test("keep what each has marked elsewhere", () => {
    expect(mergeLabels(null, boxed(["scratch", 0]), boxed(["dent", 50]))).toEqual({
      content: boxed(["scratch", 0], ["dent", 50]),
    })
    const both = mergeLabels(
      drawn([region("a", 0)]),
      drawn([region("a", 0), region("b", 50)]),
      drawn([region("a", 0), region("c", 90)]),
    )
    expect(both).toEqual({ content: drawn([region("a", 0), region("b", 50), region("c", 90)]) })
  })

  test("mark one place differently: a person decides", () => {
    expect(mergeLabels(null, boxed(["scratch", 0]), boxed(["scratch", 1]))).toEqual({ conflict: "overlap" })
    const base = drawn([region("a", 0)])
    expect(mergeLabels(base, drawn([region("a", 5)]), drawn([region("a", 9)]))).toEqual({
      conflict: "region",
    })
    expect(mergeLabels(base, drawn([region("b", 60)]), drawn([region("a", 5)]))).toEqual({
      conflict: "region",
    })
  })

  test("the same id from two tablets is two regions, the same region under two ids is one", () => {
    const two = mergeLabels(null, drawn([region("p1", 0)]), drawn([region("p1", 60)]))
    if ("conflict" in two) throw new Error(two.conflict)
    expect(two.content.drawing?.regions.map((r) => r.outline)).toEqual([
      region("", 0).outline,
      region("", 60).outline,
    ])
    expect(new Set(two.content.drawing?.regions.map((r) => r.id)).size).toBe(2)
    const [one, other] = [drawn([region("p1", 0), region("p2", 60)]), drawn([region("p1", 60)])]
    for (const met of [mergeLabels(null, one, other), mergeLabels(null, other, one)])
      expect("content" in met && met.content.drawing?.regions).toHaveLength(2)
    expect(mergeLabels(null, drawn([region("p1", 0)]), drawn([region("q7", 0)]))).toEqual({
      content: drawn([region("p1", 0)]),
    })
  })

  test("one clears the part while the other marks more: not OK and not silently NG", () => {
    expect(mergeLabels(boxed(["dent", 0]), ok, boxed(["dent", 0], ["scratch", 50]))).toEqual({
      conflict: "verdict",
    })
  })

  test("a relation to a region that the other has removed is a conflict", () => {
    const base = drawn([region("a", 0), region("b", 50)])
    const linked = drawn([region("a", 0), region("b", 50)], { relations: [{ from: "a", to: "b" }] })
    expect(mergeLabels(base, drawn([region("a", 0)]), linked)).toEqual({ conflict: "relation" })
    expect(mergeLabels(base, base, linked)).toEqual({ content: linked })
  })

  test("answers to different questions are both kept", () => {
    const said = (answers: Record<string, string>) => drawn([region("a", 0)], { answers })
    expect(mergeLabels(said({}), said({ note: "deep" }), said({ side: "left" }))).toEqual({
      content: said({ note: "deep", side: "left" }),
    })
    expect(mergeLabels(said({}), said({ note: "deep" }), said({ note: "flat" }))).toEqual({
      conflict: "answers",
    })
  })
})

const regions = fc
  .uniqueArray(
    fc.record({ id: fc.constantFrom("a", "b", "c", "d", "e"), x: fc.integer({ min: 0, max: 9 }) }),
    {
      selector: ({ id }) => id,
      maxLength: 5,
    },
  )
  .map((list) => list.map(({ id, x }) => region(id, x * 30, x % 2 ? "scratch" : "dent")))
const content = fc.oneof(
  fc.constant(ok),
  fc.constant<Content>({ ...ok, verdict: "unsure" }),
  fc.constantFrom(ng("scratch"), ng("dent"), ng("scratch", "dent")),
  regions.filter((list) => list.length > 0).map((list) => drawn(list)),
  regions
    .filter((list) => list.length > 0)
    .map(
      (list): Content => ({
        ...drawn(list),
        boxes: list.map((r) => ({ kind: r.kinds[0]!, box: [Number(r.id.charCodeAt(0)) * 20, 10, 8, 8] })),
      }),
    )
    .map(({ drawing: _, ...rest }) => rest)
    .map((c) => ({ ...c, kinds: [...new Set(c.boxes.map((b) => b.kind))] })),
)
const base = fc.oneof(fc.constant(null), content)
const merged = (m: ReturnType<typeof mergeLabels>) => ("content" in m ? m.content : undefined)

describe("for every three labels", () => {
  test("whoever changed nothing loses nothing and takes nothing away", () => {
    fc.assert(
      fc.property(content, content, (b, t) => {
        const [left, right] = [merged(mergeLabels(b, t, b)), merged(mergeLabels(b, b, t))]
        return left !== undefined && right !== undefined && isSameContent(left, t) && isSameContent(right, t)
      }),
    )
  })

  test("two that are equal make that one", () => {
    fc.assert(
      fc.property(base, content, (b, x) => {
        const same = merged(mergeLabels(b, x, x))
        return same !== undefined && isSameContent(same, x)
      }),
    )
  })

  test("it does not matter who was first: a conflict stays one, and the same is marked", () => {
    const marks = (c: Content | undefined) =>
      c && [
        c.verdict,
        [...c.kinds].sort(),
        [
          ...(c.drawing?.regions ?? []).map((r) => JSON.stringify([r.outline, r.kinds])),
          ...c.boxes.map((x) => JSON.stringify(x)),
        ].sort(),
      ]
    fc.assert(
      fc.property(base, content, content, (b, t, m) => {
        const [one, other] = [mergeLabels(b, t, m), mergeLabels(b, m, t)]
        expect("conflict" in one).toBe("conflict" in other)
        expect(marks(merged(one))).toEqual(marks(merged(other)))
      }),
    )
  })

  test("what only one side has added is there, what only one side has removed is gone", () => {
    fc.assert(
      fc.property(regions, regions, regions, (b, t, m) => {
        fc.pre(b.length > 0 && t.length > 0 && m.length > 0)
        const result = merged(mergeLabels(drawn(b), drawn(t), drawn(m)))
        if (!result) return
        const outlines = new Set(result.drawing?.regions.map((r) => JSON.stringify(r.outline)))
        const has = (list: Region[], id: string) => list.some((r) => r.id === id)
        for (const side of [t, m])
          for (const r of side) if (!has(b, r.id)) expect(outlines).toContain(JSON.stringify(r.outline))
        const kept = result.drawing?.regions.map((r) => r.id) ?? []
        for (const r of b) if (!has(t, r.id) || !has(m, r.id)) expect(kept).not.toContain(r.id)
      }),
    )
  })
})

test("the overlap of two boxes is the same from both sides, 1 for equal and 0 for apart", () => {
  expect(overlapOf([0, 0, 10, 10], [0, 0, 10, 10])).toBe(1)
  expect(overlapOf([0, 0, 10, 10], [10, 0, 10, 10])).toBe(0)
  expect(overlapOf([0, 0, 10, 10], [5, 0, 10, 10])).toBeCloseTo(50 / 150)
})
