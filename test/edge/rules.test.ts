import { describe, expect, test } from "bun:test"
import { type ActivationState, activationStates, type Probation } from "#contract/release"
import {
  emptyTally,
  probationGate,
  recoveryFrom,
  type Tally,
} from "../../edge/activation/activation.rules.ts"
import { onChunk, onTimeout, openingWindow, rangesOf, timeoutOf } from "../../edge/objects/window.rules.ts"
import { createHourlyCaps, policyFor } from "../../edge/sampling.rules.ts"
import { laneFor, reconnectDelay, resendDelay } from "../../edge/uplink/backoff.rules.ts"

const probation: Probation = { parts: 100, max_minutes: 10, max_undecidable: 0.2, max_ng_shift: 0.1 }
const tally = (parts: number, ng: number, undecidable = 0): Tally => ({ parts, ng, undecidable })
const before = tally(400, 20)

describe("the probation gate", () => {
  test("commits after its parts, or after its time with what it has seen", () => {
    expect(probationGate(tally(99, 5), before, probation, 0)).toBeUndefined()
    expect(probationGate(tally(100, 5), before, probation, 0)).toBe("commit")
    expect(probationGate(tally(1, 0), before, probation, 600_000)).toBe("commit")
    expect(probationGate(emptyTally, before, probation, 600_000)).toBeUndefined()
  })

  test("ends when the NG share moves beyond its limit and beyond chance", () => {
    expect(probationGate(tally(20, 4), before, probation, 0)).toBeUndefined()
    expect(probationGate(tally(20, 14), before, probation, 0)).toBe("ng_shift")
    expect(probationGate(tally(100, 18), before, probation, 0)).toBe("commit")
    expect(probationGate(tally(100, 30), before, probation, 0)).toBe("ng_shift")
    // A first model has nothing to be compared with.
    expect(probationGate(tally(100, 90), emptyTally, probation, 0)).toBe("commit")
  })

  test("ends when too much stays undecided, but not on the first few parts", () => {
    expect(probationGate(tally(19, 0, 19), before, probation, 0)).toBeUndefined()
    expect(probationGate(tally(20, 0, 5), before, probation, 0)).toBeUndefined()
    expect(probationGate(tally(20, 0, 12), before, probation, 0)).toBe("undecidable_share")
  })
})

test("every state of the journal has a way to start from", () => {
  const ways = (starts: number) =>
    Object.fromEntries(activationStates.map((state: ActivationState) => [state, recoveryFrom(state, starts)]))
  expect(ways(1)).toMatchObject({
    idle: "rest",
    armed: "resume",
    activating: "resume",
    probation: "probation",
  })
  expect(ways(3)).toMatchObject({ probation: "roll_back", rolling_back: "roll_back", committed: "rest" })
})

test("the pull window grows while chunks come in time, halves when one is late, and stays within its bounds", () => {
  let window = openingWindow
  for (let i = 0; i < 500; i++) window = onChunk(window, 100)
  expect(window.size).toBe(16)
  expect(timeoutOf(window)).toBe(2_000)
  window = onTimeout(window)
  expect([window.size, timeoutOf(window)]).toEqual([8, 4_000])
  for (let i = 0; i < 10; i++) window = onTimeout(window)
  expect([window.size, timeoutOf(window)]).toEqual([1, 30_000])
})

test("chunk numbers become ranges a request may carry", () => {
  expect(rangesOf([3, 1, 2, 9])).toEqual([
    [1, 3],
    [9, 1],
  ])
  expect(rangesOf(Array.from({ length: 70 }, (_, i) => i))).toEqual([
    [0, 64],
    [64, 6],
  ])
  expect(rangesOf(Array.from({ length: 40 }, (_, i) => i * 2))).toHaveLength(16)
})

test("the audit slice is drawn from OK parts alone, with the logged probability", () => {
  const sampling = { audit: 0.1, image_ok: "none" } as const
  expect(policyFor({ eval: "ok" }, sampling, 0.09)).toEqual({ why_sent: "audit", image: "full" })
  expect(policyFor({ eval: "ok" }, sampling, 0.1)).toEqual({ why_sent: "ok", image: "none" })
  expect(policyFor({ eval: "ng" }, sampling, 0.5)).toEqual({ why_sent: "ng", image: "full" })
  expect(policyFor({ eval: "undecidable" }, sampling, 0.01)).toEqual({
    why_sent: "undecidable",
    image: "full",
  })
})

