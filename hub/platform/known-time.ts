import { readFileSync, renameSync, writeFileSync } from "node:fs"
import { firstHub } from "#contract/ids"
import type { Clock } from "./clock.ts"
import type { Log } from "./log.ts"

const day = 24 * 60 * 60_000
/** A jump that is shorter makes nothing old that is young. */
const harmlessJumpMs = 7 * day
/** How long people have to put a clock right before anything is given up for its age. */
const settlingMs = day

export type KnownTime = ReturnType<typeof createKnownTime>

/**
 * The machine's clock, as far as it can be believed. One that shows a time before any hub was made is not followed: time
 * goes on from the last that was known, kept in the file `path`, so that certificates made now are good for stations
 * whose clocks are right and nothing new is put before what is there (fault F16).
 */
export function createKnownTime({
  clock,
  path,
  monotonic = () => performance.now(),
}: {
  clock: Clock
  path: string
  monotonic?: () => number
}) {
  const kept = readKept(path)
  let last = { shown: Math.max(firstHub, kept ?? 0), at: monotonic() }
  let wrong = false
  /** When the clock last jumped forward by much, on the monotonic clock. */
  let jumpedAt = Number.NEGATIVE_INFINITY
  let known = kept !== undefined

  const now = (): number => {
    const shown = clock.now()
    return shown >= firstHub ? shown : Math.floor(last.shown + monotonic() - last.at)
  }

  return {
    now,
    /** The machine shows a time that cannot be; `now` goes on from the last that was known. */
    isLost: (): boolean => clock.now() < firstHub,
    /** False for a day after the clock has jumped far ahead: whoever deletes by age waits. */
    isSettled: (): boolean => monotonic() - jumpedAt >= settlingMs,
    /** Notes what time it is, for the next start; says when the clock has become wrong or right. Call it every minute. */
    keep: (log: Log): void => {
      const at = monotonic()
      const shown = now()
      const ahead = shown - (last.shown + at - last.at)
      if (known && ahead > harmlessJumpMs) {
        jumpedAt = at
        log.warn("clock_jumped", { days: Math.round(ahead / day), now: new Date(shown).toISOString() })
      }
      known = true
      last = { shown, at }
      const isWrong = clock.now() < firstHub
      if (isWrong && !wrong)
        log.warn("clock_lost", {
          shows: new Date(clock.now()).toISOString(),
          instead: new Date(shown).toISOString(),
          remedy: "set this machine's clock, and change its battery",
        })
      if (!isWrong && wrong) log.warn("clock_found", { now: new Date(shown).toISOString() })
      wrong = isWrong
      try {
        writeFileSync(`${path}.new`, `${shown}\n`)
        renameSync(`${path}.new`, path)
      } catch (error) {
        // A full disk has worse to tell; the time of a minute ago will do.
        log.debug("time_not_kept", { error: String(error) })
      }
    },
  }
}

/** The last time that was known; undefined at the first start, or when a power cut has left nothing to be read. */
function readKept(path: string): number | undefined {
  try {
    const ms = Number(readFileSync(path, "utf8"))
    return Number.isSafeInteger(ms) && ms >= firstHub ? ms : undefined
  } catch {
    return undefined
  }
}
