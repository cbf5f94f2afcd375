import { afterEach, describe, expect, test } from "bun:test"
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { prepareDataFolder } from "../../../hub/platform/data-folder.ts"
import { takeLock } from "../../../hub/platform/lock.ts"
import { createLog } from "../../../hub/platform/log.ts"
import { type Migration, openDatabase } from "../../../hub/platform/migrate.ts"
import { migrations as shipped } from "../../../hub/platform/migrations.ts"
import { openSqlite } from "../../../hub/platform/sqlite.bun.ts"
import type { StartFailure } from "../../../hub/platform/start-failure.ts"

const log = createLog({ level: "error", subject: "test", write: () => {}, now: () => 0 })
const folders: string[] = []
afterEach(() => {
  for (const path of folders.splice(0)) rmSync(path, { recursive: true, force: true })
})

function newFolder() {
  const root = mkdtempSync(join(tmpdir(), "crux-migrate-"))
  folders.push(root)
  return prepareDataFolder(root)
}

const first: Migration = { name: "0001_a", sql: "CREATE TABLE part (id TEXT PRIMARY KEY) STRICT;" }
const second: Migration = { name: "0002_b", sql: "ALTER TABLE part ADD COLUMN lot TEXT;" }
const broken: Migration = {
  name: "0003_c",
  sql: "CREATE TABLE lot (id TEXT); INSERT INTO nowhere VALUES (1);",
}

function open(folder: ReturnType<typeof newFolder>, migrations: Migration[]) {
  return openDatabase({
    path: folder.database,
    backups: folder.backups,
    openSqlite,
    migrations,
    now: () => 1_000,
    log,
  })
}

function failureOf(work: () => unknown): StartFailure {
  try {
    work()
  } catch (error) {
    return error as StartFailure
  }
  throw new Error("it did not fail")
}

describe("the database at start", () => {
  test("a new folder gets every shipped migration, once, and no copy", () => {
    const folder = newFolder()
    open(folder, shipped).close()
    const db = open(folder, shipped)
    expect(db.prepare("SELECT name FROM migration ORDER BY name").all()).toEqual(
      shipped.map(({ name }) => ({ name })),
    )
    db.close()
    expect(readdirSync(folder.backups)).toEqual([])
  })

  test("a migration of existing data makes a copy that holds the data from before", () => {
    const folder = newFolder()
    const old = open(folder, [first])
    old.exec("INSERT INTO part VALUES ('P-1')")
    old.close()
    const db = open(folder, [first, second])
    expect(db.prepare("SELECT id, lot FROM part").all()).toEqual([{ id: "P-1", lot: null }])
    db.close()
    const [copy, ...others] = readdirSync(folder.backups)
    expect(others).toEqual([])
    expect(copy).toBe("19700101T000001Z-before-0002_b.db")
    const before = openSqlite(join(folder.backups, copy!))
    expect(before.prepare("SELECT * FROM part").all()).toEqual([{ id: "P-1" }])
    before.close()
  })

  test("a migration that fails half-way leaves the schema as it was", () => {
    const folder = newFolder()
    open(folder, [first]).close()
    expect(() => open(folder, [first, second, broken])).toThrow("nowhere")
    const db = open(folder, [first, second])
    expect(db.prepare("SELECT name FROM sqlite_schema WHERE name = 'lot'").all()).toEqual([])
    db.close()
  })

  test("data written by a newer program is refused and stays as it is", () => {
    const folder = newFolder()
    open(folder, [first, second]).close()
    const before = readFileSync(folder.database)
    expect(failureOf(() => open(folder, [first]))).toMatchObject({ exit: "data_newer" })
    expect(readFileSync(folder.database).equals(before)).toBe(true)
  })

  test("a released migration that was edited is refused", () => {
    const folder = newFolder()
    open(folder, [first]).close()
    expect(failureOf(() => open(folder, [{ ...first, sql: `${first.sql} -- later` }])).exit).toBe(
      "data_newer",
    )
  })

  test("a file that is no database is an integrity failure and is not overwritten", () => {
    const folder = newFolder()
    const junk = Buffer.alloc(8192, "junk")
    writeFileSync(folder.database, junk)
    expect(failureOf(() => open(folder, [first])).exit).toBe("integrity")
    expect(readFileSync(folder.database).equals(junk)).toBe(true)
  })

  test("a damaged page is an integrity failure", () => {
    const folder = newFolder()
    const db = open(folder, [first])
    for (let i = 0; i < 500; i++) db.exec(`INSERT INTO part VALUES ('part-number-${i}')`)
    db.exec("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    const bytes = readFileSync(folder.database)
    bytes.fill(0x5a, 3 * 4096, 4 * 4096)
    writeFileSync(folder.database, bytes)
    expect(failureOf(() => open(folder, [first])).exit).toBe("integrity")
  })

  test("a database of another program is refused", () => {
    const folder = newFolder()
    const other = openSqlite(folder.database)
    other.exec("CREATE TABLE theirs (x)")
    other.close()
    expect(failureOf(() => open(folder, [first])).exit).toBe("integrity")
  })

  test("images without their database are an integrity failure: a hub never starts empty over evidence", () => {
    const folder = newFolder()
    writeFileSync(join(folder.blobs, "ab"), "image")
    expect(failureOf(() => prepareDataFolder(folder.root)).exit).toBe("integrity")
    expect(existsSync(folder.database)).toBe(false)
  })
})

describe("one hub per data folder", () => {
  test("a second holder is refused by name, and may take over after release", () => {
    const folder = newFolder()
    const lock = takeLock(folder.lock, openSqlite, 1)
    const refusal = failureOf(() => takeLock(folder.lock, openSqlite, 2))
    expect(refusal.exit).toBe("already_running")
    expect(refusal.message).toContain(String(process.pid))
    lock.release()
    takeLock(folder.lock, openSqlite, 3).release()
  })

  test("the lock of a killed process is free at once", async () => {
    const folder = newFolder()
    const script = `
      import { takeLock } from "${import.meta.dir}/../../../hub/platform/lock.ts"
      import { openSqlite } from "${import.meta.dir}/../../../hub/platform/sqlite.bun.ts"
      takeLock(${JSON.stringify(folder.lock)}, openSqlite, 1)
      console.log("held")
      setInterval(() => {}, 1000)`
    const child = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe", stderr: "inherit" })
    const { value } = await child.stdout.getReader().read()
    expect(new TextDecoder().decode(value)).toContain("held")
    const refusal = failureOf(() => takeLock(folder.lock, openSqlite, 2))
    expect(refusal.message).toContain(String(child.pid))
    child.kill("SIGKILL")
    await child.exited
    takeLock(folder.lock, openSqlite, 3).release()
  })
})
