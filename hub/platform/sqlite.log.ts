import { closeSync, fdatasync, fdatasyncSync, openSync } from "node:fs"
import { dirname } from "node:path"
import { syncDirectory } from "./blobs.files.ts"

/** A database's write-ahead log, to be put on disk without the thread that writes it: SQLite itself would wait. */
export type LogFile = {
  readonly sync: () => Promise<void>
  readonly syncNow: () => void
  readonly close: () => void
}

/**
 * The log of the database at `path`; undefined for one in memory. SQLite makes the file at the first write and keeps it while
 * anybody has the database open. Its locks lie on other files, so opening and closing this one gives none of them up.
 */
export function openLogFile(path: string): LogFile | undefined {
  if (path === ":memory:") return undefined
  let descriptor: number | undefined
  const open = () => {
    descriptor ??= openSync(`${path}-wal`, "r")
    return descriptor
  }
  return {
    sync: async () => {
      // Its name must be on disk before what it holds is called stored.
      if (descriptor === undefined) await syncDirectory(dirname(path))
      await new Promise<void>((resolve, reject) =>
        fdatasync(open(), (error) => (error ? reject(error) : resolve())),
      )
    },
    syncNow: () => fdatasyncSync(open()),
    close: () => {
      if (descriptor !== undefined) closeSync(descriptor)
      descriptor = undefined
    },
  }
}
