import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test"
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { getPriority } from "node:os"
import { join } from "node:path"
import type { Probation } from "#contract/release"
import { selfCommand } from "#models/child"
import { openSqlite } from "#platform/sqlite.bun"
import { healthyParts, maxStarts } from "../../edge/activation/activation.rules.ts"
import { createActivationStore } from "../../edge/activation/activation.store.ts"
import { childInspectors } from "../../edge/inspector.child.ts"
import { contractFor } from "../models/kit.ts"
import { tempFolder, until } from "./support/kit.ts"
import { crashingModel, goodModel, nanModel } from "./support/models.ts"
import { keysOfHub, type Peer, startPeer } from "./support/peer.ts"
import { startStation } from "./support/station.ts"

type Station = Awaited<ReturnType<typeof startStation>>
type Wished = { manifest: { sha256: string; size: number }; release: number }

setDefaultTimeout(60_000)

const probation: Probation = { parts: 1, max_minutes: 10, max_undecidable: 1, max_ng_shift: 1 }
const budget = { p99_ms: 10_000 }
const contract = contractFor()
/** Calls everything NG that is not black. */
const strict = { ...contract, thresholds: { t_low: 0.01, t_high: 0.02, pixel: 0.5 } }

const cleanups: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function site(folder = tempFolder(), keys = keysOfHub()) {
  const peer = await startPeer(keys)
  cleanups.push(peer.stop)
  const station = await startStation(folder, peer)
  cleanups.push(station.stop)
  return { folder, keys, peer, station }
}

function wish(peer: Peer, rev: number, champion: Wished, shadow?: Wished, share = 1) {
  const { manifest, release } = champion
  return peer.wish({
    rev,
    lines: {
      brightness: {
        manifest,
        release,
        action: "run",
        probation,
        ...(shadow && { shadow: { manifest: shadow.manifest, release: shadow.release, share } }),
      },
    },
    sampling: { audit: 0, image_ok: "none" },
  })
}

const champion = (peer: Peer, release = 1) =>
  peer.release(goodModel(release), { release, contract, checks: [], budget })
const shadowOf = ({ edge }: Station) => edge.reported().shadow
const runs = (station: Station) => until("the shadow runs", () => shadowOf(station)?.state === "running")

async function onLine(peer: Peer, station: Station, shadow: Wished, share = 1) {
  const first = champion(peer)
  await wish(peer, 1, first)
  await until("probation", () => station.edge.reported().activation.state === "probation")
  station.show(26)
  await until("committed", () => station.edge.reported().activation.state === "committed")
  await until("the part of the probation", () => peer.received.length === 1)
  peer.received.length = 0
  await wish(peer, 2, first, shadow, share)
  return first
}

test("an hour's cap is not forgotten by a restart", async () => {
  const { folder, peer, station, keys } = await site()
  const rules = { audit: 0, image_ok: "none", hourly_undecidable: 2 } as const
  await peer.wish({ rev: 1, sampling: rules })
  await until("the rules", () => station.edge.reported().rev_seen === 1)
  station.show(26, 2)
  await until("two records", () => peer.received.length === 2)
  await station.stop()
  cleanups.pop()
  await peer.stop()
  cleanups.pop()

  const again = await site(folder, keys)
  again.station.show(26)
  await until("a record of the next run", () => again.peer.received.length === 1)
  expect(peer.received.map(({ policy }) => policy.image)).toEqual(["full", "full"])
  expect(again.peer.received[0]?.policy).toEqual({ why_sent: "undecidable", image: "none" })
  expect(again.station.edge.reported().shed).toMatchObject({ hourly_undecidable: 1 })
})

