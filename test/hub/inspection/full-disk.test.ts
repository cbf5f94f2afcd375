import { afterAll, beforeAll, expect, test } from "bun:test"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Problem } from "#contract/problem"
import { sniffImage } from "#models/image-header"
import { type Blobs, openBlobs } from "#platform/blobs"
import { createEvents } from "#platform/events"
import { createGroupCommit } from "#platform/group-commit"
import { createLog } from "#platform/log"
import { migrations } from "#platform/migrations"
import type { Sqlite } from "#platform/sqlite"
import { createIngest } from "../../../hub/inspection/ingest.service.ts"
import { createInspectionStore } from "../../../hub/inspection/inspection.store.ts"
import { openSqlite } from "../../../hub/platform/sqlite.bun.ts"
import { frameOf } from "../support/device.ts"

const log = createLog({ level: "error", subject: "test", write: () => {}, now: Date.now })
let data: string
let db: Sqlite
let blobs: Blobs
let low = false

beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), "crux-full-"))
  db = openSqlite(join(data, "hub.db"))
  db.exec(migrations.map(({ sql }) => sql).join("\n"))
  db.exec("INSERT INTO device (id, name, enrolled_at, secret_hash) VALUES ('line-1', 'line 1', 1, 'x')")
  blobs = await openBlobs({ dataDir: data })
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
    disk: { isLow: async () => low },
    clock: { now: Date.now },
    events: createEvents({ log }),
    log,
  })
const stored = (id: string) => db.prepare("SELECT 1 FROM inspection WHERE id = $id").get({ id }) !== undefined

test("below the low-water mark images come later, bare inspections are still taken", async () => {
  low = true
  const ingest = ingestOn(blobs)
  const withImage = frameOf(1)
  const bare = frameOf(2, (h) => ({ ...h, parts: [], policy: { why_sent: "ng", image: "none" } }))
  expect(await ingest.receive("line-1", "t", withImage.bytes)).toEqual({
    id: withImage.header.id,
    st: "later",
    code: "disk_full",
    retry_ms: 30_000,
  })
  expect(await ingest.receive("line-1", "t", bare.bytes)).toEqual({ id: bare.header.id, st: "stored" })
  expect(stored(withImage.header.id)).toBe(false)
  low = false
  expect((await ingest.receive("line-1", "t", withImage.bytes))?.st).toBe("stored")
})

test("a disk that fills up while an image is written means later, without a row and without a refusal", async () => {
  const full = { ...blobs, put: () => Promise.reject(new Problem("unavailable", "disk_full", "full")) }
  const { header, bytes } = frameOf(3)
  expect(await ingestOn(full).receive("line-1", "t", bytes)).toMatchObject({ st: "later", code: "disk_full" })
  expect(stored(header.id)).toBe(false)
  expect(db.prepare<{ n: number }>("SELECT count(*) AS n FROM refusal").get()?.n).toBe(0)
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
