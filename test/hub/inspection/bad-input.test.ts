import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test"
import * as v from "valibot"
import type { RefusalView } from "#contract/ingest"
import type { List } from "#contract/list"
import { DeviceError, topicOf } from "#contract/topics"
import { connectDevice, enrol, frameOf, sha256, type TestDevice, until } from "../support/device.ts"
import { startTestHub, type TestHub } from "../support/hub.ts"
import { greyPng } from "../support/png.ts"

let hub: TestHub
let line: TestDevice
let seq = 0
let turn = 0

beforeAll(async () => {
  hub = await startTestHub()
})
afterAll(() => hub.stop())
beforeEach(async () => {
  await line?.end()
  line = await connectDevice(await enrol(hub, `line-${++turn}`))
})

/** A frame with this text as its header and these bytes behind it. */
function raw(header: string | Uint8Array, rest: Uint8Array = new Uint8Array(0), length?: number): Uint8Array {
  const text = typeof header === "string" ? new TextEncoder().encode(header) : header
  const out = new Uint8Array(12 + text.length + rest.length)
  out.set(new TextEncoder().encode("CXF1"))
  new DataView(out.buffer).setUint32(8, length ?? text.length, true)
  out.set(text, 12)
  out.set(rest, 12 + text.length)
  return out
}

/** A good frame whose header is changed as text, where JSON can say more than our types. */
function withHeader(change: (header: Record<string, unknown>) => unknown, replace = (text: string) => text) {
  const { header, image } = frameOf(++seq)
  return raw(replace(JSON.stringify(change(header))), image)
}

const errors = () =>
  line.received
    .filter(({ topic }) => topic === topicOf("error", { d: line.device }))
    .map(({ payload }) => v.parse(DeviceError, JSON.parse(payload.toString())))

const stored = () =>
  hub.hub.db
    .prepare<{ n: number }>("SELECT count(*) AS n FROM inspection WHERE device_id = $device")
    .get({ device: line.device })!.n

const good = frameOf(9000)
const bomb = greyPng(16_000, 16_000, new Uint8Array(16_001 * 16_000), 9)

const corpus: [name: string, code: string, bytes: () => Uint8Array][] = [
  ["nothing at all", "frame", () => new Uint8Array(0)],
  ["four bytes", "frame", () => new TextEncoder().encode("CXF1")],
  ["another magic", "frame", () => Uint8Array.from(good.bytes).fill(0x58, 0, 4)],
  ["unknown flags", "frame_codec", () => Uint8Array.from(good.bytes).fill(7, 4, 5)],
  ["an unknown codec", "frame_codec", () => Uint8Array.from(good.bytes).fill(1, 5, 6)],
  ["a header of 4 GB", "frame_header", () => raw("{}", undefined, 0xffff_ffff)],
  ["a header that is cut off", "frame", () => good.bytes.slice(0, 60)],
  ["an image that is cut off", "frame", () => good.bytes.slice(0, -5)],
  ["bytes behind the last image", "frame", () => Buffer.concat([good.bytes, Buffer.from("more")])],
  ["a header that is no JSON", "frame", () => raw("{nonsense")],
  ["a header that is not UTF-8", "frame", () => raw(Uint8Array.of(0x22, 0xff, 0xfe, 0x22))],
  ["arrays in arrays, thirty thousand deep", "frame", () => raw("[".repeat(30_000) + "]".repeat(30_000))],
  [
    "a deep object inside a good header",
    "frame",
    () =>
      withHeader(
        (h) => h,
        (text) =>
          text.replace('"findings":', `"findings":${'{"a":'.repeat(5000)}1${"}".repeat(5000)},"findings2":`),
      ),
  ],
  [
    "NaN",
    "frame",
    () =>
      withHeader(
        (h) => h,
        (text) => text.replace(/"score":0.93/, '"score":NaN'),
      ),
  ],
  [
    "infinity",
    "frame",
    () =>
      withHeader(
        (h) => h,
        (text) => text.replace(/"t_low":0.4/, '"t_low":1e999'),
      ),
  ],
  ["a sequence number of 1e300", "frame", () => withHeader((h) => ({ ...h, seq: 1e300 }))],
  ["a sequence number of zero", "frame", () => withHeader((h) => ({ ...h, seq: 0 }))],
  ["a fifth verdict", "frame", () => withHeader((h) => ({ ...h, verdict: { eval: "perhaps" } }))],
  [
    "65 findings",
    "frame",
    () => withHeader((h) => ({ ...h, findings: Array(65).fill({ kind: "a", score: 1 }) })),
  ],
  [
    "more images named than there are",
    "frame",
    () =>
      withHeader((h) => {
        const [part] = h.parts as { name: string }[]
        return { ...h, parts: [part, { ...part, name: "second" }] }
      }),
  ],
  ["fewer images named than there are", "frame", () => withHeader((h) => ({ ...h, parts: [] }))],
  [
    "two images of one name",
    "frame",
    () =>
      withHeader((h) => {
        const [part] = h.parts as object[]
        return { ...h, parts: [part, part] }
      }),
  ],
  [
    "a digest of other bytes",
    "digest",
    () => {
      const bytes = frameOf(++seq).bytes
      bytes[bytes.length - 1]! ^= 1
      return bytes
    },
  ],
  [
    "text called a PNG",
    "image",
    () => frameOf(++seq, (h) => h, new TextEncoder().encode("<svg onload=alert(1)>")).bytes,
  ],
  [
    "a picture of 256 megapixels in a few hundred kilobytes",
    "pixels",
    () => frameOf(++seq, (h) => ({ ...h, parts: [{ ...h.parts[0]!, w: 16_000, h: 16_000 }] }), bomb).bytes,
  ],
]

