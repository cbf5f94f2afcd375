import { Database } from "bun:sqlite"
import { openSync, renameSync, writeFileSync, writeSync } from "node:fs"
import { join } from "node:path"

/**
 * A program that is as careful as its second argument says: `full` and `normal` are SQLite's own levels, `rename` puts
 * a file into place without syncing it. It claims in `marks` what it believes to be on disk.
 */
const [folder = "", care = "full"] = process.argv.slice(2)
const marks = openSync(join(folder, "marks"), "a")
const db = new Database(join(folder, "some.db"))
if (care !== "rename")
  db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${care}; CREATE TABLE part (n INTEGER)`)
for (let n = 1; n <= 60; n++) {
  if (care === "rename") {
    writeFileSync(join(folder, "new"), `part ${n} `.repeat(200))
    renameSync(join(folder, "new"), join(folder, `part-${n}`))
  } else db.exec(`INSERT INTO part VALUES (${n})`)
  writeSync(marks, `${n}\n`)
}
