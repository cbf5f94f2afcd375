import type { LogFile } from "./sqlite.log.ts"

/**
 * The SQLite port. Bun and Node/Deno ship different drivers that disagree in quiet ways (measured, Bun 1.4.5 and
 * Deno 2.9.6): a missing parameter throws on one and is NULL on the other, an unknown one the other way round,
 * numbers bind as INTEGER on one and as REAL on the other, no row is null here and undefined there. The port removes
 * the differences, so that a store behaves the same wherever it runs.
 */
export type SqlValue = null | number | bigint | string | Uint8Array
export type SqlParams = Readonly<Record<string, SqlValue>>
export type SqlRow = Record<string, SqlValue>

/** One prepared statement; parameters are written `$name` in SQL and given by bare name, all of them, no others. */
export type Statement<Row> = {
  readonly get: (params?: SqlParams) => Row | undefined
  readonly all: (params?: SqlParams) => Row[]
  /** Rows one by one, for results that must not be in memory at once. No other statement may run meanwhile. */
  readonly iterate: (params?: SqlParams) => IterableIterator<Row>
  readonly run: (params?: SqlParams) => { readonly changes: number }
}

export type Sqlite = {
  /** Compiles one statement; a typo in SQL throws here, so prepare at construction. Integers beyond 2^53 do not fit. */
  readonly prepare: <Row = SqlRow>(sql: string) => Statement<Row>
  /**
   * The same, compiled once for each text: for SQL put together from a few pieces while somebody waits. Values are
   * parameters, so that texts come again; the ones longest unused are forgotten.
   */
  readonly cached: <Row = SqlRow>(sql: string) => Statement<Row>
  /** Runs one or more statements without parameters. */
  readonly exec: (sql: string) => void
  /**
   * Runs `work` in one transaction: all or nothing, on disk when this returns. Nested calls become savepoints.
   * `work` is synchronous, so no other code of this process can run between its statements.
   */
  readonly transaction: <T>(work: () => T) => T
  /**
   * The same at a fraction of the time, as the disk is not waited for: whole or not at all after a power cut, but there
   * for certain only once a `sync` that began later has resolved, or another `transaction` is over. Not inside one.
   */
  readonly transactionAhead: <T>(work: () => T) => T
  /** Puts what has been committed on disk, while others work. Rejects when nobody can say whether it is there. */
  readonly sync: () => Promise<void>
  readonly close: () => void
}

/** Opens (or creates) a database file; `sqlite.bun.ts` and `sqlite.node.ts` export one each. */
export type OpenSqlite = (path: string) => Sqlite

/** What a runtime's driver has to offer; `sqlite.bun.ts` and `sqlite.node.ts` do. */
export type SqliteDriver = {
  readonly prepare: (sql: string) => {
    readonly get: (params: SqlParams) => unknown
    readonly all: (params: SqlParams) => unknown[]
    readonly iterate: (params: SqlParams) => IterableIterator<unknown>
    readonly run: (params: SqlParams) => { readonly changes: number | bigint }
  }
  readonly exec: (sql: string) => void
  readonly inTransaction: () => boolean
  /** The write-ahead log on disk; undefined for a database in memory. */
  readonly log: LogFile | undefined
  readonly close: () => void
}

/** 3.7.0 to 3.51.2 can corrupt a WAL database when two connections write and checkpoint at the same instant. */
const OLDEST_SQLITE = "3.51.3"

/** What was committed may not be on disk. SQLite's own word for it, so that whoever knows that one knows this. */
class LogNotSynced extends Error {
  readonly errcode = SQLITE.ioerr
  constructor(cause: unknown) {
    super("the database's log could not be synced", { cause })
  }
}

/** Value each pragma must report back: an unknown pragma is silently ignored by SQLite, so asking is the only proof. */
const PRAGMAS: readonly (readonly [name: string, set: string, reports: number | string])[] = [
  // An acknowledgement means on disk: FULL syncs the WAL on every commit.
  ["journal_mode", "WAL", "wal"],
  ["synchronous", "FULL", 2],
  ["foreign_keys", "ON", 1],
  // A tampered file must not run functions from its schema, nor bring torn cells into our answers.
  ["trusted_schema", "OFF", 0],
  ["cell_size_check", "ON", 1],
  ["busy_timeout", "5000", 5000],
  // Pages that many inspections change are written back once, every 48 MB of log. Most of that time is two syncs, however
  // many pages there are, and everything waits meanwhile.
  ["wal_autocheckpoint", "12000", 12000],
  // KiB, below zero. The upper pages of all indexes that an inspection goes into.
  ["cache_size", "-16000", -16000],
]

/** This SQLite, or this file's place, cannot keep the durability promise. Ends the program with the config exit code. */
export class SqliteUnfit extends Error {
  readonly exit = "config"
}

/** Texts whose statements are kept at most. */
const mostCached = 200

