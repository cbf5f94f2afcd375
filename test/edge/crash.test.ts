import { afterAll, describe, expect, test } from "bun:test"
import { join } from "node:path"
import type { Probation, Reported } from "#contract/release"
import { contractFor } from "../models/kit.ts"
import { tempFolder, until } from "./support/kit.ts"
import { checksFor, goodModel, undecidedModel } from "./support/models.ts"
import { keysOfHub, type Peer, startPeer } from "./support/peer.ts"
import { feedFolder, serveEnrolment, spawnEdge } from "./support/process.ts"

const probation: Probation = { parts: 3, max_minutes: 10, max_undecidable: 0.5, max_ng_shift: 1 }
const contract = { ...contractFor(), thresholds: { t_low: 0.9, t_high: 0.95, pixel: 0.5 } }
const budget = { p99_ms: 10_000 }
const camera = ["--camera", "folder", "--interval-ms", "50", "--output", "none"]

const cleanups: (() => unknown)[] = []
afterAll(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup()
})

/** A station of its own with its own hub; `start` runs `crux edge` on its data folder. */
async function plant() {
  const folder = tempFolder()
  const peer = await startPeer(keysOfHub())
  const enrolment = serveEnrolment(peer)
  const line = await feedFolder(join(folder, "line"), 60)
  cleanups.push(peer.stop, enrolment.stop, line.stop)
  let first = true
  const start = (env: Record<string, string> = {}) => {
    const enrol = first ? ["--enrol", "good-code", "--hub", enrolment.url, "--device", "line-1"] : []
    first = false
    const edge = spawnEdge(folder, [...enrol, ...camera, "--folder", line.folder], env)
    cleanups.push(() => edge.child.kill("SIGKILL"))
    return edge
  }
  return { peer, start }
}

const wish = (peer: Peer, rev: number, to: { manifest: { sha256: string; size: number }; release: number }) =>
  peer.wish({ rev, lines: { brightness: { ...to, action: "run", probation } } })

const last = (peer: Peer) => peer.reports.at(-1)
const reports = (peer: Peer, state: Reported["activation"]["state"]) =>
  until(
    `a report of ${state}; the last is ${JSON.stringify(last(peer)?.activation)}`,
    () => last(peer)?.activation.state === state,
    40_000,
  )

/** Every boot's records, once all have arrived: numbered from 1 without a gap. */
async function expectNothingLost(peer: Peer) {
  await until("an empty outbox", () => last(peer)?.queue.depth === 0, 30_000)
  const boots = Map.groupBy(peer.received, ({ boot }) => boot)
  for (const [boot, records] of boots) {
    const numbers = [...new Set(records.map(({ seq }) => seq))].toSorted((a, b) => a - b)
    expect([boot, numbers]).toEqual([boot, numbers.map((_, i) => i + 1)])
  }
}

describe("a station that loses power the instant a state is on disk", () => {
  const goodWay = [
    "offered",
    "fetching",
    "verified",
    "staged",
    "preflight",
    "armed",
    "activating",
    "probation",
    "committed",
  ]
  test.concurrent.each(goodWay)(
    "%s: starts again and ends on the wished model, nothing passes without one",
    async (state) => {
      const { peer, start } = await plant()
      const release = peer.release(goodModel(1, 700_000), {
        release: 1,
        contract,
        checks: await checksForThresholds(peer),
        budget,
      })
      await wish(peer, 1, release)
      expect((await start({ CRUX_CRASH_AT: state }).ended()).code).toBe(137)

      const second = start()
      await reports(peer, "committed")
      expect(last(peer)?.slots.current).toMatchObject({ release: 1, manifest: release.manifest.sha256 })
      second.child.kill("SIGTERM")
      expect((await second.ended()).code).toBe(0)
      expect(peer.states.at(-1)).toMatchObject({ online: false, why: "stop" })
      await expectNothingLost(peer)
      const passed = peer.received.filter(({ verdict }) => verdict.eval === "ok")
      expect(passed.filter(({ model }) => model?.digest !== release.model.sha256)).toEqual([])
    },
    90_000,
  )

  test.concurrent.each(["rolling_back", "rolled_back"])(
    "%s: starts again on the previous model and does not try the bad one again",
    async (state) => {
      const { peer, start } = await plant()
      const checks = await checksForThresholds(peer)
      const good = peer.release(goodModel(1), { release: 1, contract, checks, budget })
      await wish(peer, 1, good)
      const first = start({ CRUX_CRASH_AT: state })
      await reports(peer, "committed")
      // Scores a half, which these thresholds call undecidable.
      const shy = peer.release(undecidedModel(), {
        release: 2,
        contract: { ...contract, thresholds: { t_low: 0.1, t_high: 0.95 } },
        checks: [],
        budget,
      })
      await wish(peer, 2, shy)
      expect((await first.ended()).code).toBe(137)

      const second = start()
      await reports(peer, "rolled_back")
      expect(last(peer)?.slots).toMatchObject({ current: { release: 1, manifest: good.manifest.sha256 } })
      expect(last(peer)?.activation).toMatchObject({ release: 2, reason: "undecidable_share" })
      const before = peer.received.length
      await until("five more parts", () => peer.received.length >= before + 5)
      expect(peer.received.at(-1)?.model?.release).toBe(1)
      second.child.kill("SIGTERM")
      await second.ended()
      await expectNothingLost(peer)
    },
    90_000,
  )
})

test("a fresh model that takes the station down three times is taken off the line", async () => {
  const { peer, start } = await plant()
  const checks = await checksForThresholds(peer)
  const good = peer.release(goodModel(1), { release: 1, contract, checks, budget })
  await wish(peer, 1, good)
  const first = start()
  await reports(peer, "committed")
  first.child.kill("SIGKILL")
  await first.ended()

  const bad = peer.release(goodModel(2), { release: 2, contract, checks, budget })
  await wish(peer, 2, bad)
  for (let boot = 0; boot < 3; boot++) {
    expect((await start({ CRUX_CRASH_AT: "probation" }).ended()).code).toBe(137)
  }
  const last = start()
  await reports(peer, "rolled_back")
  expect(peer.reports.at(-1)).toMatchObject({
    activation: { release: 2, reason: "crash_loop" },
    slots: { current: { release: 1 } },
  })
  last.child.kill("SIGTERM")
  await last.ended()
}, 90_000)

test("kill -9 at any time loses no part: every boot's numbers arrive without a gap", async () => {
  const { peer, start } = await plant()
  // Every other record is acknowledged: the rest has to survive in the outbox.
  peer.hooks.credit = { msgs: 32, bytes: 8 * 1024 * 1024 }
  peer.hooks.ack = (id) => (Number.parseInt(id.slice(-1), 16) % 2 === 0 ? { id, st: "stored" } : undefined)
  const boots = () => new Set(peer.received.map(({ boot }) => boot)).size
  for (let cycle = 1; cycle <= 4; cycle++) {
    const edge = start()
    await until("parts of a new boot", () => boots() === cycle, 30_000)
    edge.child.kill("SIGKILL")
    await edge.ended()
  }
  peer.hooks.ack = (id) => ({ id, st: "stored" })
  const edge = start()
  await until("parts of the last boot", () => boots() === 5, 30_000)
  edge.child.kill("SIGTERM")
  await edge.ended()
  await expectNothingLost(peer)
}, 90_000)

/** With the high thresholds above, both check images of the test models are OK parts. */
async function checksForThresholds(peer: Peer) {
  const checks = await checksFor(peer, [26, 128])
  return checks.map((check) => ({ ...check, expect: { ...check.expect, eval: "ok" as const } }))
}
