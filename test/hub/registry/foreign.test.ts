import { afterAll, beforeAll, expect, test } from "bun:test"
import type { ModelContract } from "#contract/model"
import type { ModelLook, ModelView } from "#contract/registry"
import { exported, sparse } from "../../models/exports.ts"
import { type Browser, startTestHub, type TestHub } from "../support/hub.ts"

let hub: TestHub
let engineer: Browser
beforeAll(async () => {
  hub = await startTestHub()
  engineer = await hub.as("engineer")
})
afterAll(async () => await hub.stop())

const dims = [1, 6, 84]
const yolo = exported(
  { name: "images", side: 64 },
  [{ name: "output0", dims, data: sparse(dims, [[[0, 4, 3], 0.9]]) }],
  { task: "detect", names: "{0: 'Scratch', 1: 'Dent'}", license: "AGPL-3.0" },
)
const strange = exported({ name: "x", side: 32 }, [{ name: "y", dims: [1, 1, 1, 1], data: [0.3] }])

test("an export of another maker is recognised before and at registering, and keeps its licence", async () => {
  const seen: ModelLook = await (await engineer.post("/api/models/look", yolo)).json()
  expect(seen).toMatchObject({ source: "ultralytics", contents: { opset: 13, whole: null } })
  expect(seen.contract.classes.map(({ key }) => key)).toEqual(["scratch", "dent"])
  expect((await (await engineer.get("/api/models")).json()).items).toEqual([])

  const answer = await engineer.post("/api/models", yolo)
  expect(answer.status).toBe(202)
  const made: ModelView = await answer.json()
  expect(made.contract.provenance).toMatchObject({ recipe: "ultralytics", licence: "AGPL-3.0" })
  const onnx = new Uint8Array(await (await engineer.get(`/api/models/${made.digest}/onnx`)).arrayBuffer())
  // Nothing of it was changed: the contract is appended.
  expect(Buffer.from(onnx.subarray(0, yolo.length)).equals(Buffer.from(yolo))).toBe(true)
  // The same export again is the same model.
  expect((await (await engineer.post("/api/models", yolo)).json()).digest).toBe(made.digest)
})

test("one that nobody knows is refused with the reason, and taken once it is described", async () => {
  const refused = await engineer.post("/api/models", strange)
  expect(refused.status).toBe(400)
  expect((await refused.json()).params.why).toContain("describe it")
  const { contract }: ModelLook = await (await engineer.post("/api/models/look", yolo)).json()
  const described: ModelContract = {
    ...contract,
    task: "anomaly",
    inputs: [{ ...contract.inputs[0]!, name: "x", resize: { ...contract.inputs[0]!.resize, w: 32, h: 32 } }],
    outputs: [{ name: "y", role: "score" }],
    decode: { type: "anomaly" },
  }
  const to = (given: ModelContract) => `/api/models?contract=${encodeURIComponent(JSON.stringify(given))}`
  const wrong = { ...described, outputs: [{ name: "z", role: "score" as const }] }
  expect((await engineer.post(to(wrong), strange)).status).toBe(400)
  const taken = await engineer.post(to(described), strange)
  expect(taken.status).toBe(202)
  expect((await taken.json()).contract.decode.type).toBe("anomaly")
})

test("what is no model, or no engineer's, goes no further", async () => {
  expect((await engineer.post("/api/models/look", new TextEncoder().encode("junk"))).status).toBe(400)
  expect((await (await hub.as("worker")).post("/api/models/look", yolo)).status).toBe(403)
})
