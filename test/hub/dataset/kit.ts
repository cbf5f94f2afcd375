import { migrations } from "#platform/migrations"
import type { Sqlite } from "#platform/sqlite"
import { openSqlite } from "#platform/sqlite.bun"

/** An empty hub database; `path` for tests that open it twice. */
export function testDatabase(path = ":memory:"): Sqlite {
  const db = openSqlite(path)
  // A domain that has no tables yet has a migration of comments only, which SQLite takes for no statement.
  for (const { sql } of migrations) if (/^[^-\s]/m.test(sql)) db.exec(sql)
  return db
}
