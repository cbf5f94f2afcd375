import { afterAll, beforeAll, expect, test } from "bun:test"
import type { Question } from "#contract/questions"
import { startTestHub, type TestHub } from "./support/hub.ts"

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
