import { afterAll, expect, test } from "bun:test"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createKnownTime } from "#platform/known-time"
import { createLog } from "#platform/log"

const folder = mkdtempSync(join(tmpdir(), "crux-time-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const day = 24 * 3600 * 1000
const spring = Date.UTC(2027, 3, 1)
let files = 0

/** A machine whose clock the test sets; `pass` lets real time go by. */
function machine(path = join(folder, `time-${++files}`)) {
  const lines: string[] = []
  const log = createLog({
    level: "info",
    subject: "clock",
    write: (line) => void lines.push(line),
    now: () => 0,
  })
  const at = { wall: spring, monotonic: 0 }
  const time = createKnownTime({ clock: { now: () => at.wall }, path, monotonic: () => at.monotonic })
  return {
    at,
    path,
    time,
    lines,
    keep: () => time.keep(log),
    pass: (ms: number) => {
      at.wall += ms
      at.monotonic += ms
    },
  }
}

test("a machine that wakes up in 1970 goes on from the last time it knew, and says so once", () => {
  const before = machine()
  before.keep()
  before.pass(3 * day)
  before.keep()

  const { at, time, keep, lines } = machine(before.path)
  at.wall = 5000
  keep()
  expect(time.now()).toBe(spring + 3 * day)
  at.wall += 60_000
  at.monotonic += 60_000
  keep()
  expect(time.now()).toBe(spring + 3 * day + 60_000)
  expect(lines.filter((line) => line.includes("clock_lost"))).toHaveLength(1)

  at.wall = spring + 4 * day
  keep()
  expect(time.now()).toBe(spring + 4 * day)
  expect(lines.at(-1)).toContain("clock_found")
})

test("a first start in 1970, and one whose note was torn by a power cut, begin where the first hub did", () => {
  for (const note of [undefined, "", "17949"]) {
    const { at, time, path, keep } = machine()
    if (note !== undefined) writeFileSync(path, note)
    const torn = machine(path)
    torn.at.wall = 5000
    at.wall = 5000
    keep()
    expect(new Date(time.now()).getUTCFullYear()).toBe(2026)
    expect(new Date(torn.time.now()).getUTCFullYear()).toBe(2026)
  }
})

test("a clock that goes back by a day is followed: people set clocks", () => {
  const { at, time, keep } = machine()
  keep()
  at.wall -= day
  expect(time.now()).toBe(spring - day)
})

test("after a jump of years nothing counts as old for a day, whether the hub ran or not", () => {
  const { at, time, path, keep, pass, lines } = machine()
  keep()
  pass(60_000)
  keep()
  expect(time.isSettled()).toBe(true)
  at.wall += 3650 * day
  keep()
  expect(time.isSettled()).toBe(false)
  expect(lines.at(-1)).toContain("clock_jumped")
  pass(23 * 3600 * 1000)
  keep()
  expect(time.isSettled()).toBe(false)
  pass(2 * 3600 * 1000)
  expect(time.isSettled()).toBe(true)

  writeFileSync(path, String(spring))
  const started = machine(path)
  started.at.wall = spring + 400 * day
  started.keep()
  expect(started.time.isSettled()).toBe(false)
})
