import { afterAll, beforeAll, expect, test } from "bun:test"
import fc from "fast-check"
import type { Answer, Drawing } from "#contract/drawing"
import type { Question } from "#contract/questions"
import { answersFault } from "../../hub/labelling/answers.rules.ts"
import { startTestHub, type TestHub } from "./support/hub.ts"
import { newLabel, storeParts } from "./support/parts.ts"

let hub: TestHub
beforeAll(async () => {
  hub = await startTestHub()
})
afterAll(() => hub.stop())

const place: Question = {
  type: "tree",
  key: "place",
  names: { ko: "위치", en: "Place" },
  of: "region",
  required: true,
  several: false,
  options: [
    {
      key: "front",
      names: { ko: "앞면", en: "Front" },
      options: [{ key: "edge", names: { ko: "모서리", en: "Edge" } }],
    },
  ],
}

test("a fresh hub has box, polygon and brush and asks nothing", async () => {
  const worker = await hub.as("worker")
  const { items } = await (await worker.get("/api/label-setups")).json()
  expect(items).toEqual([
    { product: null, revision: 0, tools: ["box", "polygon", "brush"], questions: [], changed_at: null },
  ])
})

test("an engineer sets tools and questions of a product, and nobody overwrites what they have not seen", async () => {
  const [worker, engineer] = [await hub.as("worker"), await hub.as("engineer")]
  const asked = { product: "plate", revision: 0, tools: ["polygon", "line"], questions: [place] }
  expect((await worker.send("PUT", "/api/label-setups", asked)).status).toBe(403)
  const answer = await engineer.send("PUT", "/api/label-setups", asked)
  expect(answer.status).toBe(200)
  expect(await answer.json()).toMatchObject({ revision: 1, tools: ["polygon", "line"] })
  const late = await engineer.send("PUT", "/api/label-setups", { ...asked, tools: ["box"] })
  expect([late.status, (await late.json()).key]).toEqual([409, "label_setup_changed"])
  const { items } = await (await worker.get("/api/label-setups")).json()
  expect(items).toHaveLength(2)
  expect(items[1]).toMatchObject({ product: "plate", revision: 1, questions: [place] })
})

test("what could not be answered is refused: twice the same key, a tool that is none, a choice of one", async () => {
  const engineer = await hub.as("engineer")
  const put = (more: object) =>
    engineer
      .send("PUT", "/api/label-setups", {
        product: null,
        revision: 0,
        tools: ["box"],
        questions: [],
        ...more,
      })
      .then(({ status }) => status)
  expect(await put({ tools: ["box", "box"] })).toBe(400)
  expect(await put({ tools: ["laser"] })).toBe(400)
  expect(await put({ questions: [place, place] })).toBe(400)
  expect(await put({ questions: [{ ...place, key: "note" }] })).toBe(400)
  const one = { ...place, type: "choice", options: [{ key: "a", names: { ko: "가", en: "A" } }] }
  expect(await put({ questions: [one] })).toBe(400)
})

const names = { ko: "질문", en: "Question" }
const base = { key: "q", names, of: "image" as const, required: false }
const options = ["dry", "oily"].map((key) => ({ key, names }))
const asked: Record<string, Question> = {
  one: { ...base, type: "choice", options, several: false },
  some: { ...base, type: "choice", options, several: true },
  tree: { ...base, type: "tree", several: false, options: [{ key: "front", names, options }] },
  number: { ...base, type: "number", min: 0, max: 10 },
  rating: { ...base, type: "rating", most: 5 },
  text: { ...base, type: "text" },
}
const saying = (answer: Answer): Drawing => ({ v: 1, regions: [], relations: [], answers: { q: answer } })
const faultOf = (question: Question, answer: Answer, before: Drawing | null = null) =>
  answersFault([question], { verdict: "ng", drawing: saying(answer) }, before)?.fault ?? null

test("an answer fits its question or is refused, whatever it is", () => {
  const cases: [string, Answer, string | null][] = [
    ["one", "dry", null],
    ["one", ["dry"], null],
    ["one", ["dry", "oily"], "several"],
    ["one", "wet", "option"],
    ["one", 3, "type"],
    ["some", ["dry", "oily"], null],
    ["some", [["dry"]], "type"],
    ["tree", [["front", "dry"]], null],
    ["tree", [["front"]], null],
    ["tree", [["front", "wet"]], "option"],
    ["tree", [["front"], ["front", "dry"]], "several"],
    ["tree", "front", "type"],
    ["number", 10, null],
    ["number", 10.5, "range"],
    ["number", "ten", "type"],
    ["rating", 5, null],
    ["rating", 0, "range"],
    ["rating", 2.5, "range"],
    ["text", "a word", null],
    ["text", true, "type"],
  ]
  for (const [kind, answer, fault] of cases)
    expect([kind, answer, faultOf(asked[kind]!, answer)]).toEqual([kind, answer, fault])
})

test("what stood there before, and what nobody asks, is nobody's fault", () => {
  const answer = fc.oneof(fc.string(), fc.double({ noNaN: true }), fc.boolean(), fc.array(fc.string()))
  fc.assert(
    fc.property(fc.constantFrom(...Object.values(asked)), answer, (question, said) => {
      expect(faultOf(question, said, saying(said))).toBeNull()
      expect(faultOf({ ...question, key: "other" }, said)).toBeNull()
    }),
  )
})

test("the hub refuses an answer that does not fit and says which; an older setup and another program's words are believed", async () => {
  const [worker, engineer] = [await hub.as("worker"), await hub.as("engineer")]
  await engineer.post("/api/defect-classes", { key: "scratch", names: { ko: "긁힘", en: "Scratch" } })
  const product = "shaft"
  const finish: Question = { ...asked.one!, key: "finish", required: true }
  const put = (revision: number, questions: Question[]) =>
    engineer.send("PUT", "/api/label-setups", { product, revision, tools: ["box"], questions })
  expect((await put(0, [finish])).status).toBe(200)
  const [part] = storeParts(hub, 1, () => ({ product }))
  const send = async (answer: Answer | undefined, more: object = {}) => {
    const drawing = { ...saying("x"), answers: answer === undefined ? {} : { finish: answer } }
    const body = { ...newLabel(part!, { verdict: "ng", kinds: ["scratch"] }), drawing, ...more }
    const response = await worker.post("/api/labels", body)
    const { key, params } = await response.json()
    return [response.status, key, params?.fault]
  }
  expect(await send("wet")).toEqual([400, "label_answer", "option"])
  expect(await send(undefined)).toEqual([400, "label_answer", "missing"])
  // Without a verdict of NG nothing must be answered.
  expect((await send(undefined, { verdict: "unsure", kinds: [] }))[0]).toBe(201)
  expect((await send("dry"))[0]).toBe(201)
  // The tablet was away while the question changed: its label counts.
  await put(1, [{ ...finish, options: [...options.slice(1), { key: "dusty", names }] } as Question])
  expect(await send("dry", { setup: { product, revision: 2 } })).toEqual([201, undefined, undefined])
  expect(await send("wet", { setup: { product, revision: 2 } })).toEqual([400, "label_answer", "option"])
  expect((await send("wet", { setup: { product, revision: 1 } }))[0]).toBe(201)
})
