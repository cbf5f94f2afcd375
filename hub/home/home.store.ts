import type { Sqlite } from "#platform/sqlite"
import type { LoopPosition, Sighting } from "./loop.rules.ts"

export type StoredLoop = Sighting & {
  id: string
  kind: string
  job: string | null
  model: string | null
  rollout: string | null
  closedAt: number | null
}

type Row = {
  id: string
  kind: string
  first_seen_at: number
  first_labelled_at: number
  labels: number
  job: string | null
  model: string | null
  rollout: string | null
  closed_at: number | null
}

/** The only SQL of the loops. */
export function createLoopStore(db: Sqlite) {
  const insert = db.prepare(`
    INSERT INTO learning_loop (id, kind, first_seen_at, first_labelled_at, labels, opened_at)
    VALUES ($id, $kind, $firstSeenAt, $firstLabelledAt, $labels, $at)`)
  const sight = db.prepare(`
    UPDATE learning_loop SET first_seen_at = $firstSeenAt, first_labelled_at = $firstLabelledAt, labels = $labels
    WHERE id = $id`)
  const move = db.prepare(
    "UPDATE learning_loop SET job = $job, model = $model, rollout = $rollout, closed_at = $closedAt WHERE id = $id",
  )
  const remove = db.prepare("DELETE FROM learning_loop WHERE id = $id AND closed_at IS NULL")
  const open = db.prepare<Row>(
    "SELECT * FROM learning_loop WHERE closed_at IS NULL ORDER BY first_seen_at, id",
  )
  const newest = db.prepare<Row>(
    "SELECT * FROM learning_loop ORDER BY closed_at IS NOT NULL, closed_at DESC, first_seen_at DESC LIMIT $limit",
  )
  const closed = db.prepare<{ kind: string; at: number }>(
    "SELECT kind, max(closed_at) AS at FROM learning_loop WHERE closed_at IS NOT NULL GROUP BY kind",
  )
  return {
    open: (): StoredLoop[] => open.all().map(loopOf),
    /** Open ones first, then the last closed. */
    newest: (limit: number): StoredLoop[] => newest.all({ limit }).map(loopOf),
    /** When the last loop of each kind closed. */
    closedAt: (): Map<string, number> => new Map(closed.all().map((c) => [c.kind, c.at])),
    insert: (loop: Sighting & { id: string; kind: string; at: number }): void => void insert.run(loop),
    sight: (id: string, sighting: Sighting): void => void sight.run({ id, ...sighting }),
    move: (id: string, { job, model, rollout, closedAt }: Omit<LoopPosition, "stage">): void =>
      void move.run({ id, job, model, rollout, closedAt }),
    remove: (id: string): void => void remove.run({ id }),
  }
}

const loopOf = (row: Row): StoredLoop => ({
  id: row.id,
  kind: row.kind,
  firstSeenAt: row.first_seen_at,
  firstLabelledAt: row.first_labelled_at,
  labels: row.labels,
  job: row.job,
  model: row.model,
  rollout: row.rollout,
  closedAt: row.closed_at,
})
