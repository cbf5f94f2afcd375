import { expect, test } from "bun:test"
import { uuidv7 } from "uuidv7"
import * as v from "valibot"
import { type InspectionView, NewLabel } from "#contract/labelling"
import type { Question } from "#contract/questions"
import { newDocument, type Shape } from "../../ui/editor/document.ts"
import { actions, defaultBindings, readKey } from "../../ui/screens/label/keys.ts"
import {
  gapIn,
  inCatalogue,
  judge,
  keyForKind,
  modelVerdict,
  openedLabel,
  suggestedKinds,
  suggestedShapes,
} from "../../ui/screens/label/label.rules.ts"
import { createOwnKeys } from "../../ui/screens/label/own-keys.ts"
import { optionsText, readOptions } from "../../ui/screens/settings/label-setup.rules.ts"

const marked = (shapes: readonly Shape[]) => newDocument({ shapes })

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
  const judged = judge(seen, "ng", marked(suggestedShapes(seen.findings)), suggestedKinds(seen.findings))
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
    judge(seen, "ng", marked([{ ...shape!, outline: { type: "box", box: [11, 20, 30, 40] } }]), kinds)
      .accepted,
  ).toBe(false)
  expect(judge(seen, "ng", marked([{ ...shape!, kind: "crack" }]), kinds).accepted).toBe(false)
  expect(judge(seen, "ng", marked([shape!, { ...shape!, id: "p1" }]), kinds).accepted).toBe(false)
  expect(judge(seen, "ng", marked([]), kinds).accepted).toBe(false)
  expect(judge(seen, "ng", marked([shape!]), []).accepted).toBe(false)
})

test("OK carries no defects, whatever was drawn; unsure what a person has marked, and nothing of the model's", () => {
  const seen = part({})
  const shapes = suggestedShapes(seen.findings)
  expect(judge(seen, "ok", marked(shapes), ["dent"])).toEqual({ kinds: [], boxes: [], accepted: false })
  expect(judge(seen, "unsure", marked(shapes), ["dent"])).toEqual({ kinds: [], boxes: [], accepted: false })
  const kept = marked(shapes.map((shape) => ({ ...shape, state: "kept" as const })))
  expect(judge(seen, "unsure", kept, [])).toEqual({
    kinds: ["scratch"],
    boxes: [{ kind: "scratch", box: [10, 20, 30, 40] }],
    accepted: false,
  })
})

test("what is more than upright boxes goes as a drawing, and so do more boxes than fit beside each other", () => {
  const seen = part({})
  const [shape] = suggestedShapes(seen.findings)
  const line: Shape = {
    ...shape!,
    outline: {
      type: "line",
      points: [
        [1, 2],
        [3, 4],
      ],
    },
    also: ["rust"],
  }
  const judged = judge(seen, "ng", marked([line]), [])
  expect(judged).toMatchObject({ kinds: ["scratch", "rust"], boxes: [], accepted: false })
  expect(judged.drawing?.regions).toMatchObject([
    { id: "m1", kinds: ["scratch", "rust"], outline: line.outline },
  ])
  const many = Array.from({ length: 65 }, (_, i) => ({ ...shape!, id: `p${i}` }))
  expect(judge(seen, "ng", marked(many), []).drawing?.regions).toHaveLength(65)
  const answered = newDocument({ answers: { finish: "matt" } })
  expect(judge(seen, "ok", answered, []).drawing).toEqual({ v: 1, regions: [], answers: { finish: "matt" } })
})

test("a stored label is opened as it was, boxes or drawing", () => {
  const base = {
    id: uuidv7(),
    inspection_id: uuidv7(),
    revision: 1,
    verdict: "ng" as const,
    accepted: false,
    by: { id: uuidv7(), name: "Kim" },
    shown_at: 0,
    decided_at: 0,
    stored_at: 0,
    active_ms: 0,
  }
  const boxes = [{ kind: "dent", box: [1, 2, 30, 40] as [number, number, number, number] }]
  const plain = openedLabel({ ...base, kinds: ["dent", "rust"], boxes })
  expect(plain.kinds).toEqual(["rust"])
  expect(judge(part({}), "ng", plain.doc, plain.kinds)).toMatchObject({ kinds: ["dent", "rust"], boxes })
  const drawing = {
    v: 1 as const,
    regions: [
      {
        id: "p1",
        kinds: ["dent"],
        outline: { type: "point" as const, at: [5, 6] as [number, number] },
        by: "person" as const,
      },
    ],
  }
  const drawn = openedLabel({ ...base, kinds: ["dent"], boxes, drawing })
  expect(judge(part({}), "ng", drawn.doc, drawn.kinds).drawing).toEqual(drawing)
})

