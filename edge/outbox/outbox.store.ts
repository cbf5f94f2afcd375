import * as v from "valibot"
import { InspectionHeader } from "#contract/inspection"
import type { Sqlite } from "#platform/sqlite"
import type { ShedStep } from "./shedding.rules.ts"

export type OutboxRow = {
  id: string
  header: string
  images: number
  bytes: number
}
export type OutboxTotals = { depth: number; bytes: number; oldest: number | null }

/** The only SQL of the outbox. Every function is one statement; callers group them in transactions. */
export function createOutboxStore(sqlite: Sqlite) {
  const takeSeq = sqlite.prepare<{ seq: number }>(
    "UPDATE boot SET seq = seq + 1 WHERE id = $boot RETURNING seq",
  )
  const insert = sqlite.prepare(
    `INSERT INTO outbox (id, boot, seq, ts, rank, state, header, bytes)
     VALUES ($id, $boot, $seq, $ts, $rank, $state, $header, $bytes)`,
  )
  const update = sqlite.prepare(
    `UPDATE outbox SET header = $header, images = $images, bytes = $bytes,
       state = CASE state WHEN 'encoding' THEN 'ready' ELSE state END
     WHERE id = $id`,
  )
  const oldest = sqlite.prepare<OutboxRow>(
    "SELECT id, header, images, bytes FROM outbox WHERE state = 'ready' AND due <= $now ORDER BY n LIMIT $limit",
  )
  const newest = sqlite.prepare<OutboxRow>(
    "SELECT id, header, images, bytes FROM outbox WHERE state = 'ready' AND due <= $now ORDER BY n DESC LIMIT $limit",
  )
  const one = sqlite.prepare<OutboxRow>("SELECT id, header, images, bytes FROM outbox WHERE id = $id")
  const remove = sqlite.prepare("DELETE FROM outbox WHERE id = $id")
  const bury = sqlite.prepare("UPDATE outbox SET state = 'dead', code = $code WHERE id = $id")
  const postpone = sqlite.prepare("UPDATE outbox SET due = $due WHERE id = $id AND state = 'ready'")
  const unfinished = sqlite.prepare<OutboxRow>(
    "SELECT id, header, images, bytes FROM outbox WHERE state = 'encoding'",
  )
  const victimWithImage = sqlite.prepare<OutboxRow>(
    `SELECT id, header, images, bytes FROM outbox
     WHERE rank = $rank AND images > 0 AND state <> 'encoding' ORDER BY n LIMIT 1`,
  )
  const victim = sqlite.prepare<OutboxRow>(
    `SELECT id, header, images, bytes FROM outbox
     WHERE rank = $rank AND state <> 'encoding' ORDER BY n LIMIT 1`,
  )
  const totals = sqlite.prepare<OutboxTotals>(
    `SELECT count(*) AS depth, coalesce(sum(bytes), 0) AS bytes, min(ts) AS oldest
     FROM outbox WHERE state <> 'dead'`,
  )
  const allBytes = sqlite.prepare<{ bytes: number }>("SELECT coalesce(sum(bytes), 0) AS bytes FROM outbox")
  const ids = sqlite.prepare<{ id: string }>("SELECT id FROM outbox WHERE images > 0")
  const count = sqlite.prepare(
    `INSERT INTO shed (kind, count) VALUES ($kind, 1) ON CONFLICT (kind) DO UPDATE SET count = count + 1`,
  )
  const counts = sqlite.prepare<{ kind: string; count: number }>("SELECT kind, count FROM shed")

  return {
    /** The next number of this boot; gap-free because it commits together with the row that carries it. */
    takeSeq: (boot: string): number => {
      const row = takeSeq.get({ boot })
      if (!row) throw new Error(`boot ${boot} was never registered`)
      return row.seq
    },
    insert: (row: {
      header: InspectionHeader
      rank: number
      state: "encoding" | "ready"
      bytes: number
    }): void => {
      const { id, boot, seq, ts } = row.header
      const header = JSON.stringify(row.header)
      insert.run({ id, boot, seq, ts, rank: row.rank, state: row.state, header, bytes: row.bytes })
    },
    update: (header: InspectionHeader, bytes: number): void => {
      update.run({
        id: header.id,
        header: JSON.stringify(header),
        images: header.parts.length,
        bytes,
      })
    },
    /** Rows that may go now, `limit` at most. */
    ready: (lane: "oldest" | "newest", now: number, limit: number): OutboxRow[] =>
      (lane === "oldest" ? oldest : newest).all({ now, limit }),
    get: (id: string): OutboxRow | undefined => one.get({ id }),
    remove: (id: string): boolean => remove.run({ id }).changes > 0,
    bury: (id: string, code: string): void => void bury.run({ id, code }),
    postpone: (id: string, due: number): void => void postpone.run({ id, due }),
    unfinished: (): OutboxRow[] => unfinished.all(),
    victim: (step: ShedStep): OutboxRow | undefined =>
      (step.whole ? victim : victimWithImage).get({ rank: step.rank }),
    totals: (): OutboxTotals => totals.get() ?? { depth: 0, bytes: 0, oldest: null },
    allBytes: (): number => allBytes.get()?.bytes ?? 0,
    idsWithImages: (): Set<string> => new Set(ids.all().map((row) => row.id)),
    countShed: (kind: string): void => void count.run({ kind }),
    shed: (): Record<string, number> => Object.fromEntries(counts.all().map((row) => [row.kind, row.count])),
  }
}
export type OutboxStore = ReturnType<typeof createOutboxStore>

/** A stored header as it was written; the file is ours, so a mismatch is corruption and throws. */
export function headerOf(row: OutboxRow): InspectionHeader {
  return v.parse(v.pipe(v.string(), v.parseJson(), InspectionHeader), row.header)
}