test("parts near a threshold send their picture; the audit slice is drawn before anything looks at the score", () => {
  const sampling = { audit: 0.1, image_ok: "none", image_ng: "thumb", unsure_margin: 0.05 } as const
  const judged = (evaluation: "ok" | "ng", score: number) => ({
    eval: evaluation,
    score,
    t_low: 0.4,
    t_high: 0.6,
  })
  expect(policyFor(judged("ok", 0.38), sampling, 0.5)).toEqual({ why_sent: "unsure", image: "full" })
  expect(policyFor(judged("ok", 0.38), sampling, 0.05)).toEqual({ why_sent: "audit", image: "full" })
  expect(policyFor(judged("ok", 0.2), sampling, 0.5)).toEqual({ why_sent: "ok", image: "none" })
  expect(policyFor(judged("ng", 0.62), sampling, 0.5)).toEqual({ why_sent: "ng", image: "full" })
  expect(policyFor(judged("ng", 0.9), sampling, 0.5)).toEqual({ why_sent: "ng", image: "thumb" })
  expect(policyFor({ eval: "undecidable", code: "no_model" }, sampling, 0.5).image).toBe("full")
})

test("a part that the shadow model calls otherwise sends its picture, whatever else is said of it", () => {
  const sampling = { audit: 0.1, image_ok: "none", image_ng: "none" } as const
  const kept = { why_sent: "disagreement", image: "full" } as const
  expect(policyFor({ eval: "ok" }, sampling, 0.5, true)).toEqual(kept)
  expect(policyFor({ eval: "ng" }, sampling, 0.5, true)).toEqual(kept)
  // The audit is drawn before anybody looks: its estimate must not depend on a second opinion.
  expect(policyFor({ eval: "ok" }, sampling, 0.05, true).why_sent).toBe("audit")
  expect(policyFor({ eval: "undecidable" }, sampling, 0.5, true).why_sent).toBe("undecidable")
  const caps = createHourlyCaps()
  const capped = { ...sampling, hourly_disagreement: 1 }
  expect([1, 2].map(() => caps.take("disagreement", capped, 0))).toEqual([true, false])
})

test("a cap counts pictures of one reason over a moving hour", () => {
  const caps = createHourlyCaps()
  const sampling = { audit: 0, image_ok: "full", hourly_ok: 3, hourly_audit: 0 } as const
  const minute = 60_000
  const take = (why: string, at: number) => caps.take(why, sampling, at)
  expect([0, 1, 2, 3].map((at) => take("ok", at * minute))).toEqual([true, true, true, false])
  expect(take("ng", 3 * minute)).toBe(true)
  expect(take("audit", 3 * minute)).toBe(false)
  expect(take("ok", 54 * minute)).toBe(false)
  expect([0, 1, 2, 3].map((at) => take("ok", (60 + at) * minute))).toEqual([true, true, true, false])
})

test("a restart goes on in the same hour, and a clock that was set begins a new one", () => {
  const sampling = { audit: 0, image_ok: "full", hourly_ok: 2 } as const
  const first = createHourlyCaps()
  expect([first.take("ok", sampling, 0), first.take("ok", sampling, 60_000)]).toEqual([true, true])
  const kept = first.unsaved()
  expect(first.unsaved()).toBeUndefined()
  const again = createHourlyCaps(kept)
  expect(again.take("ok", sampling, 120_000)).toBe(false)
  expect(again.take("ok", sampling, 3_600_000)).toBe(true)
  const day = 24 * 3_600_000
  const ahead = createHourlyCaps([{ why: "ok", step: Math.floor(day / 300_000), count: 2 }])
  expect(ahead.take("ok", sampling, day + 60_000)).toBe(false)
  expect(ahead.take("ok", sampling, 0)).toBe(true)
})

test("waiting grows with each failure, never without end, and is never the same for all", () => {
  expect([0, 1, 20].map((failures) => reconnectDelay(failures, 1))).toEqual([4_000, 8_000, 60_000])
  expect(reconnectDelay(20, 0)).toBe(500)
  expect([1, 2, 9].map((attempt) => resendDelay(attempt, 1_000))).toEqual([4_000, 8_000, 60_000])
  expect(resendDelay(1, null)).toBe(3_000)
})

test("a backlog is sent three quarters from the newest end", () => {
  const lanes = Array.from({ length: 8 }, (_, turn) => laneFor(turn, 100, 4))
  expect(lanes.filter((lane) => lane === "newest")).toHaveLength(6)
  expect(laneFor(1, 4, 4)).toBe("oldest")
})
