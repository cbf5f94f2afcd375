import type { Doubt } from "#contract/review"
import type { Sqlite } from "#platform/sqlite"

type Row = { job: string; said: string; p_said: number; p_given: number; at: number }
/** A doubted label beside the one a reviewer put in its place, or let stand. */
export type LookedAt = {
  outcome: "accepted" | "fixed"
  verdict: string
  kinds: string
  now_verdict: string
  now_kinds: string
}

/** The SQL of the table `label_suspect`. */
export function createSuspectStore(db: Sqlite) {
  const insert = db.prepare(
    `INSERT INTO label_suspect VALUES ($inspection, $revision, $job, $said, $p_said, $p_given, $at)
     ON CONFLICT DO NOTHING`,
  )
  const find = db.prepare<Row>(
    `SELECT job, said, p_said, p_given, at FROM label_suspect
     WHERE inspection_id = $inspection AND revision = $revision`,
  )
  // A fix is a label by the review's own id; an accepted label stands as it was.
  const lookedAt = db.prepare<LookedAt>(
    `SELECT r.outcome, l.verdict, l.kinds, coalesce(f.verdict, l.verdict) AS now_verdict,
       coalesce(f.kinds, l.kinds) AS now_kinds
     FROM label_suspect s
     JOIN label l ON l.inspection_id = s.inspection_id AND l.revision = s.revision
     JOIN label_review r ON r.n = (
       SELECT min(n) FROM label_review
       WHERE inspection_id = s.inspection_id AND revision = s.revision AND outcome <> 'sent_back' AND at >= s.at
     )
     LEFT JOIN label f ON f.id = r.id`,
  )
  const waiting = db.prepare<{ n: number }>(
    `SELECT count(*) AS n FROM label_suspect s
     JOIN label_standing t ON t.inspection_id = s.inspection_id AND t.revision = s.revision WHERE t.why IS NOT NULL`,
  )
  return {
    /** False where this very label has been doubted before. */
    insert: (
      row: Omit<Row, "said"> & { inspection: string; revision: number; said: string | null },
    ): boolean => insert.run({ ...row, said: row.said ?? "" }).changes > 0,
    find(inspection: string, revision: number): Doubt | undefined {
      const row = find.get({ inspection, revision })
      return row && { ...row, said: row.said === "" ? null : row.said }
    },
    lookedAt: () => lookedAt.all(),
    waiting: () => waiting.get()!.n,
  }
}
export type SuspectStore = ReturnType<typeof createSuspectStore>
