import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test"
import { encodeFrame } from "#contract/cxf1"
import type { NewLabel } from "#contract/labelling"
import type { Storage } from "#contract/storage"
import { systemIds } from "#platform/ids"
import { bytesToFree, tightIn } from "../../../hub/inspection/eviction.rules.ts"
import { createEviction } from "../../../hub/inspection/eviction.service.ts"
import { createEvictionStore } from "../../../hub/inspection/eviction.store.ts"
import { createInspectionStore } from "../../../hub/inspection/inspection.store.ts"
import { connectDevice, enrol, frameOf, noisePng, sha256, type TestDevice } from "../support/device.ts"
import { type Browser, startTestHub, type TestHub } from "../support/hub.ts"
import { frozenSets } from "../support/parts.ts"

let test1: TestHub
let line: TestDevice
let seq = 0
const giga = 2 ** 30
const disk = { free: 50 * giga }
const marks = { tight: 10 * giga, low: 3 * giga, full: giga }

beforeAll(async () => {
  test1 = await startTestHub()
  line = await connectDevice(await enrol(test1, "line-1"))
})
afterAll(async () => {
  await line.end()
  await test1.stop()
})
beforeEach(() => {
  disk.free = 50 * giga
})

/** The hub's own eviction with a disk the test fills; everything it touches is real. */
function eviction(isTimeSettled = () => true) {
  const { hub } = test1
  return createEviction({
    db: hub.db,
    store: createEvictionStore({ sqlite: hub.db }),
    inspections: createInspectionStore({ sqlite: hub.db }),
    blobs: hub.blobs,
    disk: { look: async () => ({ level: "tight", total: 100 * giga, free: disk.free, marks }) },
    audit: hub.audit,
    clock: test1.clock,
    events: hub.events,
    log: hub.log,
    keeps: [
      (parts) => hub.labelling.contested(parts.map(({ id }) => id)),
      (parts) => hub.dataset.keeps(parts),
    ],
    leastAgeMs: 0,
    isTimeSettled,
  })
}

async function label(part: string, person: Browser, verdict: NewLabel["verdict"]): Promise<void> {
  const answer = await person.post("/api/labels", {
    id: systemIds.uuid(),
    inspection_id: part,
    verdict,
    kinds: verdict === "ng" ? ["unknown"] : [],
    boxes: [],
    accepted: false,
    shown_at: 1,
    decided_at: 2,
    active_ms: 1,
  } satisfies NewLabel)
  if (!answer.ok) throw new Error(await answer.text())
}

async function part(change?: Parameters<typeof frameOf>[1]) {
  const frame = frameOf(++seq, change)
  await line.sendBytes(frame.bytes)
  return { id: frame.header.id, sha: sha256(frame.image), size: frame.image.length }
}
const person = () => test1.as("reviewer")
const isHere = (sha: string) => test1.hub.blobs.has(sha)