describe("a shadow model", () => {
  test("looks at what is decided, decides nothing, and makes a part worth its picture when it differs", async () => {
    const { peer, station } = await site()
    const other = peer.release(goodModel(7), { release: 2, contract: strict, checks: [], budget })
    await onLine(peer, station, other)
    await runs(station)
    station.show(26)
    await until("one record", () => peer.received.length === 1)
    const [record] = peer.received
    expect(record?.verdict.eval).toBe("ok")
    expect(record?.model?.release).toBe(1)
    expect(record?.shadow).toMatchObject({
      model: { line: "brightness", release: 2, digest: other.model.sha256 },
      verdict: { eval: "ng", t_low: 0.01 },
    })
    expect(record?.policy).toEqual({ why_sent: "disagreement", image: "full" })
    expect(peer.images.get(record?.id ?? "")).toHaveLength(1)

    station.show(0)
    await until("the second record", () => peer.received.length === 2)
    expect(peer.received[1]).toMatchObject({
      verdict: { eval: "ok" },
      shadow: { verdict: { eval: "ok" } },
      policy: { why_sent: "ok", image: "none" },
    })
    expect(peer.received.map(({ seq }) => seq)).toEqual([2, 3])
    expect(shadowOf(station)).toMatchObject({ state: "running", looked: 2, differed: 1, failed: 0 })
    expect(station.edge.reported().slots.current?.release).toBe(1)
  })

  test("misses frames while it is at another one, and says how many; the line and its records do not wait", async () => {
    const { peer, station } = await site()
    await onLine(peer, station, peer.release(goodModel(7), { release: 2, contract, checks: [], budget }))
    await runs(station)
    station.show(26, 40)
    await until("forty records", () => peer.received.length === 40)
    const seen = peer.received.filter(({ shadow }) => shadow !== undefined).length
    const { looked = 0, skipped = 0 } = shadowOf(station) ?? {}
    expect(looked + skipped).toBe(40)
    expect(seen).toBe(looked)
    expect(peer.received.every(({ verdict }) => verdict.eval === "ok")).toBe(true)
    expect(peer.received.map(({ seq }) => seq).toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 40 }, (_, i) => i + 2),
    )
  })

  test("is given up after failing again and again, and no verdict knows of it", async () => {
    for (const [model, code] of [
      [nanModel(), "nan_output"],
      [crashingModel(), "model_crashed"],
    ] as const) {
      const { peer, station } = await site()
      await onLine(peer, station, peer.release(model, { release: 2, contract, checks: [], budget }))
      await runs(station)
      for (let i = 1; i <= 5; i++) {
        station.show(230)
        await until(`part ${i}`, () => peer.received.length === i)
      }
      await until("it is given up", () => shadowOf(station)?.state === "failed")
      expect(shadowOf(station)).toMatchObject({ reason: code, failed: 5, differed: 0 })
      for (const record of peer.received) {
        expect(record.verdict.eval).toBe("ng")
        expect(record.policy.why_sent).toBe("ng")
        expect(record.shadow?.verdict).toMatchObject({ eval: "undecidable", code })
      }
      expect(station.edge.reported().slots.current?.release).toBe(1)
      expect(station.edge.reported().activation.state).toBe("committed")
      await until("the hub is told", () => peer.events.some(({ kind }) => kind === "shadow_failed"))
      station.show(230)
      await until("a part without it", () => peer.received.length === 6)
      expect(peer.received[5]?.shadow).toBeUndefined()
    }
  })

  test("must be signed by the release key, like every model", async () => {
    const { peer, station, keys } = await site()
    const forged = peer.release(goodModel(7), { release: 2, contract, checks: [], budget }, keys.other)
    await onLine(peer, station, forged)
    await until("it is refused", () => shadowOf(station)?.state === "failed")
    expect(shadowOf(station)?.reason).toBe("signature")
    station.show(26)
    await until("a part", () => peer.received.length === 1)
    expect(peer.received[0]).toMatchObject({ verdict: { eval: "ok" } })
  })

  test("gives way to a model for the line, and comes back when that one is committed", async () => {
    const { peer, station } = await site()
    const other = peer.release(goodModel(7), { release: 2, contract, checks: [], budget })
    await onLine(peer, station, other)
    await runs(station)
    await wish(peer, 3, champion(peer, 3), other)
    await until("probation of 3", () => {
      const { activation } = station.edge.reported()
      return activation.state === "probation" && activation.release === 3
    })
    expect(shadowOf(station)).toMatchObject({ state: "waiting", reason: "line_busy" })
    station.show(26)
    await runs(station)
    expect(station.edge.reported().activation).toMatchObject({ state: "committed", release: 3 })
    // A birth says what lies in the slots, what runs it, and that it can do this.
    await peer.newEpoch("epoch-2")
    const birth = await until("a rebirth", () =>
      peer.states.find((state) => state.online && state.slots?.current?.release === 3),
    )
    expect(birth).toMatchObject({ eps: ["cpu"], caps: ["segments", "shadow"] })
    expect(birth.slots?.previous?.release).toBe(1)
    await wish(peer, 4, champion(peer, 3))
    await until("it is gone", () => shadowOf(station) === undefined)
  })

  test("is there again after a restart without the hub, and looks at the share it was given", async () => {
    const { folder, peer, station, keys } = await site()
    await onLine(
      peer,
      station,
      peer.release(goodModel(7), { release: 2, contract: strict, checks: [], budget }),
      0.4,
    )
    await runs(station)
    // The test's station draws one half: nothing falls into a share of 0.4.
    station.show(26)
    await until("a record", () => peer.received.length === 1)
    expect(peer.received[0]?.shadow).toBeUndefined()
    await station.stop()
    cleanups.pop()
    await peer.stop()
    cleanups.pop()

    const again = await site(folder, keys)
    again.peer.hooks.chunk = () => undefined
    await runs(again.station)
    expect(shadowOf(again.station)).toMatchObject({ share: 0.4, looked: 0 })
  })

  test("is counted on disk while it has not proven itself, and given up when the station went down with it", async () => {
    const { folder, peer, station, keys } = await site()
    const other = peer.release(goodModel(7), { release: 2, contract, checks: [], budget })
    await onLine(peer, station, other)
    await runs(station)
    const disk = openSqlite(join(folder, "edge.db"))
    const store = createActivationStore(disk)
    const starts = () => store.shadowStarts(other.manifest.sha256)
    expect(starts()).toBe(1)
    for (let i = 1; i <= healthyParts; i++) {
      station.show(26)
      await until(`part ${i}`, () => peer.received.length === i)
    }
    await until("its proof", () => starts() === 0)
    await station.stop()
    cleanups.pop()
    await peer.stop()
    cleanups.pop()
    // As a station leaves it that was taken down again and again.
    store.setShadowStarts(other.manifest.sha256, maxStarts)
    disk.close()

    const again = await site(folder, keys)
    await until("it is given up", () => shadowOf(again.station)?.state === "failed")
    expect(shadowOf(again.station)?.reason).toBe("crash_loop")
    again.station.show(26)
    await until("a part without it", () => again.peer.received.length === 1)
    expect(again.peer.received[0]).toMatchObject({ verdict: { eval: "ok" }, model: { release: 1 } })
    expect(again.peer.received[0]?.shadow).toBeUndefined()
  })
})

