import { randomBytes } from "node:crypto"
import { join } from "node:path"
import { openBlobs, sha256Of } from "#platform/blobs"
import { openSqlite } from "../../hub/platform/sqlite.bun.ts"

/**
 * What this disk does at best: `disk.child.ts DATA SIZE COUNT CONCURRENCY`. Images are appended to packs and synced, rows
 * are committed with full sync, each together with what else waits. No MQTT, no frames, no rules.
 * Prints { seconds }.
 */
const [data = "", size = "2048", count = "1000", concurrency = "40"] = process.argv.slice(2)
const blobs = await openBlobs({ dataDir: data })
const db = openSqlite(join(data, "raw.db"))
db.exec("CREATE TABLE row (id TEXT PRIMARY KEY, header TEXT NOT NULL) STRICT")
const insert = db.prepare("INSERT INTO row VALUES ($id, $header)")
const header = "x".repeat(600)
const images = Array.from({ length: Number(count) }, () => randomBytes(Number(size)))

const waiting: { id: string; done: () => void }[] = []
const flush = () => {
  const batch = waiting.splice(0)
  db.transaction(() => {
    for (const { id } of batch) insert.run({ id, header })
  })
  for (const { done } of batch) done()
}
const commit = (id: string) =>
  new Promise<void>((done) => {
    waiting.push({ id, done })
    if (waiting.length === 1) setTimeout(flush, 2)
  })

const start = performance.now()
const left = images.values()
await Promise.all(
  Array.from({ length: Number(concurrency) }, async () => {
    for (const image of left) {
      await blobs.append(image, sha256Of(image))
      await commit(crypto.randomUUID())
    }
  }),
)
console.log(JSON.stringify({ seconds: (performance.now() - start) / 1000 }))
db.close()
await blobs.close()
