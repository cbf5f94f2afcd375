import { afterAll, beforeAll, expect, test } from "bun:test"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Problem } from "#contract/problem"
import { sniffImage } from "#models/image-header"
import { type Blobs, openBlobs } from "#platform/blobs"
import type { DiskLevel } from "#platform/disk-space"
import { levelOf, marksFor } from "#platform/disk-space"
import { createEvents } from "#platform/events"
import { createGroupCommit } from "#platform/group-commit"
import { createLog } from "#platform/log"
import { migrations } from "#platform/migrations"
import type { Sqlite } from "#platform/sqlite"
import { createIngest } from "../../../hub/inspection/ingest.service.ts"
import { createInspectionStore } from "../../../hub/inspection/inspection.store.ts"
import { openSqlite } from "../../../hub/platform/sqlite.bun.ts"
import { frameOf, noisePng, sha256 } from "../support/device.ts"

const noise = noisePng(24, 16)
const log = createLog({ level: "error", subject: "test", write: () => {}, now: Date.now })
let data: string
let db: Sqlite
let blobs: Blobs
let level: DiskLevel = "fine"

beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), "crux-full-"))
  db = openSqlite(join(data, "hub.db"))
  db.exec(migrations.map(({ sql }) => sql).join("\n"))
  db.exec("INSERT INTO device (id, name, enrolled_at, secret_hash) VALUES ('line-1', 'line 1', 1, 'x')")
  blobs = await openBlobs({ dataDir: data })
  blobs.attach(createInspectionStore({ sqlite: db }).place)
})
afterAll(async () => {
  await blobs.close()
  db.close()
  await rm(data, { recursive: true })
})

const ingestOn = (store: Blobs) =>
  createIngest({
    store: createInspectionStore({ sqlite: db }),
    commits: createGroupCommit({ sqlite: db }),
    blobs: store,
    sniff: sniffImage,
    disk: {
      look: async () => ({ level, total: 100, free: 50, marks: { tight: 10, low: 3, full: 1 } }),
    },
    clock: { now: Date.now },
    events: createEvents({ log }),
    log,
  })
const stored = (id: string) => db.prepare("SELECT 1 FROM inspection WHERE id = $id").get({ id }) !== undefined

const later = (id: string, code: string) => ({ id, st: "later" as const, code, retry_ms: 30_000 })
const okFrame = (seq: number) =>
  frameOf(seq, (h) => ({
    ...h,
    verdict: { eval: "ok", score: 0.1 },
    findings: [],
    policy: { why_sent: "ok", image: "full" },
  }))

test("on a tight disk the pictures of OK parts wait at the station; NG, audits and bare records are taken", async () => {
  level = "tight"
  const ingest = ingestOn(blobs)
  const ok = okFrame(11)
  expect(await ingest.receive("line-1", "t", ok.bytes)).toEqual(later(ok.header.id, "disk_tight"))
  const audit = frameOf(12, (h) => ({
    ...h,
    verdict: { eval: "ok" },
    policy: { why_sent: "audit", image: "full" },
  }))
  const bareOk = frameOf(13, (h) => ({
    ...h,
    verdict: { eval: "ok" },
    parts: [],
    policy: { why_sent: "ok", image: "none" },
  }))
  for (const frame of [frameOf(14), audit, bareOk])
    expect((await ingest.receive("line-1", "t", frame.bytes))?.st).toBe("stored")
  expect(stored(ok.header.id)).toBe(false)
  level = "fine"
  expect((await ingest.receive("line-1", "t", ok.bytes))?.st).toBe("stored")
})

test("on a low disk the record is taken and seen at once, its picture stays at the station and comes later", async () => {
  level = "low"
  const ingest = ingestOn(blobs)
  const store = createInspectionStore({ sqlite: db })
  const withImage = frameOf(1)
  const { id } = withImage.header
  const bare = frameOf(2, (h) => ({ ...h, parts: [], policy: { why_sent: "ng", image: "none" } }))
  expect(await ingest.receive("line-1", "t", withImage.bytes)).toEqual(later(id, "disk_full"))
  expect(await ingest.receive("line-1", "t", withImage.bytes)).toEqual(later(id, "disk_full"))
  expect(await ingest.receive("line-1", "t", bare.bytes)).toEqual({ id: bare.header.id, st: "stored" })
  expect(store.view(id)).toMatchObject({ image: null, no_image: "waiting" })
  expect(store.imagesWaiting()).toBe(1)
  expect(await blobs.has(sha256(withImage.image))).toBe(false)
  level = "fine"
  expect(await ingest.receive("line-1", "t", withImage.bytes)).toEqual({ id, st: "stored" })
  expect(store.view(id)).toMatchObject({ image: { sha256: sha256(withImage.image) } })
  expect(store.imagesWaiting()).toBe(0)
  expect(await blobs.has(sha256(withImage.image))).toBe(true)
  expect(await ingest.receive("line-1", "t", withImage.bytes)).toEqual({ id, st: "dup" })
})