describe("a message that is not what it should be", () => {
  test.each(corpus)("%s: refused as %s, told and shown, and the connection stays", async (_, code, bytes) => {
    await line.sendBytes(bytes())
    const error = await until("the reason", () => errors()[0])
    expect(error.code).toBe(code)
    expect(error.topic).toBe(topicOf("inspection", { d: line.device }))
    expect(line.acks().filter(({ st }) => st !== "bad")).toEqual([])
    expect(stored()).toBe(0)
    const viewer = await hub.as("worker")
    const list = (await (await viewer.get(`/api/refusals?device=${line.device}`)).json()) as List<RefusalView>
    expect(list.items.map((item) => item.code)).toEqual([code])
    // And the next good one is taken, over the same connection.
    const next = frameOf(++seq)
    await line.sendBytes(next.bytes)
    expect(await line.ackOf(next.header.id)).toEqual({ id: next.header.id, st: "stored" })
    expect(line.closed()).toBe(false)
  })

  test("the same id with other content is refused, told, and the first one stays", async () => {
    const first = frameOf(++seq)
    await line.sendBytes(first.bytes)
    await line.sendBytes(frameOf(++seq, (h) => ({ ...h, id: first.header.id })).bytes)
    const error = await until("the reason", () => errors()[0])
    expect(error).toMatchObject({ code: "conflict", id: first.header.id })
    expect(stored()).toBe(1)
    expect(hub.hub.inspections.get(first.header.id).image?.sha256).toBe(sha256(first.image))
  })

  test("an event longer than events may be is refused with a reason, and the connection stays", async () => {
    await line.client.publishAsync(topicOf("event", { d: line.device }), Buffer.alloc(20_000), { qos: 1 })
    expect((await until("the reason", () => errors()[0])).code).toBe("too_long")
    expect(line.closed()).toBe(false)
  })

  test("a flood of them ends the connection, and memory does not grow with it", async () => {
    const before = process.memoryUsage().rss
    const junk = new Uint8Array(1_000_000).fill(7)
    let sent = 0
    while (!line.closed() && sent < 200) {
      void line.sendBytes(junk).catch(() => {})
      sent += 1
      await Bun.sleep(2)
    }
    await until("the cut", () => line.closed())
    const kept = hub.hub.db
      .prepare<{ n: number; bytes: number }>(
        "SELECT count(*) AS n, sum(length(head)) AS bytes FROM refusal WHERE device_id = $device",
      )
      .get({ device: line.device })!
    expect(kept.n).toBeLessThan(200)
    expect(kept.bytes).toBeLessThanOrEqual(kept.n * 16 * 1024)
    expect(process.memoryUsage().rss - before).toBeLessThan(300e6)
  })
})

test("an engineer may look at the first bytes of what was refused, a worker may not", async () => {
  await line.sendBytes(new TextEncoder().encode("what is this"))
  const viewer = await hub.as("engineer")
  const list = (await (await viewer.get(`/api/refusals?device=${line.device}`)).json()) as List<RefusalView>
  const { n } = list.items[0]!
  expect(await (await viewer.get(`/api/refusals/${n}/head`)).text()).toBe("what is this")
  expect((await (await hub.as("worker")).get(`/api/refusals/${n}/head`)).status).toBe(403)
})

describe("a good header", () => {
  test("says of each OPC 40100 result what the list shows: partial, step, job, recipe, code, several images", async () => {
    const second = frameOf(1).image
    const { header, image } = frameOf(++seq)
    const parts = [
      header.parts[0]!,
      { ...header.parts[0]!, name: "back", len: second.length, sha256: sha256(second) },
    ]
    const full = {
      ...header,
      product_id: "valve",
      recipe_id: "recipe-7",
      job_id: "LOT 17",
      step_id: "top",
      partial: true,
      simulated: true,
      verdict: { eval: "undefined", code: "model_crashed" },
      timing: { capture: 3, pre: 1, infer: 20, post: 0.5, e2e: 25 },
      model: { line: "valve", release: 3, digest: "a".repeat(64) },
      parts,
    }
    await line.sendBytes(raw(JSON.stringify(full), Buffer.concat([image, second])))
    expect((await line.ackOf(header.id)).st).toBe("stored")
    const view = hub.hub.inspections.get(header.id)
    expect(view).toMatchObject({
      product_id: "valve",
      simulated: true,
      verdict: full.verdict,
      model: full.model,
    })
    for (const { sha256: digest } of parts)
      expect((await (await hub.as("worker")).get(`/api/images/${digest}`)).status).toBe(200)
    const { header: kept } = hub.hub.db
      .prepare<{ header: string }>("SELECT header FROM inspection WHERE id = $id")
      .get({ id: header.id })!
    expect(JSON.parse(kept)).toEqual(full)
  })
})
