import type { GroupCommit } from "#platform/group-commit"
import { SQLITE, sqliteCodeOf } from "#platform/sqlite"

/** How often a full disk is asked again. */
const retryMs = 5_000

/** What waits for room, at most; the oldest goes first. It is what stations say of themselves, never a part. */
const mostWaiting = 10_000

/**
 * Writes of what stations say about themselves. On a full disk they wait here and are tried again: an error would make
 * the broker cut the connection, and the station would come back with the same message, for ever. Only the newest write
 * of a key waits.
 */
export function createPatientWrites(commits: GroupCommit) {
  const waiting = new Map<string, () => void>()
  let timer: ReturnType<typeof setTimeout> | undefined

  /** True once it is on disk; false while it waits. Whatever is not the disk's fault rejects. */
  async function write(key: string, work: () => void): Promise<boolean> {
    // In the order they were said: what waits must not overwrite this one later.
    waiting.delete(key)
    try {
      await commits.commit(work)
      return true
    } catch (error) {
      if (!hasNoRoom(error)) throw error
      waiting.set(key, work)
      for (const oldest of waiting.keys()) {
        if (waiting.size <= mostWaiting) break
        waiting.delete(oldest)
      }
      timer ??= setTimeout(() => void retry(), retryMs)
      timer.unref?.()
      return false
    }
  }

  async function retry(): Promise<void> {
    timer = undefined
    for (const [key, work] of [...waiting]) {
      // Newer words of the same key have come meanwhile, and are stored or wait themselves.
      if (waiting.get(key) !== work) continue
      // A write that fails for another reason, or a hub that stops, ends the waiting: the station says it again.
      if (!(await write(key, work).catch(() => true))) return
    }
  }

  return { write }
}

/** A full disk shows as SQLITE_FULL, or as a failed write of the log beside the database. */
function hasNoRoom(error: unknown): boolean {
  const code = (sqliteCodeOf(error) ?? 0) & 0xff
  return code === SQLITE.full || code === SQLITE.ioerr
}
