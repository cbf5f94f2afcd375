import { afterAll, beforeAll, expect, test } from "bun:test"
import { existsSync } from "node:fs"
import type { InspectionView } from "#contract/labelling"
import type { List } from "#contract/list"
import { connectDevice, enrol, frameOf, noisePng, sha256, type TestDevice, until } from "../support/device.ts"
import { startTestHub, type TestHub } from "../support/hub.ts"

let hub: TestHub
let line: TestDevice
let seq = 0

beforeAll(async () => {
  hub = await startTestHub()
  line = await connectDevice(await enrol(hub, "line-1"))
})
afterAll(async () => {
  await line.end()
  await hub.stop()
})

const next = (change?: Parameters<typeof frameOf>[1], image?: Uint8Array) => frameOf(++seq, change, image)
const refusals = () =>
  hub.hub.db
    .prepare<{ code: string; head: Uint8Array }>("SELECT code, head FROM refusal ORDER BY n DESC")
    .all()

test("when PUBACK arrives, the image is on disk under its digest and the row is committed", async () => {
  const { header, image, bytes } = next()
  await line.sendBytes(bytes)
  expect(existsSync(hub.hub.blobs.path(sha256(image)))).toBe(true)
  expect(hub.hub.db.prepare("SELECT id FROM inspection WHERE id = $id").get({ id: header.id })).toBeDefined()
  expect(await line.ackOf(header.id)).toEqual({ id: header.id, st: "stored" })
})

test("the same frame again is a duplicate, and stored once", async () => {
  const { header, bytes } = next()
  await line.sendBytes(bytes)
  await line.sendBytes(bytes)
  await until("two acks", () => line.acks().filter((a) => a.id === header.id).length === 2)
  expect(
    line
      .acks()
      .filter((a) => a.id === header.id)
      .map((a) => a.st),
  ).toEqual(["stored", "dup"])
  const { n } = hub.hub.db
    .prepare<{ n: number }>("SELECT count(*) AS n FROM inspection WHERE id = $id")
    .get({ id: header.id })!
  expect(n).toBe(1)
})

test("the same frame many times at once is stored once", async () => {
  const { header, bytes } = next()
  await Promise.all(Array.from({ length: 12 }, () => line.sendBytes(bytes)))
  await until("twelve acks", () => line.acks().filter((a) => a.id === header.id).length === 12)
  const answers = line
    .acks()
    .filter((a) => a.id === header.id)
    .map((a) => a.st)
  expect(answers.filter((st) => st === "stored")).toHaveLength(1)
  expect(answers.filter((st) => st === "dup")).toHaveLength(11)
})

test("another inspection under a known id is a conflict, and the first one stays", async () => {
  const first = next()
  const second = next((header) => ({ ...header, id: first.header.id }))
  await line.sendBytes(first.bytes)
  await line.ackOf(first.header.id)
  await line.sendBytes(second.bytes)
  const ack = await until("the refusal", () =>
    line.acks().find((a) => a.id === first.header.id && a.st === "bad"),
  )
  expect(ack.code).toBe("conflict")
  const viewer = await hub.as("worker")
  const view = (await (await viewer.get(`/api/inspections/${first.header.id}`)).json()) as InspectionView
  expect(view.image?.sha256).toBe(sha256(first.image))
})

test("another inspection at the same place of the sequence is refused", async () => {
  const first = next()
  const second = frameOf(seq)
  await line.sendBytes(first.bytes)
  await line.sendBytes(second.bytes)
  expect(await line.ackOf(second.header.id)).toEqual({ id: second.header.id, st: "bad", code: "sequence" })
})

test("an image that does not have the digest of its header is refused, kept for diagnosis and shown", async () => {
  const events: unknown[] = []
  const stop = hub.hub.events.listen("test", (event) => event.type === "refusal" && events.push(event.data))
  const { header, bytes } = next()
  bytes[bytes.length - 1]! ^= 1
  await line.sendBytes(bytes)
  expect(await line.ackOf(header.id)).toEqual({ id: header.id, st: "bad", code: "digest" })
  expect(refusals()[0]).toMatchObject({ code: "digest" })
  expect(events).toHaveLength(1)
  expect(existsSync(hub.hub.blobs.path(header.parts[0]!.sha256))).toBe(false)
  stop()
})

test("an image that is not what its header says is refused", async () => {
  const { header, bytes } = next((h) => ({ ...h, parts: [{ ...h.parts[0]!, w: 4000 }] }))
  await line.sendBytes(bytes)
  expect(await line.ackOf(header.id)).toMatchObject({ st: "bad", code: "image" })
})

test("bytes that are no frame are acknowledged and kept, so the sender does not send them for ever", async () => {
  const before = refusals().length
  await line.sendBytes(new TextEncoder().encode("not a frame at all"))
  expect(refusals()).toHaveLength(before + 1)
  expect(new TextDecoder().decode(refusals()[0]!.head)).toBe("not a frame at all")
  expect(line.closed()).toBe(false)
})

test("a device that shed its image before it sent again gets a duplicate, not a conflict", async () => {
  const { header, bytes } = next()
  await line.sendBytes(bytes)
  const shed = frameOf(header.seq, () => ({
    ...header,
    parts: [],
    policy: { ...header.policy, image: "none" },
  }))
  await line.sendBytes(shed.bytes)
  await until("the second ack", () => line.acks().filter((a) => a.id === header.id).length === 2)
  expect(line.acks().filter((a) => a.id === header.id)[1]!.st).toBe("dup")
})

