import { afterAll, beforeAll, expect, test } from "bun:test"
import { createHash, randomBytes } from "node:crypto"
import { type ChunkIndex, decodeChunkIndex, encodeChunkIndex } from "#contract/chunk-index"
import type { Enrolment } from "#contract/fleet"
import type { Manifest } from "#contract/release"
import { chunkSize, topicOf } from "#contract/topics"
import { buildIndex } from "../../../hub/delivery/chunk-index.service.ts"
import { createDelivery, type Receiver } from "../../../hub/delivery/delivery.service.ts"
import { createLog } from "../../../hub/platform/log.ts"
import { connectDevice, enrol, sha256, type TestDevice, until } from "../support/device.ts"
import { startTestHub, type TestHub } from "../support/hub.ts"

let hub: TestHub
let one: Enrolment
let device: TestDevice
const model = randomBytes(5 * chunkSize + 1000)
const stranger = randomBytes(1000)
let manifestSha = ""
let indexSha = ""

beforeAll(async () => {
  hub = await startTestHub()
  one = await enrol(hub, "line-1")
  const { blobs, keys, fleet } = hub.hub
  await blobs.put(model)
  await blobs.put(stranger)
  const index = (await buildIndex({ blobs }, sha256(model)))!
  indexSha = index.sha256
  const manifest = {
    v: 1,
    line: "valves",
    release: 1,
    model: { sha256: sha256(model), size: model.length, index },
    contract: contract(),
    checks: [],
    requires: { ram_mb: 100, disk_mb: 100 },
    budget: { p99_ms: 100 },
    floor: 1,
    provenance: {},
    created: 1,
  } satisfies Manifest
  const envelope = keys.release.sign(
    "application/vnd.crux.manifest.v1+json",
    Buffer.from(JSON.stringify(manifest)),
  )
  const bytes = Buffer.from(JSON.stringify(envelope))
  manifestSha = await blobs.put(bytes)
  fleet.setDesired("line-1", {
    lines: {
      valves: {
        manifest: { sha256: manifestSha, size: bytes.length },
        release: 1,
        action: "run",
        probation: { parts: 10, max_minutes: 1, max_undecidable: 1, max_ng_shift: 1 },
      },
    },
    floor: { valves: 1 },
    sampling: { audit: 0.1, image_ok: "none" },
  })
  device = await connectDevice(one)
})
afterAll(async () => {
  await device.end()
  await hub.stop()
})

const ask = (object: string, xfer: string, ranges: [number, number][]) =>
  device.client.publishAsync(
    topicOf("chunkGet", { d: "line-1" }),
    JSON.stringify({ v: 1, xfer, object, ranges }),
  )
const chunk = (xfer: string, i: number) =>
  device.received.find(({ topic }) => topic === topicOf("chunk", { d: "line-1", xfer, i: String(i) }))
    ?.payload

function contract(): Manifest["contract"] {
  const resize = { mode: "stretch", w: 64, h: 64, interp: "bilinear", antialias: false } as const
  return {
    v: 1,
    task: "anomaly",
    inputs: [
      {
        name: "in",
        dtype: "f32",
        layout: "NCHW",
        color: "RGB",
        resize,
        scale: 1,
        mean: [0, 0, 0],
        std: [1, 1, 1],
      },
    ],
    outputs: [{ name: "score", role: "score" }],
    decode: { type: "score" },
    classes: [],
    thresholds: { t_low: 0.4, t_high: 0.6 },
    score: { direction: "higher_is_ng", raw: false },
    provenance: { recipe: "test" },
  }
}

test("a device fetches manifest, index and model chunk by chunk, and every digest holds", async () => {
  await ask(manifestSha, "manifest1", [[0, 1]])
  const manifest = await until("the manifest", () => chunk("manifest1", 0))
  expect(sha256(manifest)).toBe(manifestSha)
  await ask(indexSha, "index0001", [[0, 1]])
  const index = decodeChunkIndex(await until("the index", () => chunk("index0001", 0)))
  expect(index.total).toBe(model.length)
  await ask(sha256(model), "model0001", [
    [0, 2],
    [4, 2],
  ])
  await ask(sha256(model), "model0001", [[2, 2]])
  const chunks = await until("all chunks", () => {
    const got = index.chunks.map((_, i) => chunk("model0001", i))
    return got.every((c) => c !== undefined) && got
  })
  chunks.forEach((bytes, i) => {
    expect(createHash("sha256").update(bytes!).digest().equals(index.chunks[i]!.digest)).toBe(true)
  })
  expect(sha256(Buffer.concat(chunks as Buffer[]))).toBe(sha256(model))
})

test("an object the device's wish does not lead to is not sent", async () => {
  await ask(sha256(stranger), "stranger1", [[0, 1]])
  await ask(manifestSha, "manifest2", [[0, 1]])
  await until("the manifest asked for after it", () => chunk("manifest2", 0))
  expect(chunk("stranger1", 0)).toBeUndefined()
  expect(hub.log.some((line) => line.includes("fetch_refused") && line.includes(sha256(stranger)))).toBe(true)
})

test("chunks past the end are not sent, and a new attempt replaces what waited of the old", async () => {
  await ask(sha256(model), "model0002", [[4, 60]])
  await until("the last chunk", () => chunk("model0002", 5))
  await ask(manifestSha, "manifest3", [[0, 1]])
  await until("an answer after it", () => chunk("manifest3", 0))
  expect(device.received.filter(({ topic }) => topic.includes("/model0002/"))).toHaveLength(2)
})

test("a frozen receiver holds up nobody else", async () => {
  const sent: string[] = []
  const frozen: Receiver = { device: "frozen", closed: () => false, send: () => new Promise(() => {}) }
  const lively: Receiver = {
    device: "lively",
    closed: () => false,
    send: async (topic) => void sent.push(topic),
  }
  const delivery = createDelivery({
    blobs: hub.hub.blobs,
    mayFetch: async () => true,
    log: createLog({ level: "error", subject: "test", write: () => {}, now: Date.now }),
  })
  const request = { v: 1 as const, object: sha256(model), ranges: [[0, 6]] as [number, number][] }
  await delivery.request(frozen, { ...request, xfer: "frozen001" })
  await delivery.request(lively, { ...request, xfer: "lively001" })
  await until("all six chunks", () => sent.length === 6)
  expect(delivery.load()).toEqual({ waiting: 4, sending: 2 })
})

test("an index reads back, and one with a wrong length anywhere is refused", () => {
  const index: ChunkIndex = {
    total: chunkSize + 5,
    chunks: [
      { length: chunkSize, digest: new Uint8Array(32).fill(1) },
      { length: 5, digest: new Uint8Array(32).fill(2) },
    ],
  }
  expect(decodeChunkIndex(encodeChunkIndex(index))).toEqual(index)
  expect(() => decodeChunkIndex(encodeChunkIndex({ ...index, total: 5 }))).toThrow("add up")
  expect(() => decodeChunkIndex(encodeChunkIndex(index).subarray(0, 60))).toThrow("fit its count")
  const short = {
    total: 10,
    chunks: [
      { length: 5, digest: new Uint8Array(32) },
      { length: 5, digest: new Uint8Array(32) },
    ],
  }
  expect(() => decodeChunkIndex(encodeChunkIndex(short))).toThrow("wrong length")
})
