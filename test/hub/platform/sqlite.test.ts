import { describe, test } from "bun:test"
import { openSqlite } from "../../../hub/platform/sqlite.bun.ts"
import { sqliteSuite } from "./sqlite.suite.ts"

describe("SQLite on Bun", () => {
  for (const [name, check] of Object.entries(sqliteSuite)) test(name, () => check(openSqlite))
})