test("what was sent is what the list, the image and the thumbnail show", async () => {
  const image = noisePng(700, 300)
  const { header, bytes } = next(
    (h) => ({
      ...h,
      product_id: "valve",
      verdict: { eval: "undecidable", score: 0.5 },
      parts: [{ ...h.parts[0]!, w: 700, h: 300 }],
    }),
    image,
  )
  await line.sendBytes(bytes)
  const viewer = await hub.as("worker")
  const list = (await (
    await viewer.get("/api/inspections?eval=undecidable&limit=1")
  ).json()) as List<InspectionView>
  expect(list.items[0]).toMatchObject({
    id: header.id,
    device_id: "line-1",
    product_id: "valve",
    verdict: header.verdict,
    findings: header.findings,
    image: { w: 700, h: 300, mime: "image/png" },
    label: null,
  })
  const full = await viewer.get(`/api/images/${sha256(image)}`)
  expect(full.headers.get("content-type")).toBe("image/png")
  expect(full.headers.get("cache-control")).toContain("immutable")
  expect(full.headers.get("content-security-policy")).toContain("sandbox")
  expect(sha256(new Uint8Array(await full.arrayBuffer()))).toBe(sha256(image))
  const thumb = await viewer.get(`/api/images/${sha256(image)}/thumb?max=160`)
  expect(thumb.headers.get("content-type")).toBe("image/jpeg")
  expect((await thumb.arrayBuffer()).byteLength).toBeGreaterThan(100)
  expect((await hub.browser().get(`/api/images/${sha256(image)}`)).status).toBe(401)
})

test("pages of the list meet without gap or repeat", async () => {
  for (let i = 0; i < 7; i++) await line.sendBytes(next().bytes)
  const viewer = await hub.as("worker")
  const ids: string[] = []
  let cursor: string | null = ""
  do {
    const page = (await (
      await viewer.get(`/api/inspections?limit=4${cursor ? `&cursor=${cursor}` : ""}`)
    ).json()) as List<InspectionView>
    ids.push(...page.items.map((i) => i.id))
    cursor = page.next
  } while (cursor)
  const stored = hub.hub.db.prepare<{ id: string }>("SELECT id FROM inspection ORDER BY n DESC").all()
  expect(ids).toEqual(stored.map((row) => row.id))
  expect((await viewer.get("/api/inspections?cursor=nonsense")).status).toBe(400)
})

test("what the model could not decide waits before audits, audits before NG; without an image nothing waits", async () => {
  const queued = (id: string) =>
    hub.hub.db
      .prepare<{ queue_reason: string | null; queue_rank: number | null }>(
        "SELECT queue_reason, queue_rank FROM inspection WHERE id = $id",
      )
      .get({ id })!
  const undecidable = next((h) => ({ ...h, verdict: { eval: "undecidable", score: 0.5 } }))
  const audit = next((h) => ({
    ...h,
    verdict: { eval: "ok", score: 0.1 },
    findings: [],
    policy: { why_sent: "audit", image: "full" },
  }))
  const ng = next()
  const bare = next((h) => ({ ...h, parts: [], policy: { why_sent: "ng", image: "none" } }))
  for (const frame of [undecidable, audit, ng, bare]) await line.sendBytes(frame.bytes)
  expect([undecidable, audit, ng, bare].map((f) => queued(f.header.id).queue_reason)).toEqual([
    "undecidable",
    "audit",
    "ng",
    null,
  ])
  expect(queued(undecidable.header.id).queue_rank!).toBeLessThan(queued(audit.header.id).queue_rank!)
  expect(queued(audit.header.id).queue_rank!).toBeLessThan(queued(ng.header.id).queue_rank!)
})

test("a label takes the part out of the queue, is shown, and an escape is counted", async () => {
  const { header, bytes } = next((h) => ({ ...h, verdict: { eval: "ok", score: 0.1 }, findings: [] }))
  await line.sendBytes(bytes)
  const live = () => hub.hub.db.prepare<{ e: number }>("SELECT sum(escapes) AS e FROM live_count").get()!.e
  const waiting = () => hub.hub.inspections.waiting().find((w) => w.reason === "ok")?.waiting ?? 0
  const before = { escapes: live(), waiting: waiting() }
  const label = { revision: 1, verdict: "ng" as const, kinds: ["dent"], by: "Kim", at: Date.now() }
  hub.hub.db.transaction(() => hub.hub.inspections.applyLabel(header.id, label, null))
  expect(hub.hub.inspections.get(header.id).label).toMatchObject({
    verdict: "ng",
    kinds: ["dent"],
    revision: 1,
  })
  expect({ escapes: live(), waiting: waiting() }).toEqual({
    escapes: before.escapes + 1,
    waiting: before.waiting - 1,
  })
})

test("pictures that several stations send at once are stored byte for byte, whatever shares a file with what", async () => {
  const names = ["line-a", "line-b", "line-c"]
  const devices = await Promise.all(names.map(async (name) => connectDevice(await enrol(hub, name))))
  const images: string[] = []
  await Promise.all(
    devices.map(async (device) => {
      const frames = Array.from({ length: 30 }, (_, i) => {
        const [w, h] = [40 + i * 9, 30 + i * 7]
        const image = noisePng(w, h)
        return frameOf(i + 1, (header) => ({ ...header, parts: [{ ...header.parts[0]!, w, h }] }), image)
      })
      images.push(...frames.map(({ image }) => sha256(image)))
      await Promise.all(frames.map(({ bytes }) => device.sendBytes(bytes)))
    }),
  )
  for (const image of images) expect(await hub.hub.blobs.verify(image)).toBe(true)
  for (const device of devices) await device.end()
})
