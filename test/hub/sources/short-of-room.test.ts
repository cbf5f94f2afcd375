import { afterAll, beforeAll, expect, test } from "bun:test"
import { sniffImage } from "#models/image-header"
import type { DiskLevel } from "#platform/disk-space"
import { createGroupCommit } from "#platform/group-commit"
import { createLog } from "#platform/log"
import { createIngest } from "../../../hub/inspection/ingest.service.ts"
import { createInspectionStore } from "../../../hub/inspection/inspection.store.ts"
import { idOfNamed } from "../../../hub/sources/identity.rules.ts"
import { createStoring } from "../../../hub/sources/storing.ts"
import { startTestHub, type TestHub } from "../support/hub.ts"
import { addSource, engineerOf, jpeg, type TestSource } from "./kit.ts"

let hub: TestHub
let source: TestSource
let level: DiskLevel = "fine"
beforeAll(async () => {
  hub = await startTestHub()
  source = await addSource(hub, await engineerOf(hub), "cam", { kind: "http" })
})
afterAll(() => hub.stop())

test("a picture the disk has no room for is not acknowledged, and is stored with its record when it comes again", async () => {
  const { db, blobs, events } = hub.hub
  const store = createInspectionStore({ sqlite: db })
  const marks = { tight: 10, low: 3, full: 1 }
  const ingest = createIngest({
    store,
    commits: createGroupCommit({ sqlite: db }),
    blobs,
    sniff: sniffImage,
    disk: { look: async () => ({ level, total: 100, free: 50, marks }) },
    clock: hub.clock,
    events,
    log: createLog({ level: "error", subject: "test", write: () => {}, now: Date.now }),
  })
  const storing = createStoring({ ingest, known: store.header, clock: hub.clock, boot: "abcdefgh12" })
  const shotOf = async (name: string) => ({
    source: "cam",
    topic: "t",
    picture: { bytes: await jpeg(), mime: "image/jpeg", w: 64, h: 48 } as const,
    facts: { verdict: { eval: "ng" } as const },
    notes: [],
    identity: { id: idOfNamed("cam", name) },
  })
  const [one, two, three] = [await shotOf("1"), await shotOf("2"), await shotOf("3")]

  level = "full"
  expect(await storing.store(one)).toMatchObject({ st: "later" })
  expect(source.stored()).toEqual([])
  level = "low"
  // The record is taken, the picture is not: that is no receipt, however often it comes.
  expect(await storing.store(one)).toMatchObject({ st: "later" })
  hub.clock.pass(5_000)
  expect(await storing.store(one)).toMatchObject({ st: "later" })
  expect(await storing.store(two)).toMatchObject({ st: "later" })
  level = "fine"
  hub.clock.pass(5_000)
  expect(await storing.store(one)).toMatchObject({ st: "stored" })
  expect(await storing.store(two)).toMatchObject({ st: "stored" })
  expect(await storing.store(three)).toMatchObject({ st: "stored" })
  expect(await storing.store(one)).toMatchObject({ st: "repeated" })
  expect(source.stored().map(({ seq }) => seq)).toEqual([1, 2, 3])
  for (const { parts } of source.stored()) expect(await blobs.verify(parts[0]!.sha256)).toBe(true)
})
