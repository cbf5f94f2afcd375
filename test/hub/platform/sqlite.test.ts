import { Database } from "bun:sqlite"
import { afterAll, describe, expect, test } from "bun:test"
import { mkdtempSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { openSqlite } from "../../../hub/platform/sqlite.bun.ts"
import { openLogFile } from "../../../hub/platform/sqlite.log.ts"
import { createSqlite, SQLITE, sqliteCodeOf } from "../../../hub/platform/sqlite.ts"
import { sqliteSuite } from "./sqlite.suite.ts"

describe("SQLite on Bun", () => {
  for (const [name, check] of Object.entries(sqliteSuite)) test(name, () => check(openSqlite))
})

describe("a log that cannot be synced", () => {
  const folder = mkdtempSync(join(tmpdir(), "crux-log-"))
  afterAll(() => rmSync(folder, { recursive: true }))

  /** A database whose syncs fail as often as `trouble` says. */
  function open(name: string) {
    const path = join(folder, name)
    const database = new Database(path, { create: true, strict: true })
    const log = openLogFile(path)
    const trouble = { syncs: 0, syncsNow: 0 }
    const fail = (kind: keyof typeof trouble) => {
      if (trouble[kind] === 0) return
      trouble[kind] -= 1
      throw Object.assign(new Error("EIO: i/o error, fdatasync"), { code: "EIO" })
    }
    const sqlite = createSqlite({
      prepare: (sql) => database.prepare(sql) as never,
      exec: (sql) => void database.exec(sql),
      inTransaction: () => database.inTransaction,
      log: log && {
        ...log,
        sync: async () => {
          fail("syncs")
          await log.sync()
        },
        syncNow: () => {
          fail("syncsNow")
          log.syncNow()
        },
      },
      close: () => database.close(true),
    })
    sqlite.exec("CREATE TABLE note (n INTEGER PRIMARY KEY) STRICT")
    const insert = sqlite.prepare("INSERT INTO note VALUES ($n)")
    return {
      sqlite,
      trouble,
      ahead: (n: number) => sqlite.transactionAhead(() => void insert.run({ n })),
      logBytes: () => statSync(`${path}-wal`).size,
      /** What somebody finds who opens a copy without the log. */
      inFile: () => {
        const other = new Database(path, { readonly: true })
        const rows = other.query("SELECT n FROM note ORDER BY n").all() as { n: number }[]
        other.close()
        return rows.map(({ n }) => n)
      },
    }
  }

  test("is emptied into the database, and the sync has succeeded", async () => {
    const { sqlite, trouble, ahead, logBytes, inFile } = open("emptied.db")
    ahead(1)
    await sqlite.sync()
    expect(logBytes()).toBeGreaterThan(0)
    ahead(2)
    trouble.syncs = 1
    await sqlite.sync()
    expect(logBytes()).toBe(0)
    expect(inFile()).toEqual([1, 2])
    ahead(3)
    await sqlite.sync()
    expect(logBytes()).toBeGreaterThan(0)
    sqlite.close()
  })

  test("lets nothing more be committed until the disk is well again", async () => {
    const { sqlite, trouble, ahead, inFile } = open("refused.db")
    ahead(1)
    Object.assign(trouble, { syncs: 1, syncsNow: 2 })
    const error = await sqlite.sync().catch((cause: unknown) => cause)
    expect(sqliteCodeOf(error)).toBe(SQLITE.ioerr)
    expect(() => ahead(2)).toThrow("could not be synced")
    ahead(3)
    await sqlite.sync()
    expect(inFile()).toEqual([1, 3])
    sqlite.close()
  })

  test("is not waited for by a transaction that runs ahead, and never in the middle of another", async () => {
    const { sqlite, ahead, inFile } = open("ahead.db")
    ahead(1)
    expect(sqlite.prepare("PRAGMA synchronous").get()).toEqual({ synchronous: 2 })
    expect(() => sqlite.transaction(() => ahead(2))).toThrow()
    await sqlite.sync()
    expect(inFile()).toEqual([1])
    sqlite.close()
  })
})
