import { Problem } from "#contract/problem"
import type { Sqlite } from "./sqlite.ts"

/** Puts the writes of many callers into one transaction, so that they share one sync of the disk. */
export type GroupCommit = {
  /**
   * Runs `work` inside the next common transaction; the promise settles once that is on disk. A `work` that throws
   * undoes only its own writes and rejects only its own promise.
   */
  readonly commit: <T>(work: () => T) => Promise<T>
  /** Commits what waits, and takes nothing more: the database is about to be closed. */
  readonly close: () => void
}

type Entry = {
  readonly run: () => void
  readonly settle: () => void
  readonly fail: (cause: unknown) => void
}

/**
 * `windowMs`: how long the first caller waits for company. A FULL commit costs 0.2 to 1 ms of the one thread that also
 * serves sockets, so at 2,000 writes a second a commit each would leave no time for anything else.
 */
export function createGroupCommit({
  sqlite,
  windowMs = 2,
  most = 256,
}: {
  sqlite: Sqlite
  windowMs?: number
  most?: number
}): GroupCommit {
  let entries: Entry[] = []
  let closed = false
  let timer: ReturnType<typeof setTimeout> | undefined

  const flush = () => {
    clearTimeout(timer)
    timer = undefined
    const batch = entries
    entries = []
    try {
      sqlite.transaction(() => {
        for (const entry of batch) entry.run()
      })
    } catch (cause) {
      for (const entry of batch) entry.fail(cause)
      return
    }
    for (const entry of batch) entry.settle()
  }

  return {
    close: () => {
      if (entries.length > 0) flush()
      closed = true
    },
    commit: (work) =>
      new Promise((resolve, reject) => {
        if (closed) return reject(new Problem("unavailable", "stopping", "the hub is stopping"))
        let outcome: () => void = () => reject(new Error("a group commit ended without running this work"))
        entries.push({
          run: () => {
            try {
              const value = sqlite.transaction(work)
              outcome = () => resolve(value)
            } catch (cause) {
              outcome = () => reject(cause)
            }
          },
          settle: () => outcome(),
          fail: reject,
        })
        if (entries.length >= most) flush()
        else timer ??= setTimeout(flush, windowMs)
      }),
  }
}
