import { Problem } from "#contract/problem"
import type { Sqlite } from "./sqlite.ts"

/** Puts the writes of many callers into one transaction, so that they share one sync of the disk. */
export type GroupCommit = {
  /**
   * Runs `work` inside the next common transaction; the promise settles once that is on disk. A `work` that throws
   * undoes only its own writes and rejects only its own promise. It may run twice, so it writes to the database only.
   */
  readonly commit: <T>(work: () => T) => Promise<T>
  /** Commits what waits, and takes nothing more: the database is about to be closed. */
  readonly close: () => Promise<void>
}

type Entry = {
  readonly run: () => void
  readonly settle: () => void
  readonly fail: (cause: unknown) => void
}

/** Shortest and longest time the first caller waits for company. */
const shortestMs = 4
const longestMs = 20
/** A transaction takes in nothing more after this: pages and other messages are served between two of them. */
const busyMs = 10

/**
 * A commit that waits for the disk holds the one thread that also serves sockets: 0.2 ms when idle, 5 ms while pictures are
 * being synced beside it. So transactions run ahead, and their callers are answered after a sync of the log
 * on another thread, which all share that were committed before it began. Callers wait for company twice as long as the
 * last commit took: about a third of the time is spent committing.
 */
export function createGroupCommit({
  sqlite,
  most = 512,
  now = () => performance.now(),
}: {
  sqlite: Sqlite
  most?: number
  /** Milliseconds that only go forward. */
  now?: () => number
}): GroupCommit {
  let entries: Entry[] = []
  let closed = false
  let timer: ReturnType<typeof setTimeout> | undefined
  let lastMs = 0
  /** Whose transaction is over, and whose sync has not begun. */
  let committed: Entry[] = []
  let syncing: Promise<void> | undefined

  const syncAll = async (): Promise<void> => {
    while (committed.length > 0) {
      const batch = committed
      committed = []
      try {
        await sqlite.sync()
        for (const entry of batch) entry.settle()
      } catch (cause) {
        for (const entry of batch) entry.fail(cause)
      }
    }
    syncing = undefined
  }

  /** Runs entries for at most about `busyMs`; how many. */
  const commitSome = (batch: readonly Entry[], onRun: (ran: number) => void): void =>
    sqlite.transactionAhead(() => {
      const until = now() + busyMs
      for (const [i, entry] of batch.entries()) {
        if (i > 0 && now() > until) return
        onRun(i + 1)
        entry.run()
      }
    })

  const flush = () => {
    clearTimeout(timer)
    timer = undefined
    const batch = entries
    entries = []
    let ran = 0
    const start = now()
    try {
      commitSome(batch, (count) => {
        ran = count
      })
      committed.push(...batch.slice(0, ran))
    } catch {
      // Not even begun: none of them can be tried together.
      if (ran === 0) ran = batch.length
      // One of them failed and has undone all. Failing is rare, so only now does each pay for a transaction of its own,
      // in which the failure becomes the answer of the one that caused it.
      for (const entry of batch.slice(0, ran)) {
        try {
          commitSome([entry], () => {})
          committed.push(entry)
        } catch (cause) {
          entry.fail(cause)
        }
      }
    }
    lastMs = now() - start
    if (committed.length > 0) syncing ??= syncAll()
    if (ran === batch.length) return
    entries = [...batch.slice(ran), ...entries]
    timer ??= setTimeout(flush, 0)
  }

  return {
    close: async () => {
      closed = true
      while (entries.length > 0) flush()
      clearTimeout(timer)
      await syncing
    },
    commit: (work) =>
      new Promise((resolve, reject) => {
        if (closed) return reject(new Problem("unavailable", "stopping", "the hub is stopping"))
        let settle: () => void = () => reject(new Error("a group commit ended without running this work"))
        entries.push({
          run: () => {
            const value = work()
            settle = () => resolve(value)
          },
          settle: () => settle(),
          fail: reject,
        })
        if (entries.length >= most) flush()
        else timer ??= setTimeout(flush, Math.min(longestMs, Math.max(shortestMs, 2 * lastMs)))
      }),
  }
}
