import { expect, test } from "bun:test"
import { uuidv7 } from "uuidv7"
import * as v from "valibot"
import { type InspectionView, NewLabel } from "#contract/labelling"
import { readKey } from "../../ui/screens/label/keys.ts"
import {
  inCatalogue,
  judge,
  keyForKind,
  modelVerdict,
  suggestedKinds,
  suggestedShapes,
} from "../../ui/screens/label/label.rules.ts"

const part = (over: Partial<InspectionView>): InspectionView => ({
  id: uuidv7(),
  device_id: "l1",
  seq: 1,
  captured_at: 0,
  received_at: 0,
  part_id: "P1",
  product_id: "plate",
  verdict: { eval: "ng" },
  findings: [
    { kind: "scratch", score: 0.9, box: [10, 20, 30, 40] },
    { kind: "dent", score: 0.6 },
  ],
  model: null,
  why_sent: "ng",
  image: null,
  simulated: true,
  label: null,
  ...over,
})

test("the model's opinion taken as it stands is marked accepted, with its boxes and kinds", () => {
  const seen = part({})
  const judged = judge(seen, "ng", suggestedShapes(seen.findings), suggestedKinds(seen.findings))
  expect(judged).toEqual({
    kinds: ["scratch", "dent"],
    boxes: [{ kind: "scratch", box: [10, 20, 30, 40] }],
    accepted: true,
  })
})

test("a box that was moved, renamed, added or removed is no longer the model's opinion", () => {
  const seen = part({})
  const [shape] = suggestedShapes(seen.findings)
  const kinds = suggestedKinds(seen.findings)
  expect(
    judge(seen, "ng", [{ ...shape!, outline: { type: "box", box: [11, 20, 30, 40] } }], kinds).accepted,
  ).toBe(false)
  expect(judge(seen, "ng", [{ ...shape!, kind: "crack" }], kinds).accepted).toBe(false)
  expect(judge(seen, "ng", [shape!, { ...shape!, id: "p1" }], kinds).accepted).toBe(false)
  expect(judge(seen, "ng", [], kinds).accepted).toBe(false)
  expect(judge(seen, "ng", [shape!], []).accepted).toBe(false)
})

test("OK and unsure carry no defects, whatever was drawn", () => {
  const seen = part({})
  const shapes = suggestedShapes(seen.findings)
  expect(judge(seen, "ok", shapes, ["dent"])).toEqual({ kinds: [], boxes: [], accepted: false })
  expect(judge(seen, "unsure", shapes, ["dent"])).toEqual({ kinds: [], boxes: [], accepted: false })
})

test("OK agrees with a model that said OK", () => {
  expect(judge(part({ verdict: { eval: "ok" }, findings: [] }), "ok", [], []).accepted).toBe(true)
})

test("NG without any kind is unknown, and every label is one the hub takes", () => {
  const judged = judge(part({ findings: [] }), "ng", [], [])
  expect(judged.kinds).toEqual(["unknown"])
  const label = {
    id: uuidv7(),
    inspection_id: uuidv7(),
    verdict: "ng",
    ...judged,
    shown_at: 1,
    decided_at: 2,
    active_ms: 1,
  }
  expect(v.safeParse(NewLabel, label).success).toBe(true)
})

test("a kind the catalogue lacks is shown as unknown", () => {
  const findings = inCatalogue(
    [
      { kind: "anomaly", score: 1 },
      { kind: "dent", score: 1 },
    ],
    (k) => k === "dent",
  )
  expect(findings.map((f) => f.kind)).toEqual(["unknown", "dent"])
})

test("an undecidable part has an opinion only when something was found on it", () => {
  expect(modelVerdict(part({ verdict: { eval: "undecidable" }, findings: [] }))).toBeNull()
  expect(modelVerdict(part({ verdict: { eval: "undecidable" } }))).toBe("ng")
})

test("a new kind gets a machine name from its Latin name, else a numbered one, and never one that is taken", () => {
  expect(keyForKind("기포", "Air bubble!", [])).toBe("air-bubble")
  expect(keyForKind("기포", "", ["kind-2"])).toBe("kind-3")
  expect(keyForKind("Crack", "", ["crack"])).toBe("crack-2")
})

test("keys mean the same under a Korean input method", () => {
  const press = (code: string, key: string, more = {}) =>
    readKey({ code, key, shiftKey: false, ctrlKey: false, metaKey: false, altKey: false, ...more }, true)
  expect(press("KeyX", "ㅌ")).toEqual({ do: "ng" })
  expect(press("KeyO", "Process")).toEqual({ do: "ok" })
  expect(press("Digit3", "3")).toEqual({ do: "kind", index: 2 })
  expect(press("KeyZ", "z", { ctrlKey: true })).toEqual({ do: "undo" })
})

test("single-key shortcuts can be turned off; space, arrows and Ctrl+Z stay", () => {
  const press = (code: string, more = {}) =>
    readKey({ code, key: "", shiftKey: false, ctrlKey: false, metaKey: false, altKey: false, ...more }, false)
  expect(press("KeyX")).toBeNull()
  expect(press("Digit1")).toBeNull()
  expect(press("Space")).toEqual({ do: "accept" })
  expect(press("ArrowLeft")).not.toBeNull()
  expect(press("KeyZ", { ctrlKey: true })).toEqual({ do: "undo" })
})