test("room is made of judged parts alone, oldest first: what is unlabelled, unsure, disputed, held or in a set stays", async () => {
  const [kim, lee] = [await person(), await person()]
  const engineer = await test1.as("engineer")
  const unlabelled = await part()
  const judged = await part()
  await label(judged.id, kim, "ok")
  const inSet = await part()
  await label(inSet.id, kim, "ok")
  // What is judged now is frozen; only what comes after may go.
  await label(judged.id, kim, "withdrawn")
  await frozenSets(test1)
  await label(judged.id, kim, "ok")
  const unsure = await part()
  await label(unsure.id, kim, "unsure")
  const disputed = await part()
  await label(disputed.id, kim, "ok")
  await label(disputed.id, lee, "ng")
  const held = await part()
  await label(held.id, kim, "ok")
  expect((await engineer.post(`/api/inspections/${held.id}/hold`, { reason: "8D-417" })).status).toBe(204)
  const second = await part()
  await label(second.id, lee, "ok")
  test1.clock.pass(1000)

  disk.free = marks.tight - 1
  expect(await eviction().round()).toEqual({ images: 1, bytes: judged.size })
  expect(await isHere(judged.sha)).toBe(false)

  disk.free = 0
  expect(await eviction().round()).toEqual({ images: 1, bytes: second.size })
  for (const { sha } of [unlabelled, inSet, unsure, disputed, held]) expect(await isHere(sha)).toBe(true)

  // It stays known: the record, its label, why there is no picture, and who took it.
  const viewer = await test1.as("worker")
  const view = await (await viewer.get(`/api/inspections/${judged.id}`)).json()
  expect(view).toMatchObject({ image: null, no_image: "evicted", label: { verdict: "ok" } })
  const image = await viewer.get(`/api/images/${judged.sha}`)
  expect(image.status).toBe(404)
  expect(((await image.json()) as { key: string }).key).toBe("image_evicted")
  const storage = (await (await viewer.get("/api/storage")).json()) as Storage
  expect(storage.evicted).toMatchObject({ images: 2, bytes: judged.size + second.size })
  const entries = test1.hub.db
    .prepare<{ after: string }>("SELECT after FROM audit WHERE action = 'image.evict' ORDER BY n")
    .all()
  expect(entries.map(({ after }) => JSON.parse(after).images)).toEqual([1, 1])
  expect(test1.hub.audit.verify().brokenAt).toBeNull()

  // A hold that ends lets it go.
  expect((await engineer.send("DELETE", `/api/inspections/${held.id}/hold`)).status).toBe(204)
  expect((await eviction().round()).images).toBe(1)
  expect(await isHere(held.sha)).toBe(false)
})

/** A part with a large picture people look at and a small one beside it. */
async function twoImages(detail = noisePng(12, 8), main = noisePng(24, 16)) {
  const { header } = frameOf(++seq)
  const image = (name: string, bytes: Uint8Array, w: number, h: number) =>
    ({ name, mime: "image/png", len: bytes.length, sha256: sha256(bytes), w, h }) as const
  const parts = [image("detail", detail, 12, 8), image("main", main, 24, 16)]
  await line.sendBytes(encodeFrame({ header: { ...header, parts }, parts: [detail, main] }))
  return { id: header.id, main: sha256(main), detail: sha256(detail), bytes: detail.length + main.length }
}

test("a part's pictures go together, and a part that is kept keeps all of its pictures", async () => {
  const kim = await person()
  const engineer = await test1.as("engineer")
  const [shared, turned] = [noisePng(12, 8), noisePng(24, 16)]
  const held = await twoImages(shared)
  await label(held.id, kim, "ok")
  await engineer.post(`/api/inspections/${held.id}/hold`, { reason: "8D-418" })
  const besides = await twoImages(shared)
  await label(besides.id, kim, "ok")
  const free = await twoImages()
  await label(free.id, kim, "ok")
  // The same picture is the main one of a judged part and stands beside the main one of a part nobody has judged.
  const open = await twoImages(noisePng(12, 8), noisePng(24, 16))
  const elsewhere = await twoImages(noisePng(12, 8), turned)
  await label(elsewhere.id, kim, "ok")
  const { header } = frameOf(++seq)
  const [big, small] = [noisePng(48, 32), turned]
  const parts = [
    { name: "big", mime: "image/png", len: big.length, sha256: sha256(big), w: 48, h: 32 },
    { name: "small", mime: "image/png", len: small.length, sha256: sha256(small), w: 24, h: 16 },
  ] as const
  await line.sendBytes(encodeFrame({ header: { ...header, parts: [...parts] }, parts: [big, small] }))
  test1.clock.pass(1000)

  disk.free = 0
  await eviction().round()
  for (const sha of [held.main, held.detail, open.main, open.detail, sha256(big), elsewhere.main])
    expect(await isHere(sha)).toBe(true)
  for (const sha of [free.main, free.detail, besides.main]) expect(await isHere(sha)).toBe(false)

  await engineer.send("DELETE", `/api/inspections/${held.id}/hold`)
  await eviction().round()
  for (const sha of [held.main, held.detail]) expect(await isHere(sha)).toBe(false)
})

