import { Database } from "bun:sqlite"
import { Problem } from "#contract/problem"
import type { Blobs } from "#platform/blobs"
import { createSqlite, SQLITE, type Sqlite } from "#platform/sqlite"
import type { Random } from "../../../edge/simulator/random.ts"
import type { SimulatedTime } from "./time.ts"

/** What is wrong with a disk now. */
export type DiskTrouble = {
  full: boolean
  /** Commits that fail before one succeeds again; the disk says EIO. */
  failingCommits: number
  /** The power goes at the next commit: before it, or when it is done and nobody has been told. */
  dieAtCommit: "before" | "after" | undefined
  /** Pictures take up to so many milliseconds. */
  slowMs: number
}

export const soundDisk = (): DiskTrouble => ({
  full: false,
  failingCommits: 0,
  dieAtCommit: undefined,
  slowMs: 20,
})

/** One process' view of a disk; what it has not committed is gone when `alive` says no. */
type Owner = { readonly alive: () => boolean; readonly die: () => void }

/** A database in memory that outlives the processes using it. */
export function simulatedDatabase(trouble: DiskTrouble, time: SimulatedTime, random: Random) {
  const database = new Database(":memory:", { strict: true })
  return {
    /** Opens it for one process. */
    open: (owner: Owner): Sqlite =>
      createSqlite({
        prepare: (sql) => {
          const statement = database.prepare(sql)
          return {
            get: (params) => statement.get(params),
            all: (params) => statement.all(params),
            iterate: (params) => statement.iterate(params),
            run: (params) => statement.run(params),
          }
        },
        exec: (sql) => {
          if (sql === "BEGIN IMMEDIATE" && !owner.alive()) throw new Error("this process is dead")
          if (sql !== "COMMIT") return void database.exec(sql)
          const refuse = (code: number, message: string) => {
            database.exec("ROLLBACK")
            throw Object.assign(new Error(message), { name: "SQLiteError", errno: code })
          }
          if (trouble.full) return refuse(SQLITE.full, "database or disk is full")
          if (trouble.failingCommits > 0) {
            trouble.failingCommits -= 1
            return refuse(1034, "disk I/O error")
          }
          const death = trouble.dieAtCommit
          trouble.dieAtCommit = undefined
          if (death !== "before") database.exec("COMMIT")
          else database.exec("ROLLBACK")
          if (death === undefined) return
          owner.die()
          throw new Error("the power went")
        },
        inTransaction: () => database.inTransaction,
        log: {
          // The process may end meanwhile: then nobody hears of it.
          sync: () =>
            new Promise((resolve, reject) => {
              const done = () => {
                if (!owner.alive()) return
                if (trouble.failingCommits === 0) return resolve()
                trouble.failingCommits -= 1
                reject(new Error("EIO: i/o error, fdatasync"))
              }
              if (trouble.slowMs === 0) done()
              else time.after(done, random.between(0, trouble.slowMs))
            }),
          syncNow: () => {
            if (trouble.failingCommits === 0) return
            trouble.failingCommits -= 1
            throw new Error("EIO: i/o error, fdatasync")
          },
          close: () => {},
        },
        close: () => {},
      }),
    /** Looks into it from outside. */
    rows: <Row>(sql: string): Row[] => database.query(sql).all() as Row[],
    close: () => database.close(),
  }
}

/** Stored objects that outlive the processes using them. A put that is under way when its process dies may be there. */
export function simulatedBlobs(trouble: DiskTrouble, time: SimulatedTime, random: Random) {
  const objects = new Map<string, Uint8Array>()
  const open = (owner: Owner): Pick<Blobs, "append" | "pin" | "unpin"> => ({
    pin: () => {},
    unpin: () => {},
    append: (bytes, sha256) =>
      new Promise((resolve, reject) => {
        const kept = bytes.slice()
        time.after(
          () => {
            if (!owner.alive()) {
              if (random.next() < 0.5) objects.set(sha256, kept)
              return
            }
            if (trouble.full) return reject(new Problem("unavailable", "disk_full", "the disk is full"))
            objects.set(sha256, kept)
            resolve(undefined)
          },
          random.between(0, trouble.slowMs),
        )
      }),
  })
  return { objects, open }
}