test("parts of a product are judged by the limits that the signed manifest has for it, by the shadow too", async () => {
  const { peer, station } = await site()
  const products = { lid: { t_low: 0.01, t_high: 0.02 } }
  const first = peer.release(goodModel(1), {
    release: 1,
    contract: { ...contract, products },
    checks: [],
    budget,
  })
  const second = peer.release(goodModel(2), { release: 2, contract: strict, checks: [], budget })
  await wish(peer, 1, first)
  await until("probation", () => station.edge.reported().activation.state === "probation")
  station.show(26, 1, "casting")
  await until("committed", () => station.edge.reported().activation.state === "committed")
  await wish(peer, 2, first, second)
  await runs(station)
  station.show(26, 1, "lid")
  await until("the part of the product", () => peer.received.length === 2)
  expect(peer.received[0]).toMatchObject({ product_id: "casting", verdict: { eval: "ok", t_high: 0.6 } })
  expect(peer.received[1]).toMatchObject({ product_id: "lid", verdict: { eval: "ng", t_high: 0.02 } })
  // The other way round: the product's limits are the shadow's.
  const lenient = { lid: { t_low: 0.98, t_high: 0.99 } }
  const third = peer.release(goodModel(3), {
    release: 3,
    contract: { ...strict, products: lenient },
    checks: [],
    budget,
  })
  await wish(peer, 3, first, third)
  await until("the other shadow", () => {
    const shadow = shadowOf(station)
    return shadow?.release === 3 && shadow.state === "running"
  })
  station.show(26, 1, "lid")
  await until("the next part", () => peer.received.length === 3)
  expect(peer.received[2]?.shadow).toMatchObject({ verdict: { eval: "ok", t_high: 0.99 } })
})

test("a process in the background has the lowest priority in all its threads, one for the line has not", async () => {
  const path = join(tempFolder(), "model.onnx")
  writeFileSync(path, goodModel(1))
  const open = childInspectors(selfCommand("worker", "infer"))
  const options = { timeoutMs: 20_000, thresholds: contract.thresholds }
  const children = () =>
    readFileSync(`/proc/self/task/${process.pid}/children`, "utf8").trim().split(" ").filter(Boolean)
  const nice = (child: string) =>
    readdirSync(`/proc/${child}/task`).map((thread) => {
      const stat = readFileSync(`/proc/${child}/task/${thread}/stat`, "utf8")
      return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[16])
    })
  const before = new Set(children())
  const background = await open(path, { ...options, background: true })
  const [low = ""] = children().filter((one) => !before.has(one))
  const line = await open(path, options)
  const [usual = ""] = children().filter((one) => !before.has(one) && one !== low)
  try {
    expect(new Set(nice(low))).toEqual(new Set([19]))
    expect(nice(usual).every((value) => value === getPriority())).toBe(true)
  } finally {
    await background.close()
    await line.close()
  }
})
