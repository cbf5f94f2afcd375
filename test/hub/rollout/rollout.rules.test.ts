import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import type { ActivationState, Reported } from "#contract/release"
import {
  groupsOf,
  nextStep,
  type RolloutFacts,
  type Station,
  type Tracked,
} from "../../../hub/rollout/rollout.rules.ts"

const manifest = "a".repeat(64)
const older = "b".repeat(64)

function reported(over: {
  rev?: number
  state?: ActivationState
  manifest?: string
  current?: string
  reason?: string
}): Reported {
  const slot = (of: string) => ({ line: "main", release: 1, manifest: of, digest: of, since: 0 })
  return {
    v: 1,
    device: "d",
    ts: 0,
    rev_seen: over.rev ?? 1,
    rev_applied: over.rev ?? 1,
    activation: {
      state: over.state ?? "idle",
      since: 0,
      ...(over.manifest && { manifest: over.manifest }),
      ...(over.reason && { reason: over.reason }),
    },
    slots: over.current ? { current: slot(over.current) } : {},
    queue: { depth: 0, bytes: 0, oldest_ms: 0 },
    shed: {},
    latency: { p50_ms: 1, p99_ms: 1 },
    counts: { inspected: 0, ok: 0, ng: 0, undecidable: 0 },
  }
}
const tracked = (device: string, group: number, rev: number | null = null): Tracked => ({
  device,
  group,
  rev,
  state: rev === null ? "waiting" : "idle",
  committedAt: null,
})
const rollout = (devices: Tracked[], over: Partial<RolloutFacts> = {}): RolloutFacts => ({
  state: "running",
  manifest,
  group: 0,
  everyone: true,
  devices,
  ...over,
})
const station = (id: string, report?: Reported, revoked = false): Station => ({
  id,
  revoked,
  reported: report,
})
const committed = (rev = 1) => reported({ rev, state: "committed", manifest, current: manifest })

describe("a rollout", () => {
  test("asks the canary alone at first", () => {
    const step = nextStep(rollout([tracked("a", 0), tracked("b", 1)]), [station("a"), station("b")])
    expect(step).toMatchObject({ ask: ["a"], turn: null })
  })

  test("goes on to the rest when the canary has committed", () => {
    const step = nextStep(rollout([tracked("a", 0, 1), tracked("b", 1)]), [
      station("a", committed()),
      station("b"),
    ])
    expect(step.turn).toEqual({ to: "advance" })
  })

  test("waits for a silent station: pending is no success", () => {
    for (const report of [undefined, reported({ rev: 1, state: "probation", manifest })]) {
      const step = nextStep(rollout([tracked("a", 0, 1), tracked("b", 1)]), [
        station("a", report),
        station("b"),
      ])
      expect(step).toMatchObject({ ask: [], turn: null })
    }
  })

  for (const state of ["failed", "rejected", "rolled_back"] as const)
    test(`halts at once when the canary is ${state}, with its reason`, () => {
      const report = reported({ rev: 1, state, manifest, reason: "preflight_score", current: older })
      const step = nextStep(rollout([tracked("a", 0, 1), tracked("b", 1)]), [
        station("a", report),
        station("b"),
      ])
      expect(step.turn).toEqual({ to: "halt", device: "a", reason: "preflight_score" })
      expect(step.ask).toEqual([])
    })

  test("takes no notice of a failure from before its wish", () => {
    const old = reported({ rev: 3, state: "failed", manifest, reason: "nan_output" })
    const step = nextStep(rollout([tracked("a", 0, 4)]), [station("a", old)])
    expect(step.turn).toBeNull()
  })

  test("takes a station that rests on the model as committed", () => {
    const resting = reported({ rev: 1, state: "idle", current: manifest })
    expect(nextStep(rollout([tracked("a", 0, 1)]), [station("a", resting)]).turn).toEqual({ to: "finish" })
  })

  test("asks nobody while it is paused, but still halts", () => {
    const paused = rollout([tracked("a", 0, 1), tracked("b", 0)], { state: "paused" })
    expect(nextStep(paused, [station("a", committed()), station("b")])).toMatchObject({ ask: [], turn: null })
    const broken = reported({ rev: 1, state: "rolled_back", manifest })
    expect(nextStep(paused, [station("a", broken), station("b")]).turn).toMatchObject({ to: "halt" })
  })

  test("is not held up by a revoked station", () => {
    const step = nextStep(rollout([tracked("a", 0, 1), tracked("b", 0, 1)]), [
      station("a", committed()),
      station("b", undefined, true),
    ])
    expect(step.turn).toEqual({ to: "finish" })
  })

  test("takes stations that were enrolled meanwhile along, unless it was for chosen ones", () => {
    const stations = [station("a", committed()), station("new")]
    expect(nextStep(rollout([tracked("a", 0, 1)]), stations)).toMatchObject({ join: ["new"], turn: null })
    const chosen = rollout([tracked("a", 0, 1)], { everyone: false })
    expect(nextStep(chosen, stations)).toMatchObject({ join: [], turn: { to: "finish" } })
  })

  test("does nothing once it has ended", () => {
    for (const state of ["finished", "halted", "rolled_back", "superseded"] as const)
      expect(nextStep(rollout([tracked("a", 0)], { state }), [station("a")])).toEqual({
        observed: [],
        ask: [],
        join: [],
        turn: null,
      })
  })
})

test("the canary is a station that is there", () => {
  const groups = groupsOf([
    { id: "a", online: false },
    { id: "b", online: true },
    { id: "c", online: true },
  ])
  expect([...groups]).toEqual([
    ["b", 0],
    ["c", 1],
    ["a", 1],
  ])
})

test("whatever stations report, no group is asked before every one of the group before has committed", () => {
  const state = fc.constantFrom<ActivationState>(
    "idle",
    "fetching",
    "probation",
    "committed",
    "failed",
    "rolled_back",
  )
  const report = fc.option(
    fc.record({ rev: fc.integer({ min: 0, max: 6 }), state, manifest: fc.constantFrom(manifest, older) }),
    { nil: undefined },
  )
  fc.assert(
    fc.property(fc.array(fc.array(report, { minLength: 4, maxLength: 4 }), { maxLength: 8 }), (rounds) => {
      let facts = rollout([tracked("a", 0), tracked("b", 1), tracked("c", 1), tracked("d", 2)])
      let rev = 0
      for (const round of rounds) {
        const stations = facts.devices.map((d, i) => station(d.device, round[i] && reported(round[i])))
        const step = nextStep(facts, stations)
        const done = new Set(step.observed.filter((o) => o.committed).map((o) => o.device))
        const devices = facts.devices.map((d) => ({
          ...d,
          ...(done.has(d.device) && { committedAt: d.committedAt ?? 1 }),
          ...(step.ask.includes(d.device) && { rev: ++rev }),
        }))
        const turn = step.turn?.to
        facts = {
          ...facts,
          devices,
          group: facts.group + Number(turn === "advance"),
          state: turn === "halt" ? "halted" : turn === "finish" ? "finished" : facts.state,
        }
        const askedGroups = devices.filter((d) => d.rev !== null).map((d) => d.group)
        const last = Math.max(-1, ...askedGroups)
        for (const d of devices) if (d.group < last) expect(d.committedAt).not.toBeNull()
        if (facts.state === "finished") for (const d of devices) expect(d.committedAt).not.toBeNull()
      }
    }),
  )
})
