import { openSqlite } from "../../hub/platform/sqlite.node.ts"
import { sqliteSuite } from "../hub/platform/sqlite.suite.ts"

/** Runs the SQLite suite on node:sqlite; one JSON line per check. Started by sqlite.test.ts, or by hand. */
for (const [name, check] of Object.entries(sqliteSuite)) {
  try {
    check(openSqlite)
    console.log(JSON.stringify({ name }))
  } catch (error) {
    console.log(JSON.stringify({ name, error: error instanceof Error ? error.message : String(error) }))
  }
}
