import { existsSync } from "node:fs"
import { join } from "node:path"
import type { InspectionHeader } from "#contract/inspection"
import { openBlobs } from "#platform/blobs"
import { openSqlite } from "#platform/sqlite.bun"
import { createInspectionStore } from "../../hub/inspection/inspection.store.ts"
import type { Ledger } from "./ledger.ts"

export type Finding = {
  readonly acknowledged: number
  readonly stored: number
  readonly lost: number
  readonly duplicates: number
  readonly problems: readonly string[]
}

/**
 * What must hold after every fault: each acknowledged inspection is in the database with pictures whose digests match,
 * nothing is there twice, nothing is there that nobody made, no row lacks its picture, and what is not acknowledged is
 * in the outbox of its station (`held`, the ids that lie there). Looks at the data folder of a hub that does not run.
 */
export async function examine(data: string, ledger: Ledger, held?: ReadonlySet<string>): Promise<Finding> {
  const problems = [...ledger.wrongAnswers]
  if (!existsSync(join(data, "hub.db"))) {
    const lost = ledger.acknowledged()
    return { acknowledged: lost, stored: 0, lost, duplicates: 0, problems: ["there is no database"] }
  }
  const db = openSqlite(join(data, "hub.db"))
  const blobs = await openBlobs({ dataDir: data })
  blobs.attach(createInspectionStore({ sqlite: db }).place)
  try {
    const rows = db
      .prepare<{ id: string; device_id: string; part_id: string | null; header: string }>(
        "SELECT id, device_id, part_id, header FROM inspection",
      )
      .all()
    const verdict = Object.values(db.prepare("PRAGMA integrity_check").get() ?? {})[0]
    if (verdict !== "ok") problems.push(`the database is damaged: ${verdict}`)

    const intact = new Map<string, boolean>()
    const isIntact = async (sha256: string) => {
      const known = intact.get(sha256)
      if (known !== undefined) return known
      const answer = await blobs.verify(sha256).catch(() => false)
      intact.set(sha256, answer)
      return answer
    }

    const stored = new Set<string>()
    const parts = new Map<string, number>()
    for (const row of rows) {
      const made = ledger.entries.get(row.id)
      const part = `${row.device_id}/${row.part_id}`
      parts.set(part, (parts.get(part) ?? 0) + 1)
      if (!made) {
        problems.push(`${row.id} is stored, but nobody has made it`)
        continue
      }
      if (made.device !== row.device_id || made.partId !== row.part_id)
        problems.push(`${row.id} is stored as another part than it is`)
      const header = JSON.parse(row.header) as InspectionHeader
      const images = header.parts.map((one) => one.sha256)
      const complete = (await Promise.all(images.map(isIntact))).every(Boolean)
      if (!complete) problems.push(`${row.id} is stored, but its picture is missing or damaged`)
      if (images.some((sha256) => sha256 !== made.image))
        problems.push(`${row.id} is stored with another picture`)
      // A station short of space may send the record alone; then no picture was acknowledged.
      if (complete) stored.add(row.id)
    }

    let lost = 0
    for (const [id, { acknowledged }] of ledger.entries) {
      if (stored.has(id)) continue
      if (acknowledged) {
        lost += 1
        problems.push(`${id} was acknowledged and is not stored`)
      } else if (held && !held.has(id)) {
        lost += 1
        problems.push(`${id} is neither stored nor in the outbox of its station`)
      }
    }
    const duplicates = parts.values().reduce((sum, count) => sum + count - 1, 0)
    if (duplicates > 0) problems.push(`${duplicates} parts are stored twice`)
    return { acknowledged: ledger.acknowledged(), stored: stored.size, lost, duplicates, problems }
  } finally {
    db.close()
    await blobs.close()
  }
}
