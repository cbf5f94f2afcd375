import { afterEach, describe, expect, test } from "bun:test"
import type { Probation } from "#contract/release"
import { contractFor } from "../models/kit.ts"
import { tempFolder, until } from "./support/kit.ts"
import { checksFor, crashingModel, goodModel, nanModel, undecidedModel } from "./support/models.ts"
import { type HubKeys, keysOfHub, type Peer, startPeer } from "./support/peer.ts"
import { startStation } from "./support/station.ts"

type Station = Awaited<ReturnType<typeof startStation>>

const probation: Probation = { parts: 5, max_minutes: 10, max_undecidable: 0.5, max_ng_shift: 1 }
const budget = { p99_ms: 10_000 }
const contract = contractFor()

const cleanups: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function site(folder = tempFolder()) {
  const keys = keysOfHub()
  const peer = await startPeer(keys)
  cleanups.push(peer.stop)
  const station = await startStation(folder, peer)
  cleanups.push(station.stop)
  return { folder, keys, peer, station }
}

type Wished = { manifest: { sha256: string; size: number }; release: number }

function run(peer: Peer, rev: number, release: Wished, more: Partial<Probation> = {}, by?: HubKeys["hub"]) {
  const { manifest, release: number } = release
  const line = { manifest, release: number, action: "run", probation: { ...probation, ...more } } as const
  return peer.wish({ rev, lines: { brightness: line } }, by)
}

const activationOf = ({ edge }: Station) => edge.reported().activation
const reaches = (station: Station, state: string, release?: number) =>
  until(`state ${state} of release ${release}`, () => {
    const now = activationOf(station)
    return now.state === state && (release === undefined || now.release === release) && now
  })

/** Brings a good first release onto the line. */
async function committed(peer: Peer, station: Station, rev = 1) {
  const checks = await checksFor(peer)
  const first = peer.release(goodModel(1), { release: 1, contract, checks, budget })
  await run(peer, rev, first)
  await reaches(station, "probation", 1)
  station.show(26, 5)
  await reaches(station, "committed", 1)
  return first
}