test("a station that sends an evicted part again is told dup, and the picture is not stored a second time", async () => {
  const frame = frameOf(++seq)
  await line.sendBytes(frame.bytes)
  await label(frame.header.id, await person(), "ok")
  test1.clock.pass(1000)
  disk.free = 0
  await eviction().round()
  await line.sendBytes(frame.bytes)
  expect(
    line
      .acks()
      .filter(({ id }) => id === frame.header.id)
      .map(({ st }) => st),
  ).toContain("stored")
  await Bun.sleep(20)
  expect(await isHere(sha256(frame.image))).toBe(false)
  expect(test1.hub.inspections.get(frame.header.id).no_image).toBe("evicted")
})

test("two parts that show one picture: it goes when both have had their use, and with both", async () => {
  const kim = await person()
  const image = frameOf(1).image
  const frames = [frameOf(++seq, (h) => h, image), frameOf(++seq, (h) => h, image)]
  for (const { bytes } of frames) await line.sendBytes(bytes)
  await label(frames[0]!.header.id, kim, "ok")
  test1.clock.pass(1000)
  disk.free = 0
  expect((await eviction().round()).images).toBe(0)
  await label(frames[1]!.header.id, kim, "ok")
  test1.clock.pass(1000)
  expect((await eviction().round()).images).toBe(1)
  for (const { header } of frames) expect(test1.hub.inspections.get(header.id).no_image).toBe("evicted")
})

test("a picture that is being stored again while it is evicted is not lost", async () => {
  const { blobs } = test1.hub
  const bytes = frameOf(1).image
  const sha = await blobs.put(bytes)
  blobs.pin(sha)
  await blobs.remove(sha)
  expect(await isHere(sha)).toBe(true)
  blobs.unpin(sha)
  const removed = blobs.remove(sha)
  await Promise.all([removed, blobs.put(bytes)])
  expect(await isHere(sha)).toBe(true)
})

test("a file that a crash left behind its row is removed by the next round", async () => {
  const kim = await person()
  const one = await part()
  await label(one.id, kim, "ok")
  const store = createEvictionStore({ sqlite: test1.hub.db })
  const all = store.evictionCandidates({ receivedAt: 0, n: 0 }, test1.clock.now() + 1, 100)
  const candidate = all.find(({ id }) => id === one.id)
  // Here the hub dies: the row is committed, the file is not gone.
  test1.hub.db.transaction(() => store.evict(candidate!.sha256, 1))
  const left = () => store.evictedFiles().map(({ sha256: sha }) => sha)
  expect(left()).toEqual([one.sha])
  await eviction().round()
  expect(left()).toEqual([])
  expect(await isHere(one.sha)).toBe(false)
})

test("room is made ahead of time, by how fast the disk fills", () => {
  const hour = 3_600_000
  expect(bytesToFree({ free: 100, tight: 50, bytesPerMs: 0 }, hour)).toBe(0)
  expect(bytesToFree({ free: 100, tight: 50, bytesPerMs: 60 / hour }, hour)).toBe(10)
  expect(bytesToFree({ free: 100, tight: 50, bytesPerMs: -5 }, hour)).toBe(0)
  expect(tightIn({ free: 100, tight: 50, bytesPerMs: 0.5 })).toBe(100)
  expect(tightIn({ free: 100, tight: 50, bytesPerMs: 0 })).toBeNull()
  expect(tightIn({ free: 40, tight: 50, bytesPerMs: 0 })).toBe(0)
})

test("while the clock may be wrong by years nothing is given up for its age", async () => {
  const { id } = await part()
  await label(id, await person(), "ok")
  disk.free = giga
  expect(await eviction(() => false).round()).toMatchObject({ images: 0 })
  expect((await eviction().round()).images).toBeGreaterThan(0)
})