test("NG waits for the answers that must be given, of the part first and then of each region", () => {
  const names = { ko: "질문", en: "Question" }
  const questions: Question[] = [
    { type: "text", key: "why", names, of: "image", required: true },
    { type: "rating", key: "depth", names, of: "region", required: true, most: 5 },
    { type: "number", key: "free", names, of: "image", required: false },
  ]
  const [shape] = suggestedShapes(part({}).findings)
  const doc = marked([shape!])
  expect(gapIn(questions, doc)).toMatchObject({ question: { key: "why" }, region: null })
  const told = { ...doc, answers: { why: "bent" } }
  expect(gapIn(questions, told)).toMatchObject({ question: { key: "depth" }, region: "m1" })
  expect(gapIn(questions, { ...told, shapes: [{ ...shape!, answers: { depth: 3 } }] })).toBeNull()
})

test("OK agrees with a model that said OK", () => {
  expect(judge(part({ verdict: { eval: "ok" }, findings: [] }), "ok", marked([]), []).accepted).toBe(true)
})

test("NG without any kind is unknown, and every label is one the hub takes", () => {
  const judged = judge(part({ findings: [] }), "ng", marked([]), [])
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

const press = (code: string, key: string, more: object = {}, single = true) =>
  readKey({ code, key, shiftKey: false, ctrlKey: false, metaKey: false, altKey: false, ...more }, single)

test("keys mean the same under a Korean input method", () => {
  expect(press("KeyX", "ㅌ")).toBe("ng")
  expect(press("KeyO", "Process")).toBe("ok")
  expect(press("Digit3", "3")).toBe("kind3")
  expect(press("Numpad3", "3")).toBe("kind3")
  expect(press("KeyZ", "z", { ctrlKey: true })).toBe("undo")
})

test("signs are found wherever a keyboard has them", () => {
  expect(press("Slash", "?", { shiftKey: true })).toBe("help")
  expect(press("Minus", "?", { shiftKey: true })).toBe("help")
  expect(press("NumpadAdd", "+")).toBe("zoomIn")
  expect(press("Digit1", "+", { shiftKey: true })).toBeNull()
})

test("single-key shortcuts can be turned off; space, arrows and Ctrl+Z stay", () => {
  const quiet = (code: string, more = {}) => press(code, "", more, false)
  expect(quiet("KeyX")).toBeNull()
  expect(quiet("Digit1")).toBeNull()
  expect(quiet("KeyZ", { shiftKey: true })).toBeNull()
  expect(quiet("Space")).toBe("accept")
  expect(quiet("ArrowLeft")).toBe("left")
  expect(quiet("KeyZ", { ctrlKey: true })).toBe("undo")
})

test("every action has a key and no key means two things", () => {
  for (const { id, keys } of actions) expect(keys.length, id).toBeGreaterThan(0)
  const all: string[] = actions.flatMap(({ keys }) => [...keys])
  expect(new Set(all).size).toBe(all.length)
})

test("a person's own key is kept, one that is taken is refused, and a damaged entry is the keys as they were", () => {
  const kept = new Map<string, string>()
  const storage = {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
  }
  const keys = createOwnKeys({ storage, user: "kim" })
  expect(keys.set("polygon", "KeyX")).toBe("ng")
  expect(keys.bindings.value.polygon).toEqual(["KeyP"])
  expect(keys.set("polygon", "Shift+KeyP")).toBeNull()
  const again = createOwnKeys({ storage, user: "kim" })
  expect(again.bindings.value.polygon).toEqual(["Shift+KeyP"])
  expect(createOwnKeys({ storage, user: "lee" }).bindings.value.polygon).toEqual(["KeyP"])
  kept.set("crux.keys.kim", '{"polygon":["KeyX"],"nothing":["KeyC"]}')
  expect(createOwnKeys({ storage, user: "kim" }).bindings.value).toEqual(defaultBindings)
  kept.set("crux.keys.kim", "{")
  expect(createOwnKeys({ storage, user: "kim" }).bindings.value).toEqual(defaultBindings)
})

test("choices written as lines are read as a tree and written the same again", () => {
  const text = "front | 앞 | Front\n- edge | 모서리 | Edge\n- middle | 가운데 | Middle\nback | 뒤 | Back"
  const options = readOptions(text)
  expect(options).toEqual([
    {
      key: "front",
      names: { ko: "앞", en: "Front" },
      options: [
        { key: "edge", names: { ko: "모서리", en: "Edge" } },
        { key: "middle", names: { ko: "가운데", en: "Middle" } },
      ],
    },
    { key: "back", names: { ko: "뒤", en: "Back" } },
  ])
  expect(optionsText(options!)).toBe(text)
  for (const wrong of ["front", "a | b", "- edge | 모서리 | Edge", "a | 가 | A\n-- b | 나 | B"])
    expect(readOptions(wrong)).toBeNull()
})
