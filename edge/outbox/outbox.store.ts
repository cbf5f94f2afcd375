import * as v from "valibot"
import { InspectionHeader } from "#contract/inspection"
import type { Sqlite } from "#platform/sqlite"
import { rankOf, type ShedStep } from "./shedding.rules.ts"

export type OutboxRow = {
  id: string
  state: "encoding" | "ready" | "dead"
  header: string
  images: number
  bytes: number
}
/** `dead`: records the hub has refused; they are not in `depth`. */
type Sums = { depth: number; dead: number; deadBytes: number; bytes: number }

/** No record is put off for longer. */
const longestWaitMs = 10 * 60_000

/** A time farther off than any wait was written before the clock went back: it says nothing any more. */
const isDue = `(due <= $now OR due > $now + ${longestWaitMs})`

/** The only SQL of the outbox. Every function is one statement; callers group them in transactions. */
export function createOutboxStore(sqlite: Sqlite) {
  const takeSeq = sqlite.prepare<{ seq: number }>(
    "UPDATE boot SET seq = seq + 1 WHERE id = $boot RETURNING seq",
  )
  const insert = sqlite.prepare(
    `INSERT INTO outbox (id, boot, seq, ts, rank, image, state, header, bytes)
     VALUES ($id, $boot, $seq, $ts, $rank, $image, $state, $header, $bytes)`,
  )
  const rewrite = sqlite.prepare(
    "UPDATE outbox SET header = $header, rank = $rank, image = $image, bytes = $bytes WHERE id = $id",
  )
  const update = sqlite.prepare(
    `UPDATE outbox SET header = $header, rank = $rank, image = $image, images = $images, bytes = $bytes,
       state = CASE state WHEN 'encoding' THEN 'ready' ELSE state END
     WHERE id = $id`,
  )
  const oldest = sqlite.prepare<OutboxRow>(
    `SELECT id, state, header, images, bytes FROM outbox WHERE state = 'ready' AND ${isDue} ORDER BY n LIMIT $limit`,
  )
  const newest = sqlite.prepare<OutboxRow>(
    `SELECT id, state, header, images, bytes FROM outbox WHERE state = 'ready' AND ${isDue} ORDER BY n DESC LIMIT $limit`,
  )
  const soonest = sqlite.prepare<{ due: number | null }>(
    `SELECT min(due) AS due FROM outbox WHERE state = 'ready' AND NOT ${isDue}`,
  )
  const one = sqlite.prepare<OutboxRow>("SELECT id, state, header, images, bytes FROM outbox WHERE id = $id")
  const remove = sqlite.prepare("DELETE FROM outbox WHERE id = $id")
  const bury = sqlite.prepare(
    "UPDATE outbox SET state = 'dead', code = $code WHERE id = $id AND state <> 'dead'",
  )
  const postpone = sqlite.prepare("UPDATE outbox SET due = $due WHERE id = $id AND state = 'ready'")
  const unfinished = sqlite.prepare<OutboxRow>(
    "SELECT id, state, header, images, bytes FROM outbox WHERE state = 'encoding'",
  )
  const victimWithImage = sqlite.prepare<OutboxRow>(
    `SELECT id, state, header, images, bytes FROM outbox
     WHERE rank = $rank AND image = $image AND images > 0 AND state <> 'encoding' ORDER BY n LIMIT 1`,
  )
  const victim = sqlite.prepare<OutboxRow>(
    `SELECT id, state, header, images, bytes FROM outbox
     WHERE rank = $rank AND state <> 'encoding' ORDER BY n LIMIT 1`,
  )
  const sums = sqlite.prepare<Sums>(
    `SELECT count(*) FILTER (WHERE state <> 'dead') AS depth, count(*) FILTER (WHERE state = 'dead') AS dead,
       coalesce(sum(bytes) FILTER (WHERE state = 'dead'), 0) AS deadBytes, coalesce(sum(bytes), 0) AS bytes
     FROM outbox`,
  )
  const first = sqlite.prepare<{ ts: number }>(
    "SELECT ts FROM outbox WHERE state = $state ORDER BY n LIMIT 1",
  )
  const pictured = sqlite.prepare<OutboxRow>(
    "SELECT id, state, header, images, bytes FROM outbox WHERE images > 0",
  )
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
      const { image } = row.header.policy
      insert.run({ id, boot, seq, ts, rank: row.rank, image, state: row.state, header, bytes: row.bytes })
    },
    /** The record is complete: it may be sent. */
    update: (header: InspectionHeader, bytes: number): void => {
      update.run({ ...columnsOf(header), images: header.parts.length, bytes })
    },
    /** The record still waits, and says more. */
    rewrite: (header: InspectionHeader, bytes: number): void => {
      rewrite.run({ ...columnsOf(header), bytes })
    },
    /** Rows that may go now, `limit` at most. */
    ready: (lane: "oldest" | "newest", now: number, limit: number): OutboxRow[] =>
      (lane === "oldest" ? oldest : newest).all({ now, limit }),
    /** When the first of those that were put off may go; undefined when none was. */
    soonest: (now: number): number | undefined => soonest.get({ now })?.due ?? undefined,
    get: (id: string): OutboxRow | undefined => one.get({ id }),
    remove: (id: string): boolean => remove.run({ id }).changes > 0,
    /** False when it was buried before. */
    bury: (id: string, code: string): boolean => bury.run({ id, code }).changes > 0,
    postpone: (id: string, due: number): void => void postpone.run({ id, due }),
    unfinished: (): OutboxRow[] => unfinished.all(),
    /** The record a step of shedding costs next. */
    victim: (step: ShedStep): OutboxRow | undefined =>
      step.image === null
        ? victim.get({ rank: step.rank })
        : victimWithImage.get({ rank: step.rank, image: step.image }),
    /** Reads every row: for the start only. */
    sums: (): Sums => sums.get()!,
    /** Trigger time of the first record that waits. */
    oldest: (): number | null => {
      const waiting = ["ready", "encoding"].flatMap((state) => first.get({ state })?.ts ?? [])
      return waiting.length === 0 ? null : Math.min(...waiting)
    },
    pictured: (): IterableIterator<OutboxRow> => pictured.iterate(),
    countShed: (kind: string): void => void count.run({ kind }),
    shed: (): Record<string, number> => Object.fromEntries(counts.all().map((row) => [row.kind, row.count])),
  }
}
export type OutboxStore = ReturnType<typeof createOutboxStore>

/** A stored header as it was written; the file is ours, so a mismatch is corruption and throws. */
export function headerOf(row: OutboxRow): InspectionHeader {
  return v.parse(v.pipe(v.string(), v.parseJson(), InspectionHeader), row.header)
}

function columnsOf(header: InspectionHeader) {
  const { id, verdict, policy } = header
  const rank = rankOf(verdict.eval, policy.why_sent)
  return { id, header: JSON.stringify(header), rank, image: policy.image }
}