test("a picture the station gave up while it waited is known as given up, and another one is a conflict", async () => {
  level = "low"
  const ingest = ingestOn(blobs)
  const store = createInspectionStore({ sqlite: db })
  const first = frameOf(21)
  await ingest.receive("line-1", "t", first.bytes)
  level = "fine"
  const other = frameOf(
    21,
    () => ({
      ...first.header,
      parts: [{ ...first.header.parts[0]!, sha256: sha256(noise), len: noise.length }],
    }),
    noise,
  )
  expect((await ingest.receive("line-1", "t", other.bytes))?.code).toBe("conflict")
  const shed = frameOf(21, () => ({
    ...first.header,
    parts: [],
    policy: { ...first.header.policy, image: "none", no_image: "ng_image" },
  }))
  expect((await ingest.receive("line-1", "t", shed.bytes))?.st).toBe("stored")
  expect(store.view(first.header.id)).toMatchObject({ image: null, no_image: "ng_image" })
})

test("on a full disk nothing is taken from stations, not even a record", async () => {
  level = "full"
  const bare = frameOf(31, (h) => ({ ...h, parts: [], policy: { why_sent: "ng", image: "none" } }))
  const ingest = ingestOn(blobs)
  expect(await ingest.receive("line-1", "t", bare.bytes)).toEqual(later(bare.header.id, "disk_full"))
  expect(stored(bare.header.id)).toBe(false)
  level = "fine"
})

test("the marks are shares of the disk within bounds: small disks keep room for the database, large ones are used", () => {
  const giga = 2 ** 30
  const shares = { tight: 0.1, low: 0.03 }
  expect(marksFor(100 * giga, shares)).toMatchObject({ tight: 10 * giga, low: 3 * giga })
  expect(marksFor(1 * giga, shares)).toEqual({ tight: 512 * 2 ** 20, low: 320 * 2 ** 20, full: 64 * 2 ** 20 })
  expect(marksFor(10_000 * giga, shares)).toMatchObject({ tight: 40 * giga, low: 12 * giga })
  const marks = marksFor(100 * giga, shares)
  expect([11, 9, 2, 0.01].map((free) => levelOf(free * giga, marks))).toEqual([
    "fine",
    "tight",
    "low",
    "full",
  ])
})

test("a disk that fills up while an image is written means later, without a row and without a refusal", async () => {
  const full = { ...blobs, append: () => Promise.reject(new Problem("unavailable", "disk_full", "full")) }
  const { header, bytes } = frameOf(3)
  const refusals = () => db.prepare<{ n: number }>("SELECT count(*) AS n FROM refusal").get()?.n
  const before = refusals()
  expect(await ingestOn(full).receive("line-1", "t", bytes)).toMatchObject({ st: "later", code: "disk_full" })
  expect(stored(header.id)).toBe(false)
  expect(refusals()).toBe(before)
})

test("a failing commit means later, and the next frame is stored", async () => {
  const { header, bytes } = frameOf(4)
  const ingest = ingestOn(blobs)
  expect(await ingest.receive("line-unknown", "t", bytes)).toMatchObject({
    st: "later",
    code: "store_failed",
  })
  expect(stored(header.id)).toBe(false)
  expect((await ingest.receive("line-1", "t", bytes))?.st).toBe("stored")
})

test("one that fails in a common transaction does not take the others with it", async () => {
  const ingest = ingestOn(blobs)
  const frames = [5, 6, 7].map((seq) => frameOf(seq))
  const answers = await Promise.all(
    frames.map(({ bytes }, i) => ingest.receive(i === 1 ? "line-unknown" : "line-1", "t", bytes)),
  )
  expect(answers.map((ack) => ack?.st)).toEqual(["stored", "later", "stored"])
  expect(frames.map(({ header }) => stored(header.id))).toEqual([true, false, true])
})
