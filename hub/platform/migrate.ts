import { createHash } from "node:crypto"
import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, statSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import type { Log } from "./log.ts"
import { type OpenSqlite, SQLITE, type Sqlite, sqliteCodeOf } from "./sqlite.ts"
import { StartFailure } from "./start-failure.ts"

export type Migration = { name: string; sql: string }

/** "CRUX" in ASCII, in the file's header: a database of another program is never migrated. */
const APPLICATION_ID = 0x43525558

/** A damaged page is found at start only while a full read is quick; a bigger file is checked by every backup. */
const CHECK_AT_START_BYTES = 64 * 1024 * 1024

/**
 * Opens the hub's database and brings it to the newest schema.
 * An existing database with something to migrate is first copied to `backups`, and the copy verified.
 * Throws StartFailure: data_newer, integrity. Never creates a database where a damaged one lies.
 */
export function openDatabase(options: {
  path: string
  backups: string
  openSqlite: OpenSqlite
  migrations: readonly Migration[]
  now: () => number
  log: Log
}): Sqlite {
  const existed = existsSync(options.path) && statSync(options.path).size > 0
  return guarded(options.path, () => {
    const db = options.openSqlite(options.path)
    try {
      if (existed) checkOwnData(db, options.path)
      migrate({ ...options, db, existed })
      return db
    } catch (error) {
      db.close()
      throw error
    }
  })
}

function checkOwnData(db: Sqlite, path: string): void {
  const id = pragma(db, "application_id")
  // 0 is a file whose very first migration did not get to its end: it has no tables of ours.
  if (id !== APPLICATION_ID && !(id === 0 && tableCount(db) === 0))
    throw new StartFailure(
      "integrity",
      `${path} is not a CRUX database.`,
      "Name the right folder with --data. The file was not changed.",
    )
  if (statSync(path).size > CHECK_AT_START_BYTES) return
  const verdict = pragma(db, "quick_check(1)")
  if (verdict !== "ok") throw damaged(path, verdict)
}

function migrate(options: {
  db: Sqlite
  path: string
  backups: string
  migrations: readonly Migration[]
  existed: boolean
  now: () => number
  log: Log
}): void {
  const { db, migrations, log, now } = options
  const applied = appliedMigrations(db)
  const todo = migrations.slice(applied.length)
  for (const [i, done] of applied.entries()) {
    const known = migrations[i]
    if (!known || known.name !== done.name)
      throw new StartFailure(
        "data_newer",
        `The data was written by a newer CRUX (it knows "${done.name}").`,
        "Start that version again, or restore a backup made by this one. The data was not changed.",
      )
    if (checksum(known.sql) !== done.sha256)
      throw new StartFailure(
        "data_newer",
        `The data was written by another build of CRUX ("${done.name}" differs).`,
        "Start the version that wrote it. The data was not changed.",
      )
  }
  if (todo.length === 0) return
  if (options.existed && applied.length > 0) {
    const copy = verifiedCopy(db, options.path, options.backups, `before-${todo[0]!.name}`, now())
    log.info("database_copied", { copy: basename(copy) })
  }
  for (const [i, { name, sql }] of todo.entries()) {
    db.transaction(() => {
      if (name === migrations[0]?.name) {
        db.exec(`PRAGMA application_id = ${APPLICATION_ID}`)
        db.exec(
          "CREATE TABLE migration (name TEXT PRIMARY KEY, sha256 TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT",
        )
      }
      // user_version lets `file` and other tools tell the schema without opening tables.
      db.exec(`${sql}\n;PRAGMA user_version = ${applied.length + i + 1}`)
      db.prepare("INSERT INTO migration VALUES ($name, $sha256, $now)").run({
        name,
        sha256: checksum(sql),
        now: now(),
      })
    })
    log.info("migrated", { name })
  }
}

function appliedMigrations(db: Sqlite): { name: string; sha256: string }[] {
  const known = db.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'migration'").get()
  if (!known) return []
  return db
    .prepare<{ name: string; sha256: string }>("SELECT name, sha256 FROM migration ORDER BY name")
    .all()
}

/**
 * Copies the live database (VACUUM INTO), syncs it, checks its integrity, and only then gives it its name.
 * Returns the copy's path; a failed copy leaves nothing behind and throws.
 */
function verifiedCopy(db: Sqlite, path: string, folder: string, why: string, now: number): string {
  const stamp = new Date(now).toISOString().replaceAll(/[-:]|\.\d+/g, "")
  const target = join(folder, `${stamp}-${why}.db`)
  const partial = `${target}.partial`
  try {
    rmSync(partial, { force: true })
    db.exec(`VACUUM INTO ${quoted(partial)}`)
    sync(partial)
    db.exec(`ATTACH ${quoted(partial)} AS copy`)
    try {
      const verdict = pragma(db, "copy.integrity_check(1)")
      if (verdict !== "ok") throw damaged(path, verdict)
    } finally {
      db.exec("DETACH copy")
    }
    renameSync(partial, target)
    sync(dirname(target))
  } catch (error) {
    // SQLite keeps a journal of what it could not finish beside it.
    for (const end of ["", "-journal"]) rmSync(partial + end, { force: true })
    throw error
  }
  return target
}

/** SQLite says "malformed" or "not a database" from any statement, the first read included. */
function guarded<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw startFailureOf(path, error)
  }
}

/** An error of the database that keeps a hub from starting, worded for people; any other as it is. */
export function startFailureOf(path: string, error: unknown): unknown {
  const code = (sqliteCodeOf(error) ?? 0) & 0xff
  if (code === SQLITE.corrupt || code === SQLITE.notADatabase) return damaged(path, error)
  if (code === SQLITE.full)
    return new StartFailure("no_space", `The disk of ${path} is full.`, "Free space there.", error)
  if (code === SQLITE.ioerr)
    return new StartFailure(
      "failure",
      `The disk of ${path} refused to write (${error instanceof Error ? error.message : String(error)}).`,
      "Look at the disk and its cable. Start the hub again when it is well: what was acknowledged is stored.",
      error,
    )
  return error
}

function damaged(path: string, cause: unknown): StartFailure {
  return new StartFailure(
    "integrity",
    `The database ${path} is damaged (${cause instanceof Error ? cause.message : String(cause)}).`,
    "Keep the file, and put back the newest copy from the backups folder. Nothing was changed.",
    cause,
  )
}

function pragma(db: Sqlite, name: string) {
  return Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0]
}

function tableCount(db: Sqlite): number {
  return db.prepare<{ n: number }>("SELECT count(*) AS n FROM sqlite_schema").get()?.n ?? 0
}

const checksum = (sql: string) => createHash("sha256").update(sql).digest("hex")
const quoted = (path: string) => `'${path.replaceAll("'", "''")}'`

function sync(path: string): void {
  const fd = openSync(path, "r")
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
