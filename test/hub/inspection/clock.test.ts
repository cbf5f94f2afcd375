import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { uuidv7 } from "uuidv7"
import * as v from "valibot"
import { Device } from "#contract/fleet"
import { type InspectionView, takenAt } from "#contract/labelling"
import type { List } from "#contract/list"
import { AckMessage, topicOf } from "#contract/topics"
import { createHubClock } from "../../../edge/uplink/hub-clock.ts"
import { connectDevice, enrol, frameOf, type TestDevice, until } from "../support/device.ts"
import { startTestHub, type TestHub } from "../support/hub.ts"

const hour = 3_600_000
const day = 24 * hour

let hub: TestHub
let station: TestDevice
beforeAll(async () => {
  hub = await startTestHub()
  station = await connectDevice(await enrol(hub, "line-1"))
})
afterAll(async () => {
  await station.end()
  await hub.stop()
})

let seq = 0
async function send(change: { ts?: number; clock_offset_ms?: number }): Promise<InspectionView> {
  const { header, bytes } = frameOf(++seq, (h) => ({ ...h, ...change }))
  await station.sendBytes(bytes)
  expect((await station.ackOf(header.id)).st).toBe("stored")
  return hub.hub.inspections.get(header.id)
}
const list = async (query: string) =>
  (await (await (await hub.as("worker")).get(`/api/inspections?${query}`)).json()) as List<InspectionView>

describe("a part from a station whose clock is wrong", () => {
  test("is marked, keeps what the clock said, and is ordered by its arrival", async () => {
    const good = await send({})
    const [future, dead, slow] = [
      await send({ ts: Date.now() + day }),
      await send({ ts: 10_000 }),
      await send({ ts: Date.now() - 3 * hour, clock_offset_ms: 3 * hour }),
    ]
    // What waited at its station for days is old and right.
    const backlog = await send({ ts: Date.now() - 6 * day })
    expect([good, future, dead, slow, backlog].map(({ clock }) => clock)).toEqual([
      undefined,
      "apart",
      "apart",
      "apart",
      undefined,
    ])
    expect(dead.captured_at).toBe(10_000)
    expect(takenAt(dead)).toBe(dead.received_at)
    expect(takenAt(backlog)).toBe(backlog.captured_at)
    const suspect = await list("clock=suspect")
    expect(suspect.items.map(({ id }) => id)).toEqual([slow.id, dead.id, future.id])
    expect((await list("clock=right")).items.map(({ id }) => id)).toEqual([backlog.id, good.id])
  })

  test("is not one of an archive, whose parts are of any year", async () => {
    const old = Date.UTC(2019, 3, 4)
    const { header, bytes } = frameOf(++seq, (h) => ({
      ...h,
      ts: old,
      policy: { ...h.policy, why_sent: "source" },
    }))
    await station.sendBytes(bytes)
    await station.ackOf(header.id)
    const part = hub.hub.inspections.get(header.id)
    expect([part.clock, takenAt(part)]).toEqual([undefined, old])
  })

  test("does not make a new kind of defect look older than it is", async () => {
    const part = await send({ ts: 10_000 })
    const worker = await hub.as("worker")
    const kind = "clock-crack"
    const made = await (await hub.as("engineer")).post("/api/defect-classes", {
      key: kind,
      names: { ko: "균열", en: "Crack" },
    })
    if (made.status >= 300) throw new Error(await made.text())
    const label = {
      id: uuidv7(),
      inspection_id: part.id,
      verdict: "ng",
      kinds: [kind],
      boxes: [],
      accepted: false,
      shown_at: Date.now(),
      decided_at: Date.now(),
      active_ms: 500,
    }
    const answer = await worker.post("/api/labels", label)
    if (answer.status >= 300) throw new Error(await answer.text())
    const row = hub.hub.db
      .prepare<{ captured_at: number }>("SELECT captured_at FROM label_kind WHERE inspection_id = $id")
      .get({ id: part.id })
    expect(row?.captured_at).toBe(part.received_at)
  })

  test("comes from a station that is shown with its clock, until the clock is right", async () => {
    const shown = async () => {
      const { items } = (await (await (await hub.as("worker")).get("/api/devices")).json()) as List<unknown>
      return v.parse(Device, items[0]).clock_offset_ms
    }
    const report = (ts: number) =>
      station.client.publishAsync(
        topicOf("reported", { d: "line-1" }),
        JSON.stringify({
          v: 1,
          device: "line-1",
          ts,
          rev_seen: 0,
          rev_applied: 0,
          activation: { state: "idle", since: ts },
          slots: {},
          queue: { depth: 0, bytes: 0, oldest_ms: 0 },
          shed: {},
          latency: { p50_ms: 1, p99_ms: 2 },
          counts: { inspected: 0, ok: 0, ng: 0, undecidable: 0 },
        }),
        { qos: 1 },
      )
    const birth = { v: 1, online: true, session: "clocksession", boot: "testboot01", ts: Date.now() }
    await station.client.publishAsync(topicOf("state", { d: "line-1" }), JSON.stringify(birth), { qos: 1 })
    await report(Date.now() + 2 * hour)
    await until("the station's clock", async () => Math.abs(((await shown()) ?? 0) + 2 * hour) < 60_000)
    await report(Date.now())
    await until("a clock that is right", async () => (await shown()) === undefined)
  })
})

describe("what a station knows of the hub's clock", () => {
  test("each acknowledgement tells it", async () => {
    await send({})
    const ack = station.received.findLast(({ topic }) => topic === topicOf("ack", { d: "line-1" }))
    const { ts = 0 } = v.parse(AckMessage, JSON.parse(ack!.payload.toString()))
    expect(Math.abs(ts - Date.now())).toBeLessThan(60_000)
  })

  test("goes on while the hub is away, also when its own clock is put right meanwhile", () => {
    let [own, running] = [1_000_000, 0]
    const clock = createHubClock({ now: () => own, monotonic: () => running })
    expect(clock.offset()).toBeUndefined()
    clock.hear(own + 3 * hour)
    expect(clock.offset()).toBe(3 * hour)
    own += 60_000
    running += 60_000
    expect(clock.offset()).toBe(3 * hour)
    own += 3 * hour
    expect(clock.offset()).toBeUndefined()
  })

  test("tells of records made before it was heard, over a clock that was set in between", () => {
    let [own, running] = [1_000_000, 0]
    const clock = createHubClock({ now: () => own, monotonic: () => running })
    clock.mark(1)
    own += 60_000
    running += 60_000
    clock.mark(2)
    own += 2 * hour
    clock.mark(3)
    expect(clock.offsetAt(1)).toBeUndefined()
    clock.hear(own + hour)
    expect([1, 2, 3, 4].map(clock.offsetAt)).toEqual([3 * hour, 3 * hour, hour, hour])
    expect(clock.offsetAt(0)).toBeUndefined()
  })
})