describe("a station", () => {
  test("without a model calls every part undecidable, never OK", async () => {
    const { peer, station } = await site()
    station.show(26, 3)
    await until("three records", () => peer.received.length === 3)
    expect(peer.received.map(({ verdict }) => verdict)).toEqual(
      Array(3).fill({ eval: "undecidable", code: "no_model" }),
    )
  })

  test("fetches, proves, tries and commits a release, and says so step by step", async () => {
    const { peer, station } = await site()
    const first = await committed(peer, station)
    const report = station.edge.reported()
    expect(report.slots.current).toMatchObject({
      line: "brightness",
      release: 1,
      manifest: first.manifest.sha256,
    })
    expect([report.rev_seen, report.rev_applied]).toEqual([1, 1])
    await until("the last event", () => peer.events.length === 9)
    expect(peer.events.map(({ detail }) => detail.state)).toEqual([
      "offered",
      "fetching",
      "verified",
      "staged",
      "preflight",
      "armed",
      "activating",
      "probation",
      "committed",
    ])
    station.show(230)
    await until("an NG record", () => peer.received.some(({ verdict }) => verdict.eval === "ng"))
    const ng = peer.received.find(({ verdict }) => verdict.eval === "ng")
    expect(ng?.model).toEqual({ line: "brightness", release: 1, digest: first.model.sha256 })
    expect(peer.images.get(ng?.id ?? "")).toHaveLength(1)
  })

  test("moves a model of many chunks, asks again for what got lost, and refuses a flipped bit", async () => {
    const { peer, station } = await site()
    const big = peer.release(goodModel(2, 3_000_000), {
      release: 2,
      contract,
      checks: await checksFor(peer),
      budget,
    })
    const times = new Map<number, number>()
    peer.hooks.chunk = (object, i, bytes) => {
      if (object !== big.model.sha256) return bytes
      const time = (times.get(i) ?? 0) + 1
      times.set(i, time)
      if (i === 3 && time === 1) return undefined
      if (i === 5 && time === 1) return bytes.with(100, bytes[100]! ^ 1)
      if (i === 7 && time === 1) return bytes.slice(0, 1000)
      return bytes
    }
    await run(peer, 1, big)
    await reaches(station, "probation", 2)
    expect([3, 5, 7].map((i) => times.get(i))).toEqual([2, 2, 2])
    expect(times.get(1)).toBe(1)
  })

  test("gives up on a source that keeps sending a wrong chunk", async () => {
    const { peer, station } = await site()
    const big = peer.release(goodModel(2, 600_000), { release: 2, contract, checks: [], budget })
    peer.hooks.chunk = (object, i, bytes) =>
      object === big.model.sha256 && i === 1 ? bytes.with(9, bytes[9]! ^ 1) : bytes
    await run(peer, 1, big)
    expect(await reaches(station, "failed")).toMatchObject({ reason: "source_corrupt" })
    expect(station.edge.reported().slots).toEqual({})
  })

  test("uses the chunks it already has for the next release", async () => {
    const { peer, station } = await site()
    const checks = await checksFor(peer)
    const first = peer.release(goodModel(1, 2_000_000), { release: 1, contract, checks, budget })
    await run(peer, 1, first, { parts: 1 })
    await reaches(station, "probation", 1)
    station.show(26)
    await reaches(station, "committed", 1)
    // The same bytes but for a few at the end: what retraining a small head on a frozen trunk gives.
    const model = goodModel(1, 2_000_000)
    const similar = Buffer.concat([model, metadataOf("note", "second")])
    const second = peer.release(similar, { release: 2, contract, checks, budget })
    const before = peer.requests.length
    await run(peer, 2, second, { parts: 1 })
    await reaches(station, "probation", 2)
    const asked = peer.requests.slice(before).filter(({ object }) => object === second.model.sha256)
    expect(asked.flatMap(({ ranges }) => ranges)).toEqual([[7, 1]])
  })

  test("refuses a manifest that the release key has not signed", async () => {
    const { peer, station, keys } = await site()
    const forged = peer.release(goodModel(2), { release: 2, contract, checks: [], budget }, keys.hub)
    await run(peer, 1, forged)
    expect(await reaches(station, "rejected")).toMatchObject({ reason: "signature" })
  })

  test("never installs a manifest whose bytes are not the ones the wish names", async () => {
    const { peer, station } = await site()
    const release = peer.release(goodModel(2), { release: 2, contract, checks: [], budget })
    const genuine = peer.objects.get(release.manifest.sha256)!
    peer.objects.set(release.manifest.sha256, genuine.with(50, genuine[50]! ^ 1))
    await run(peer, 1, release)
    expect(await reaches(station, "failed")).toMatchObject({ reason: "source_corrupt" })
  })

  test("refuses a wish of a wrong key, of an older revision, and for another station", async () => {
    const { peer, station, keys } = await site()
    const first = await committed(peer, station, 5)
    const other = peer.release(goodModel(9), { release: 9, contract, checks: [], budget })
    const reason = (wanted: string) =>
      until(`refusal ${wanted}`, () => activationOf(station).reason === wanted && activationOf(station))

    await run(peer, 6, other, {}, keys.other)
    expect(await reason("signature")).toMatchObject({ state: "committed", release: 1 })
    await run(peer, 4, other)
    expect(await reason("rev")).toMatchObject({ state: "committed", release: 1 })
    await peer.wish({ rev: 7, device: "line-2" })
    await reason("device")
    const report = station.edge.reported()
    expect(report.rev_seen).toBe(5)
    expect(report.slots.current?.manifest).toBe(first.manifest.sha256)
    await until("three alarms", () => peer.events.filter((e) => e.kind === "desired_refused").length === 3)
  })

  test("goes back to an older release on a newer wish, but never below the floor", async () => {
    const { peer, station } = await site()
    const checks = await checksFor(peer)
    const first = await committed(peer, station)
    const second = peer.release(goodModel(2), { release: 2, contract, checks, budget })
    await run(peer, 2, second)
    await reaches(station, "probation", 2)
    station.show(26, 5)
    await reaches(station, "committed", 2)

    const before = peer.requests.length
    await run(peer, 3, first)
    await reaches(station, "probation", 1)
    expect(peer.requests.length).toBe(before)
    station.show(26, 5)
    await reaches(station, "committed", 1)
    expect(station.edge.reported().rev_applied).toBe(3)

    const line = { manifest: second.manifest, release: 2, action: "run", probation } as const
    await peer.wish({ rev: 4, lines: { brightness: line } })
    await reaches(station, "probation", 2)
    station.show(26, 5)
    await reaches(station, "committed", 2)
    const old = { ...line, manifest: first.manifest, release: 1 }
    await peer.wish({ rev: 5, lines: { brightness: old }, floor: { brightness: 2 } })
    expect(await reaches(station, "rejected")).toMatchObject({ reason: "floor" })
    expect(station.edge.reported().slots.current?.release).toBe(2)
  })

  test("stops a model in preflight that scores a check image differently", async () => {
    const { peer, station } = await site()
    await committed(peer, station)
    const wrong = peer.release(undecidedModel(), {
      release: 2,
      contract,
      checks: await checksFor(peer),
      budget,
    })
    await run(peer, 2, wrong)
    expect(await reaches(station, "failed")).toMatchObject({ reason: "preflight_eval", release: 2 })
    expect(station.edge.reported().slots.current?.release).toBe(1)

    // The same release asked for again is refused without any work.
    const before = peer.requests.length
    await run(peer, 3, wrong)
    expect(await reaches(station, "rejected")).toMatchObject({ reason: "preflight_eval" })
    expect(peer.requests.length).toBe(before)
  })

  test("stops a file that is no model, and one that is too slow for its budget", async () => {
    const { peer, station } = await site()
    const rubbish = peer.release(new Uint8Array(5000).fill(3), {
      release: 2,
      contract,
      checks: await checksFor(peer),
      budget,
    })
    await run(peer, 1, rubbish)
    expect(await reaches(station, "failed", 2)).toMatchObject({ reason: "model_invalid" })
    const slow = peer.release(goodModel(3), {
      release: 3,
      contract,
      checks: await checksFor(peer),
      budget: { p99_ms: 0.001 },
    })
    await run(peer, 2, slow)
    expect(await reaches(station, "failed", 3)).toMatchObject({ reason: "preflight_latency" })
  })

  for (const [what, model, code] of [
    ["answers NaN", nanModel, "nan_output"],
    ["crashes", crashingModel, "model_crashed"],
  ] as const) {
    test(`takes a model that ${what} off the line before the next part, and lets nothing pass as OK`, async () => {
      const { peer, station } = await site()
      const first = await committed(peer, station)
      const bad = peer.release(model(), { release: 2, contract, checks: await checksFor(peer, [26]), budget })
      await run(peer, 2, bad)
      await reaches(station, "probation", 2)
      const before = peer.received.length
      station.show(26)
      station.show(230, 3)
      await until("four records", () => peer.received.length === before + 4)
      const parts = peer.received.slice(before).toSorted((a, b) => a.seq - b.seq)
      expect(parts.map(({ verdict, model: by }) => [verdict.eval, verdict.code, by?.release])).toEqual([
        ["ok", undefined, 2],
        ["undecidable", code, 2],
        ["ng", undefined, 1],
        ["ng", undefined, 1],
      ])
      expect(activationOf(station)).toMatchObject({ state: "rolled_back", reason: code, release: 2 })
      expect(station.edge.reported().slots).toMatchObject({ current: { manifest: first.manifest.sha256 } })
      expect(station.edge.reported().slots.previous).toBeUndefined()
      await run(peer, 3, bad)
      expect(await reaches(station, "rejected")).toMatchObject({ reason: code })
    })
  }

  test("rolls back a model that decides too little", async () => {
    const { peer, station } = await site()
    await committed(peer, station)
    const shy = peer.release(undecidedModel(), { release: 2, contract, checks: [], budget })
    await run(peer, 2, shy)
    await reaches(station, "probation", 2)
    station.show(26, 5)
    expect(await reaches(station, "rolled_back")).toMatchObject({ reason: "undecidable_share" })
  })

  test("holds when told to hold", async () => {
    const { peer, station } = await site()
    const release = peer.release(goodModel(1), { release: 1, contract, checks: [], budget })
    const line = { manifest: release.manifest, release: 1, action: "hold", probation } as const
    await peer.wish({ rev: 1, lines: { brightness: line } })
    await until("the wish applied", () => station.edge.reported().rev_applied === 1)
    expect(peer.requests).toEqual([])
    await run(peer, 2, release)
    await reaches(station, "probation", 1)
  })
})

/** One more metadata entry: appending to a protobuf message is a merge. */
function metadataOf(key: string, value: string): Uint8Array {
  const field = (tag: number, body: Uint8Array) => Buffer.concat([Buffer.from([tag, body.length]), body])
  return field(0x72, Buffer.concat([field(0x0a, Buffer.from(key)), field(0x12, Buffer.from(value))]))
}
