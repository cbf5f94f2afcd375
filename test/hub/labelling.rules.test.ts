import { describe, expect, test } from "bun:test"
import type { LabelBox, NewLabel } from "#contract/labelling"
import { type Judgement, labelFault, queueAfter } from "../../hub/labelling/labelling.rules.ts"

const image = { sha256: "0".repeat(64), mime: "image/png", w: 640, h: 480, size: 1 } as const
const label = (verdict: NewLabel["verdict"], kinds: string[] = [], ...boxes: LabelBox["box"][]) => ({
  verdict,
  kinds,
  boxes: boxes.map((box) => ({ kind: kinds[0] ?? "scratch", box })),
})

describe("a label fits when", () => {
  const cases: [string, ReturnType<typeof label>, ReturnType<typeof labelFault>][] = [
    ["OK names nothing", label("ok"), null],
    ["OK with a kind does not", label("ok", ["scratch"]), "ok_with_kinds"],
    ["OK with a box does not", label("ok", [], [0, 0, 1, 1]), "ok_with_kinds"],
    ["NG names a kind, with or without a box", label("ng", ["scratch"]), null],
    ["NG without a kind does not", label("ng"), "ng_without_kind"],
    ["unsure may say what it could be", label("unsure", ["scratch"], [0, 0, 9, 9]), null],
    ["a withdrawal says nothing", label("withdrawn", ["scratch"]), "withdrawn_with_content"],
    ["a box may fill the image", label("ng", ["scratch"], [0, 0, 640, 480]), null],
    ["a box may stand over by a rounding error", label("ng", ["scratch"], [-0.4, 0, 640.8, 480]), null],
    ["a box outside does not", label("ng", ["scratch"], [639, 0, 2, 2]), "box_outside"],
  ]
  for (const [name, given, fault] of cases)
    test(name, () => {
      expect(labelFault(given, image)).toBe(fault)
    })

  test("there is an image to draw a box on", () => {
    expect(labelFault(label("ng", ["scratch"], [0, 0, 1, 1]), null)).toBe("box_outside")
    expect(labelFault(label("ng", ["scratch"]), null)).toBeNull()
  })
})

describe("after a label the part", () => {
  const by = (userId: string, verdict: Judgement["verdict"], ...kinds: string[]): Judgement => ({
    userId,
    verdict,
    kinds,
  })
  const cases: [string, Judgement, Judgement | null, boolean, ReturnType<typeof queueAfter>][] = [
    ["is settled by the first OK", by("a", "ok"), null, true, null],
    ["waits for a reviewer after unsure", by("a", "unsure"), null, true, "unsure_label"],
    ["waits as at first after a withdrawal", by("a", "withdrawn"), by("a", "ok"), true, "first_reason"],
    ["is settled by an edit", by("b", "ng", "x"), by("a", "ok"), true, null],
    ["is disputed by a late label that differs", by("b", "ng", "x"), by("a", "ok"), false, "disagreement"],
    [
      "is disputed by a late label of another kind",
      by("b", "ng", "x"),
      by("a", "ng", "y"),
      false,
      "disagreement",
    ],
    ["is settled by a late label that agrees", by("b", "ng", "x", "y"), by("a", "ng", "y", "x"), false, null],
    ["is settled by the same person's late label", by("a", "ng", "x"), by("a", "ok"), false, null],
    ["is settled by an answer to unsure", by("b", "ok"), by("a", "unsure"), false, null],
    ["is settled by a label after a withdrawal", by("b", "ok"), by("a", "withdrawn"), false, null],
  ]
  for (const [name, now, before, deliberate, reason] of cases)
    test(name, () => {
      expect(queueAfter(now, before, deliberate)).toBe(reason)
    })
})