/** Wraps a runtime's driver: checks the version, sets and verifies the pragmas, unifies the behaviour. */
export function createSqlite(driver: SqliteDriver): Sqlite {
  const { version } = driver.prepare("SELECT sqlite_version() AS version").get({}) as { version: string }
  if (compareVersions(version, OLDEST_SQLITE) < 0) {
    throw new SqliteUnfit(
      `SQLite ${version} can corrupt data under load; ${OLDEST_SQLITE} or newer is needed.`,
    )
  }
  setPragmas(driver)

  let depth = 0
  /** A sync of the log has failed, and nothing has been made good since. */
  let doubted = false

  /**
   * After a failed sync the system may call clean what never reached the disk, and the next sync would say nothing. So the
   * database takes over all the log holds, and the log begins anew. Throws while the disk lets neither happen.
   */
  const makeGood = (): void => {
    try {
      const [busy] = Object.values(driver.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get({}) as SqlRow)
      if (busy !== 0) throw new Error("the log is being read")
      driver.log?.syncNow()
      doubted = false
    } catch (cause) {
      throw new LogNotSynced(cause)
    }
  }

  const sync = async (): Promise<void> => {
    if (!doubted)
      try {
        return await driver.log?.sync()
      } catch {
        doubted = true
      }
    makeGood()
  }

  const transaction = <T>(work: () => T): T => {
    const level = depth
    if (doubted && level === 0) makeGood()
    // IMMEDIATE takes the write lock at once: a later upgrade could fail with BUSY half-way through the work.
    driver.exec(level === 0 ? "BEGIN IMMEDIATE" : `SAVEPOINT s${level}`)
    depth = level + 1
    try {
      const result = work()
      if (result instanceof Promise)
        throw new TypeError("The work of a transaction must not be asynchronous.")
      driver.exec(level === 0 ? "COMMIT" : `RELEASE s${level}`)
      return result
    } catch (error) {
      // SQLite rolls back by itself on a full disk and on I/O errors; a second ROLLBACK would hide the first error.
      if (driver.inTransaction())
        driver.exec(level === 0 ? "ROLLBACK" : `ROLLBACK TO s${level}; RELEASE s${level}`)
      throw error
    } finally {
      depth = level
    }
  }

  const transactionAhead = <T>(work: () => T): T => {
    if (depth > 0) throw new Error("a transaction that runs ahead of the disk is nobody's part")
    // What a statement with triggers has changed so far is kept until it is over: in a file, it took a quarter of the time.
    driver.exec("PRAGMA synchronous = NORMAL; PRAGMA temp_store = MEMORY")
    try {
      return transaction(work)
    } finally {
      // Long sorts of everybody else may go to a file.
      driver.exec("PRAGMA synchronous = FULL; PRAGMA temp_store = DEFAULT")
    }
  }

  const known = new Map<string, Statement<unknown>>()
  const cached = (sql: string): Statement<unknown> => {
    const statement = known.get(sql) ?? strictStatement(driver, sql)
    // A map keeps the order in which keys came: what is asked for moves to its end.
    known.delete(sql)
    if (known.size >= mostCached) known.delete(known.keys().next().value ?? "")
    known.set(sql, statement)
    return statement
  }

  return {
    prepare: <Row>(sql: string) => strictStatement(driver, sql) as Statement<Row>,
    cached: <Row>(sql: string) => cached(sql) as Statement<Row>,
    exec: driver.exec,
    close: () => {
      driver.close()
      driver.log?.close()
    },
    transaction,
    transactionAhead,
    sync,
  }
}

function setPragmas(driver: SqliteDriver): void {
  for (const [name, set, reports] of PRAGMAS) {
    driver.exec(`PRAGMA ${name} = ${set}`)
    const row = driver.prepare(`PRAGMA ${name}`).get({}) as Record<string, SqlValue>
    const got = Object.values(row)[0]
    // A database in memory has no WAL, and nothing to lose.
    if (got === reports || (name === "journal_mode" && got === "memory")) continue
    throw new SqliteUnfit(`SQLite did not accept ${name} = ${set} (it says ${got}); is this a network drive?`)
  }
}

function strictStatement(driver: SqliteDriver, sql: string): Statement<unknown> {
  const statement = driver.prepare(sql)
  const names = [...parameterNames(sql)]
  // Every statement of every inspection comes through here.
  const checked = (params: SqlParams = {}) => {
    for (const name of names) {
      const type = typeof params[name]
      if (type === "undefined" || type === "boolean") {
        throw new TypeError(`SQL parameter $${name} must not be ${type}: ${sql}`)
      }
    }
    // All names are there, so only a longer list holds a foreign one.
    const given = Object.keys(params)
    if (given.length === names.length) return params
    const foreign = given.find((name) => !names.includes(name))
    throw new TypeError(`SQL parameter $${foreign} is not in: ${sql}`)
  }
  return {
    // bun:sqlite says null for no row.
    get: (params) => statement.get(checked(params)) ?? undefined,
    all: (params) => statement.all(checked(params)),
    iterate: (params) => statement.iterate(checked(params)),
    run: (params) => ({ changes: Number(statement.run(checked(params)).changes) }),
  }
}

/** Text and comments first, so that a `$` or `?` inside them is not taken for a parameter. */
const SQL_TOKEN = /'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\/|\$(\w+)|([?:@]\w*)/g

function parameterNames(sql: string): ReadonlySet<string> {
  const names = new Set<string>()
  for (const [, name, foreign] of sql.matchAll(SQL_TOKEN)) {
    if (foreign) throw new TypeError(`SQL parameters are written $name, not ${foreign}: ${sql}`)
    if (name) names.add(name)
  }
  return names
}

/** SQLite's result codes (sqlite.org/rescode.html) that a store reacts to. */
export const SQLITE = {
  busy: 5,
  ioerr: 10,
  corrupt: 11,
  full: 13,
  notADatabase: 26,
  constraintCheck: 275,
  constraintForeignKey: 787,
  constraintPrimaryKey: 1555,
  constraintUnique: 2067,
} as const

/** The extended result code of an error thrown by either driver; undefined when it is not from SQLite. */
export function sqliteCodeOf(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined
  if ("errcode" in error && typeof error.errcode === "number") return error.errcode
  // bun:sqlite's errno is SQLite's code; a system error's errno is negative.
  if (error.name === "SQLiteError" && "errno" in error && typeof error.errno === "number") return error.errno
  return undefined
}

function compareVersions(a: string, b: string): number {
  const [left, right] = [a.split(".").map(Number), b.split(".").map(Number)]
  for (let i = 0; i < 3; i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}
