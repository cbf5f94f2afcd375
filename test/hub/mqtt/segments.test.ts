import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import * as v from "valibot"
import type { Enrolment } from "#contract/fleet"
import { cxs1, encodeSegment, type SegmentedFrame, segmentCount, transferOf } from "#contract/segment"
import { SegmentAnswer, topicOf } from "#contract/topics"
import { createReassembly } from "../../../hub/mqtt/reassembly.ts"
import { connectDevice, enrol, frameOf, sha256, type TestDevice, until } from "../support/device.ts"
import { startTestHub, type TestHub } from "../support/hub.ts"

let hub: TestHub
let identity: Enrolment

beforeAll(async () => {
  hub = await startTestHub()
  identity = await enrol(hub, "line-1")
})
afterAll(() => hub.stop())

/** A frame of ten megabytes: more than one message may be. */
function longFrame(seq: number) {
  const image = new Uint8Array(10 * 1024 * 1024).map((_, i) => i * 31 + seq)
  image.set(frameOf(1).image)
  const { header, bytes } = frameOf(seq, (h) => h, image)
  const cut: SegmentedFrame = { total: bytes.length, size: 256 * 1024, sha256: sha256(bytes) }
  const segment = (index: number) => {
    const at = index === cxs1.question ? bytes.length : index * cut.size
    return encodeSegment({ ...cut, index, bytes: bytes.subarray(at, at + cut.size) })
  }
  return { header, image, cut, count: segmentCount(cut), segment }
}
type LongFrame = ReturnType<typeof longFrame>

const publish = (device: TestDevice, { cut, segment }: LongFrame, index: number) =>
  device.client.publishAsync(
    topicOf("segment", { d: device.device, xfer: transferOf(cut), i: String(Math.min(index, 999_999)) }),
    Buffer.from(segment(index)),
    { qos: 1 },
  )
const answers = (device: TestDevice) =>
  device.received
    .filter(({ topic }) => topic === topicOf("segmentAnswer", { d: device.device }))
    .map(({ payload }) => v.parse(SegmentAnswer, JSON.parse(payload.toString())))

describe("a frame longer than a message", () => {
  test("is stored and acknowledged like any other once its last piece is here, in whatever order they come", async () => {
    const device = await connectDevice(identity)
    const frame = longFrame(1)
    const order = Array.from({ length: frame.count }, (_, i) => i).reverse()
    for (const index of order) await publish(device, frame, index)
    expect(await device.ackOf(frame.header.id)).toEqual({ id: frame.header.id, st: "stored" })
    expect(await hub.hub.blobs.size(sha256(frame.image))).toBe(frame.image.length)
    await device.end()
  })

  test("goes on where the connection was lost: only the missing pieces are asked for", async () => {
    const before = await connectDevice(identity)
    const frame = longFrame(2)
    for (const index of [0, 1, 2, 7]) await publish(before, frame, index)
    before.client.stream.destroy()
    const after = await connectDevice(identity)
    await publish(after, frame, cxs1.question)
    const answer = await until("the missing pieces", () => answers(after)[0])
    expect(answer).toEqual({
      v: 1,
      xfer: transferOf(frame.cut),
      missing: [
        [3, 4],
        [8, frame.count - 8],
      ],
    })
    for (const [first, count] of answer.missing)
      for (let i = first; i < first + count; i++) await publish(after, frame, i)
    expect((await after.ackOf(frame.header.id)).st).toBe("stored")
    await after.end()
  })

  test("whose pieces do not have its digest together is refused, and nothing is stored", async () => {
    const device = await connectDevice(identity)
    const frame = longFrame(3)
    const torn = { ...frame, cut: { ...frame.cut, sha256: "0".repeat(64) } }
    const segment = (index: number) =>
      encodeSegment({
        ...torn.cut,
        index,
        bytes: frame.segment(index).subarray(cxs1.head),
      })
    for (let i = 0; i < frame.count; i++) await publish(device, { ...torn, segment }, i)
    const answer = await until("the refusal", () => answers(device).find(({ st }) => st === "bad"))
    expect(answer.code).toBe("digest")
    expect(hub.hub.db.prepare("SELECT 1 FROM inspection WHERE id = $id").get({ id: frame.header.id })).toBe(
      undefined,
    )
    expect(device.closed()).toBe(false)
    await device.end()
  })

  test("that is longer than any frame may be, or is no segment, is refused at its first piece", async () => {
    const device = await connectDevice(identity)
    const huge = { total: 200 * 1024 * 1024, size: 256 * 1024, sha256: "1".repeat(64) }
    const send = (bytes: Uint8Array) =>
      device.client.publishAsync(
        topicOf("segment", { d: "line-1", xfer: "1".repeat(32), i: "0" }),
        Buffer.from(bytes),
        { qos: 1 },
      )
    await send(encodeSegment({ ...huge, index: 0, bytes: new Uint8Array(huge.size) }))
    expect((await until("the refusal", () => answers(device)[0])).st).toBe("bad")
    await send(new Uint8Array(100))
    await until(
      "two reasons",
      () => device.received.filter(({ topic }) => topic.endsWith("/err")).length === 2,
    )
    expect(device.closed()).toBe(false)
    await device.end()
  })
})

describe("the memory for unfinished frames", () => {
  const piece = (name: string, total: number) => ({
    total,
    size: 4096,
    sha256: name.repeat(64),
    index: 0,
    bytes: new Uint8Array(4096),
  })

  test("is bounded: what does not fit comes later, what nobody goes on with makes room", () => {
    let now = 0
    const limit = 100_000
    const reassembly = createReassembly({ clock: { now: () => now }, maxFrame: 50_000, limit, idleMs: 1000 })
    reassembly.take("line-1", piece("a", 50_000))
    reassembly.take("line-2", piece("b", 50_000))
    expect(() => reassembly.take("line-3", piece("c", 50_000))).toThrow("too many unfinished frames")
    expect(reassembly.used()).toBe(100_000)
    now = 2000
    reassembly.take("line-3", piece("c", 50_000))
    expect(reassembly.used()).toBe(50_000)
  })

  test("is shared: one device holds two unfinished frames at most, its oldest goes", () => {
    let now = 0
    const reassembly = createReassembly({ clock: { now: () => now++ }, maxFrame: 50_000, limit: 1e6 })
    for (const name of ["a", "b", "c", "d"]) reassembly.take("line-1", piece(name, 20_000))
    expect(reassembly.used()).toBe(40_000)
  })
})
