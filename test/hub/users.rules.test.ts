import { describe, expect, test } from "bun:test"
import {
  afterFailure,
  formatSetupCode,
  isSessionOpen,
  normalizeSetupCode,
  passwordWeakness,
  sessionEnd,
  sessionLimits,
  waitBeforeTry,
} from "../../hub/users/users.rules.ts"

const minute = 60_000

describe("the wait between tries", () => {
  test("is none for the first five, then doubles up to a quarter of an hour", () => {
    const waits = [0, 1, 4, 5, 6, 7, 10, 11, 50].map(
      (failures) => waitBeforeTry({ failures, last_at: 0 }, 0) / 1000,
    )
    expect(waits).toEqual([0, 0, 0, 15, 30, 60, 480, 900, 900])
  })

  test("runs out, and a day without a failure forgets all of them", () => {
    const known = { failures: 8, last_at: 1_000 }
    expect(waitBeforeTry(known, 1_000 + 119_999)).toBe(1)
    expect(waitBeforeTry(known, 1_000 + 120_000)).toBe(0)
    expect(afterFailure(known, 1_000 + minute)).toEqual({ failures: 9, last_at: 1_000 + minute })
    expect(afterFailure(known, 1_000 + 24 * 60 * minute).failures).toBe(1)
  })

  test("is never longer than itself when the clock was set back", () => {
    expect(waitBeforeTry({ failures: 5, last_at: 10_000_000 }, 0)).toBe(15_000)
  })
})

test("a session from the future, opened under a wrong clock, has ended", () => {
  const now = Date.UTC(2027, 0, 1)
  const times = (at: number) => ({ created_at: at, seen_at: at, ends_at: at + sessionLimits.worker.absolute })
  expect(isSessionOpen("worker", times(now), now)).toBe(true)
  // Clocks are put right by seconds all the time: nobody is signed out for that.
  expect(isSessionOpen("worker", times(now), now - 10_000)).toBe(true)
  expect(isSessionOpen("worker", times(now + 3650 * 86_400_000), now)).toBe(false)
})

test("a session ends at the first of idle time, absolute time and its own end", () => {
  const { idle, absolute } = sessionLimits.admin
  const far = Number.MAX_SAFE_INTEGER
  expect(sessionEnd("admin", { created_at: 0, seen_at: 10, ends_at: far })).toBe(10 + idle)
  expect(sessionEnd("admin", { created_at: 0, seen_at: absolute, ends_at: far })).toBe(absolute)
  expect(sessionEnd("admin", { created_at: 0, seen_at: 10, ends_at: 20 })).toBe(20)
})

describe("a password", () => {
  const verdicts: [string, string, ReturnType<typeof passwordWeakness>][] = [
    ["a torque wrench in spring", "kim", null],
    ["초록색 나사 열두 개", "kim", null],
    ["Password-Password", "kim", "common"],
    ["crux-admin-1234567", "kim", "common"],
    ["abababababab", "kim", "repeats"],
    ["kim.minsu-2026", "kim.minsu", "login"],
  ]
  for (const [password, login, verdict] of verdicts)
    test(`"${password}" is ${verdict ?? "fine"}`, () => {
      expect(passwordWeakness(password, login)).toBe(verdict)
    })
})

test("a setup code is read as people type it", () => {
  const code = formatSetupCode(Uint8Array.from({ length: 12 }, (_, i) => i * 21))
  expect(code).toMatch(/^[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}$/)
  expect(normalizeSetupCode(code)).toBe(code.replaceAll("-", ""))
  expect(normalizeSetupCode(" ol-i1 a ")).toBe("0111A")
})
