import { Problem } from "#contract/problem"
import type { Clock } from "#platform/clock"
import type { Sqlite } from "#platform/sqlite"
import type { SessionsStore } from "./sessions.store.ts"
import { afterFailure, FREE_TRIES_PER_ADDRESS, waitBeforeTry } from "./users.rules.ts"

export type Throttle = {
  /**
   * Books a try of `name` from `ip` as failed before it is looked at, so that parallel guesses count too.
   * Throws `rate_limited`. Call the result when the try succeeded.
   */
  book(name: string, ip: string): () => void
}

/** Slows guessing per name and address, and per address alone; kept on disk, so a restart gives no fresh tries. */
export function createThrottle({
  db,
  store,
  clock,
}: {
  db: Sqlite
  store: SessionsStore
  clock: Clock
}): Throttle {
  return {
    book(name, ip) {
      const pair = `${name}|${ip}`
      const address = `|${ip}`
      const now = clock.now()
      return db.transaction(() => {
        const known = { pair: store.failures(pair), address: store.failures(address) }
        const wait = Math.max(
          waitBeforeTry(known.pair, now),
          waitBeforeTry(known.address, now, FREE_TRIES_PER_ADDRESS),
        )
        if (wait > 0) {
          const seconds = Math.ceil(wait / 1000)
          throw new Problem("rate_limited", "too_many_tries", `too many tries; wait ${seconds} s`, {
            seconds,
          })
        }
        store.putFailures(pair, afterFailure(known.pair, now))
        store.putFailures(address, afterFailure(known.address, now))
        return () =>
          db.transaction(() => {
            store.forgetFailures(pair)
            const count = store.failures(address)
            if (count) store.putFailures(address, { ...count, failures: Math.max(0, count.failures - 1) })
          })
      })
    },
  }
}
