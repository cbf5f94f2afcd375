import { Database } from "bun:sqlite"
import { openLogFile } from "./sqlite.log.ts"
import { createSqlite, type Sqlite } from "./sqlite.ts"

/** Opens (or creates) a database file, or `:memory:`, on Bun's driver. */
export function openSqlite(path: string): Sqlite {
  // `strict` lets parameters be given by bare name.
  const database = new Database(path, { create: true, readwrite: true, strict: true })
  return createSqlite({
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
      database.exec(sql)
    },
    inTransaction: () => database.inTransaction,
    log: openLogFile(path),
    close: () => {
      // `true`: a close that fails must not be silent, the last checkpoint is part of it.
      database.close(true)
    },
  })
}
