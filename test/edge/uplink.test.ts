import { afterEach, describe, expect, test } from "bun:test"
import { contractFor } from "../models/kit.ts"
import { tempFolder, until } from "./support/kit.ts"
import { goodModel } from "./support/models.ts"
import { keysOfHub, type Peer, startPeer } from "./support/peer.ts"
import { startStation } from "./support/station.ts"

const cleanups: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function hub(keys = keysOfHub(), port?: number) {
  const peer = await startPeer(keys, port === undefined ? {} : { port })
  cleanups.push(peer.stop)
  return peer
}

async function stationOf(peer: Peer, folder = tempFolder()) {
  const station = await startStation(folder, peer)
  let running = true
  const stop = async () => {
    if (running) await station.stop()
    running = false
  }
  cleanups.push(stop)
  return { ...station, stop, depth: () => station.edge.reported().queue.depth }
}

describe("the uplink", () => {
  test("says it is there with a session of its own, and goodbye when it stops", async () => {
    const peer = await hub()
    const station = await stationOf(peer)
    await until("a birth", () => peer.states.length === 1)
    await station.stop()
    await until("a goodbye", () => peer.states.length === 2)
    const [birth, goodbye] = peer.states
    expect(birth).toMatchObject({ online: true, boot: station.edge.boot, sw: "test" })
    expect(goodbye).toMatchObject({ online: false, why: "stop", session: birth?.session })
  })

  test("leaves a will that names the lost session, and comes back with another", async () => {
    const peer = await hub()
    await stationOf(peer)
    await until("a birth", () => peer.states.length === 1)
    peer.cut()
    await until("a second birth", () => peer.states.filter(({ online }) => online).length === 2)
    const [first, will, second] = peer.states
    expect(will).toMatchObject({ online: false, why: "lost", session: first?.session })
    expect(second?.session).not.toBe(first?.session)
  })

  test("keeps inspecting while the hub is away, and drains the backlog when it is back", async () => {
    const keys = keysOfHub()
    const before = await hub(keys)
    const station = await stationOf(before)
    station.show(26, 3)
    await until("three records", () => before.received.length === 3 && station.depth() === 0)
    await before.stop()
    cleanups.shift()

    station.show(26, 40)
    await until("forty records waiting", () => station.depth() === 40)
    const after = await hub(keys, before.port)
    await until("an empty outbox", () => station.depth() === 0)
    const numbers = after.received.map(({ seq }) => seq)
    expect(numbers.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, i) => i + 4))
    // What just happened first; one in four from the other end.
    expect(numbers.slice(0, 16).filter((seq) => seq > 30)).toHaveLength(12)
    expect(numbers.slice(0, 16).filter((seq) => seq < 10)).toHaveLength(4)
  })

  test("tells soon that nothing is left which the hub does not have", async () => {
    const peer = await hub()
    peer.hooks.ack = () => undefined
    const station = await stationOf(peer)
    station.show(26)
    const depth = () => peer.reports.at(-1)?.queue.depth
    await until("a report of one waiting", () => depth() === 1)
    peer.hooks.ack = (id) => ({ id, st: "stored" })
    await until("a report of none waiting", () => depth() === 0)
  })

  test("never has more under way than the hub's credit", async () => {
    const peer = await hub()
    peer.hooks.ack = () => undefined
    const station = await stationOf(peer)
    station.show(26, 12)
    await until("four records under way", () => peer.received.length === 4)
    await until("twelve recorded", () => station.depth() === 12)
    expect(peer.received).toHaveLength(4)
  })

  test("sends again what was not acknowledged, under the same id", async () => {
    const peer = await hub()
    let answers = 0
    peer.hooks.ack = (id) => (++answers === 1 ? undefined : { id, st: "dup" })
    const station = await stationOf(peer)
    station.show(26)
    await until("an empty outbox", () => peer.received.length === 2 && station.depth() === 0)
    expect(peer.received[0]?.id).toBe(peer.received[1]?.id)
  })

  test("started again, sends what the hub has put off when its time has come, also if no part comes", async () => {
    const peer = await hub()
    const folder = tempFolder()
    peer.hooks.ack = (id) => ({ id, st: "later", retry_ms: 1_500 })
    const station = await stationOf(peer, folder)
    station.show(26, 2)
    await until("both put off", () => peer.received.length === 2)
    await station.stop()
    peer.hooks.ack = (id) => ({ id, st: "stored" })
    const again = await stationOf(peer, folder)
    await until("an empty outbox", () => peer.received.length === 4 && again.depth() === 0)
  })

  test("introduces itself again to a hub that has started anew behind the same broker", async () => {
    const peer = await hub()
    await stationOf(peer)
    await until("a birth and a report", () => peer.states.length === 1 && peer.reports.length > 0)
    const reports = peer.reports.length
    await peer.newEpoch("epoch-2")
    await until(
      "a second birth and a report",
      () => peer.states.length === 2 && peer.reports.length > reports,
    )
    expect(peer.states[1]?.session).toBe(peer.states[0]?.session)
  })

  test("sends images as the wish says: NG in full, OK as thumbnails, no more than its caps", async () => {
    const peer = await hub()
    const station = await stationOf(peer)
    await peer.wish({ rev: 1, sampling: { audit: 0, image_ok: "thumb" } })
    const model = peer.release(goodModel(1), {
      release: 1,
      contract: contractFor(),
      checks: [],
      budget: { p99_ms: 1e4 },
    })
    const probation = { parts: 1, max_minutes: 10, max_undecidable: 1, max_ng_shift: 1 }
    await peer.wish({
      rev: 2,
      lines: { brightness: { ...model, action: "run", probation } },
      sampling: { audit: 0, image_ok: "thumb", hourly_ng: 1 },
    })
    await until("a model", () => station.edge.reported().activation.state === "probation")
    station.show(26)
    station.show(230)
    await until("two records", () => peer.received.length === 2)
    station.show(230)
    await until("three records", () => peer.received.length === 3)
    expect(station.edge.reported().shed).toMatchObject({ hourly_ng: 1 })
    const sent = peer.received
      .toSorted((a, b) => a.seq - b.seq)
      .map(({ policy, parts }) => [
        policy.why_sent,
        policy.image,
        parts.map(({ name, mime, w }) => [name, mime, w]),
      ])
    expect(sent).toEqual([
      ["ok", "thumb", [["thumb", "image/jpeg", 32]]],
      ["ng", "full", [["image", "image/jpeg", 32]]],
      // Over its cap for this hour: the record without a picture.
      ["ng", "none", []],
    ])
  })

  test("goes on with a model where the connection was cut, without fetching a chunk twice", async () => {
    const keys = keysOfHub()
    const peer = await hub(keys)
    const folder = tempFolder()
    const station = await stationOf(peer, folder)
    const big = peer.release(goodModel(1, 5_000_000), {
      release: 1,
      contract: contractFor(),
      checks: [],
      budget: { p99_ms: 1e4 },
    })
    const sent: number[] = []
    let open = true
    peer.hooks.chunk = (object, i, bytes) => {
      if (object !== big.model.sha256) return bytes
      if (!open) return undefined
      sent.push(i)
      if (sent.length === 8) open = false
      return bytes
    }
    const probation = { parts: 1, max_minutes: 10, max_undecidable: 1, max_ng_shift: 1 }
    await peer.wish({ rev: 1, lines: { brightness: { ...big, action: "run", probation } } })
    await until("eight chunks", () => (station.edge.reported().activation.progress ?? 0) > 7.9 / 20)
    await station.stop()

    open = true
    const again = await stationOf(peer, folder)
    await until("the model", () => again.edge.reported().activation.state === "probation")
    expect(sent.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i))
  })
})
