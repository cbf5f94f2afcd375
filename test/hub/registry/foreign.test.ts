import { afterAll, beforeAll, expect, test } from "bun:test"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { ModelContract } from "#contract/model"
import type { ModelLook, ModelView, TrialResult } from "#contract/registry"
import { selfCommand } from "#models/child"
import { createProver } from "../../../hub/registry/prover.ts"
import { exported, hostile, sparse } from "../../models/exports.ts"
import { type Browser, startTestHub, type TestHub } from "../support/hub.ts"
import { partPicture } from "../support/models.ts"
import { storePictures } from "../support/parts.ts"

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
/** A box in the middle of whatever it is shown. */
const detector = exported(
  { name: "images", side: 64 },
  [
    {
      name: "output0",
      dims,
      data: sparse(
        dims,
        [32, 32, 16, 8, 0, 0.9].map((value, row) => [[0, row, 3], value] as const),
      ),
    },
  ],
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

test("a file is looked at once, tried on parts of this hub, and registered as it was described", async () => {
  const parts = await storePictures(hub, [partPicture({ grey: 120 }), partPicture({ grey: 90 })])
  const before = (await (await engineer.get("/api/models")).json()).items.length
  const looked: ModelLook = await (await engineer.post("/api/models/look", detector)).json()
  expect(looked).toMatchObject({
    source: "ultralytics",
    inputs: [{ name: "images", type: "f32", dims: [1, 3, 64, 64] }],
    doubts: ["copyleft"],
  })
  const at = `/api/models/files/${looked.file}`
  const tried = await engineer.post(`${at}/try`, { contract: looked.contract, parts })
  expect(tried.status).toBe(200)
  const { pictures, doubts }: TrialResult = await tried.json()
  // Black, white, noise, and then the parts.
  expect(pictures.map(({ part }) => part)).toEqual([null, null, null, ...parts])
  for (const { findings } of pictures)
    expect(findings).toMatchObject([{ kind: "dent", score: expect.closeTo(0.9, 5) }])
  // It says the same of everything, and that is told.
  expect(doubts).toEqual(["always_same"])
  expect((await (await engineer.get("/api/models")).json()).items.length).toBe(before)

  const renamed: ModelContract = {
    ...looked.contract,
    classes: looked.contract.classes.map((one) => (one.id === 1 ? { ...one, key: "burr" } : one)),
    thresholds: { t_low: 0.3, t_high: 0.95 },
  }
  const made = await engineer.post(at, { line: "side", contract: renamed })
  expect(made.status).toBe(202)
  const view: ModelView = await made.json()
  expect(view).toMatchObject({ line: "side", contract: { thresholds: { t_high: 0.95 } } })
  expect(view.contract.classes[1]?.key).toBe("burr")
  // The same file under another description is another model.
  expect(view.digest).not.toBe((await (await engineer.post(at, {})).json()).digest)
})

test("a file that is not here, a contract that does not fit and a worker are refused with the reason", async () => {
  const gone = `/api/models/files/${"0".repeat(64)}`
  expect((await engineer.post(gone, {})).status).toBe(404)
  const looked: ModelLook = await (await engineer.post("/api/models/look", yolo)).json()
  const at = `/api/models/files/${looked.file}`
  const unfed = { ...looked.contract, inputs: [{ ...looked.contract.inputs[0]!, name: "other" }] }
  const refused = await engineer.post(`${at}/try`, { contract: unfed, parts: [] })
  expect(refused.status).toBe(400)
  expect((await refused.json()).params.why).toContain("no input named other")
  const worker = await hub.as("worker")
  expect((await worker.post(`${at}/try`, { contract: looked.contract, parts: [] })).status).toBe(403)
  expect((await worker.post(at, {})).status).toBe(403)
})

test("a model that hangs, or takes all memory, is ended and said to be so; the hub goes on", async () => {
  const folder = await mkdtemp(join(tmpdir(), "crux-hostile-"))
  try {
    // Long enough for a small model on a busy machine, and no time at all for one that never ends.
    const prover = createProver({
      command: selfCommand("worker", "infer"),
      timeoutMs: 5_000,
      memoryBytes: 700e6,
    })
    for (const [name, code] of [
      ["endless", "model_timeout"],
      ["greedy", "model_memory"],
    ] as const) {
      const [sent, into] = [join(folder, `${name}.onnx`), join(folder, `${name}-stamped.onnx`)]
      await writeFile(sent, hostile[name]())
      await prover.stamp(sent, undefined, into)
      const shown = await prover.show(into, [])
      expect(shown.map((one) => [one.eval, one.code])).toEqual([["undecidable", code]])
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}, 60_000)

test("what is no model, or no engineer's, goes no further", async () => {
  expect((await engineer.post("/api/models/look", new TextEncoder().encode("junk"))).status).toBe(400)
  expect((await (await hub.as("worker")).post("/api/models/look", yolo)).status).toBe(403)
})
