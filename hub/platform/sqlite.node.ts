import { DatabaseSync } from "node:sqlite"
import { openLogFile } from "./sqlite.log.ts"
import { createSqlite, type Sqlite, type SqlParams } from "./sqlite.ts"

/** Opens (or creates) a database file, or `:memory:`, on the driver of Node and Deno. */
export function openSqlite(path: string): Sqlite {
  const database = new DatabaseSync(path, { allowBareNamedParameters: true })
  return createSqlite({
    prepare: (sql) => {
      const statement = database.prepare(sql)
      return {
        get: (params) => statement.get(bindable(params)),
        all: (params) => statement.all(bindable(params)),
        iterate: (params) => statement.iterate(bindable(params)),
        run: (params) => statement.run(bindable(params)),
      }
    },
    exec: (sql) => {
      database.exec(sql)
    },
    inTransaction: () => database.isTransaction,
    log: openLogFile(path),
    close: () => {
      database.close()
    },
  })
}

/** node:sqlite binds every number as REAL, which turns `$n / 2` and `'' || $n` into something else than on Bun. */
function bindable(params: SqlParams) {
  const bound: Record<string, SqlParams[string]> = {}
  for (const [name, value] of Object.entries(params)) {
    bound[name] = Number.isSafeInteger(value) && !Object.is(value, -0) ? BigInt(value as number) : value
  }
  return bound
}
