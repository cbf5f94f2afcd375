import { type OpenSqlite, SQLITE, type Sqlite, sqliteCodeOf } from "./sqlite.ts"
import { StartFailure } from "./start-failure.ts"

export type Lock = { release(): void }

/**
 * Makes this process the only one of its `program` on a data folder, or throws StartFailure `already_running`.
 *
 * The lock is an open write transaction on a small SQLite file: the kernel drops it when the process dies, however
 * it dies, so there is no stale lock to judge and no process id to mistake for another's.
 */
export function takeLock(path: string, openSqlite: OpenSqlite, now: number, program = "hub"): Lock {
  let db: Sqlite | undefined
  try {
    db = openSqlite(path)
    // A second start must be answered now, not after the port's busy timeout.
    db.exec("PRAGMA busy_timeout = 0")
    db.exec(
      "CREATE TABLE IF NOT EXISTS holder (one INTEGER PRIMARY KEY CHECK (one = 1), pid INTEGER, since INTEGER)",
    )
    db.prepare("INSERT OR REPLACE INTO holder VALUES (1, $pid, $now)").run({ pid: process.pid, now })
    // Committed above, so that the refused one can say who holds it; another start may win here, then it is the holder.
    db.exec("BEGIN IMMEDIATE")
  } catch (error) {
    const pid = holderOf(db)
    db?.close()
    if (((sqliteCodeOf(error) ?? 0) & 0xff) !== SQLITE.busy) throw error
    throw new StartFailure(
      "already_running",
      `Another ${program}${pid === undefined ? "" : ` (process ${pid})`} is running on this data folder.`,
      "Stop it first, or name another folder with --data. Its data was not touched.",
      error,
    )
  }
  const held = db
  return {
    release() {
      held.exec("ROLLBACK")
      held.close()
    },
  }
}

function holderOf(db: Sqlite | undefined): number | undefined {
  try {
    return db?.prepare<{ pid: number }>("SELECT pid FROM holder").get()?.pid
  } catch (error) {
    // The table is made by the first holder in its first moment; not knowing the process is no reason to hide the lock.
    if (sqliteCodeOf(error) === undefined) throw error
    return undefined
  }
}
