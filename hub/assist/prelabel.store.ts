import * as v from "valibot"
import type { Prelabel } from "#contract/assist"
import { Finding, type Verdict } from "#contract/inspection"
import type { QueueReason } from "#contract/labelling"
import type { Sqlite } from "#platform/sqlite"

export type Role = Exclude<Prelabel["role"], "server">
export type Run = {
  role: Role
  model: string
  low: number
  high: number
  made: number
  differed: number
  failed: number
}
export type Waiting = {
  n: number
  id: string
  image_sha256: string
  queue_reason: QueueReason
  header: string
}
type Row = {
  role: Role
  model: string
  eval: "ok" | "ng" | "undecidable"
  score: number | null
  findings: string
  disagrees: number
  made_at: number
}

/** Parts looked through for waiting ones at a time. */
const window = 2_000
const Findings = v.pipe(v.string(), v.parseJson(), v.array(Finding))

/** The SQL of `prelabel`, `prelabel_run` and `teacher`. */
export function createPrelabelStore(db: Sqlite) {
  const findRun = db.prepare<Run>("SELECT * FROM prelabel_run WHERE role = $role AND model = $model")
  const insertRun = db.prepare(
    `INSERT INTO prelabel_run (role, model, low, high)
     SELECT $role, $model, coalesce(max(n), 0) + 1, coalesce(max(n), 0) FROM inspection`,
  )
  const bounds = db.prepare<{ first: number | null; last: number | null }>(
    "SELECT (SELECT min(n) FROM inspection) AS first, (SELECT max(n) FROM inspection) AS last",
  )
  const between = (order: "ASC" | "DESC") =>
    db.prepare<Waiting>(
      `SELECT n, id, image_sha256, queue_reason, header FROM inspection
       WHERE n BETWEEN $first AND $last AND queue_reason IS NOT NULL AND image_sha256 IS NOT NULL
         AND ($role = 'teacher' OR model_digest IS NOT $model)
       ORDER BY n ${order} LIMIT $limit`,
    )
  const [upwards, downwards] = [between("ASC"), between("DESC")]
  const put = db.prepare(
    `INSERT OR REPLACE INTO prelabel
     VALUES ($inspection, $role, $model, $eval, $score, $findings, $disagrees, $made_at)`,
  )
  const advance = db.prepare(
    `UPDATE prelabel_run SET low = min(low, $end), high = max(high, $end), made = made + $made,
       differed = differed + $differed, failed = failed + $failed WHERE role = $role AND model = $model`,
  )
  const of = db.prepare<Row>("SELECT * FROM prelabel WHERE inspection_id = $inspection ORDER BY role")
  const differing = db.prepare<{ inspection_id: string }>(
    `SELECT inspection_id FROM prelabel
     WHERE inspection_id IN (SELECT value FROM json_each($of)) AND disagrees = 1`,
  )
  const teacher = db.prepare<{ model: string }>("SELECT model FROM teacher")
  const setTeacher = db.prepare("INSERT OR REPLACE INTO teacher VALUES (1, $model)")
  const dropTeacher = db.prepare("DELETE FROM teacher")
  const reason = db.prepare<{ queue_reason: QueueReason | null }>(
    "SELECT queue_reason FROM inspection WHERE id = $inspection",
  )

  const ends = () => {
    const { first, last } = bounds.get()!
    return { first: first ?? 1, last: last ?? 0 }
  }
  return {
    /** A model's run through the parts; a new one begins with the newest. */
    run: (role: Role, model: string): Run =>
      db.transaction(() => {
        if (!findRun.get({ role, model })) insertRun.run({ role, model })
        return findRun.get({ role, model })!
      }),
    /** The next waiting parts it has not seen, the newest side first, and the part up to which that is all. */
    next: ({ role, model, low, high }: Run, limit: number): { parts: Waiting[]; end: number } | undefined => {
      const { first, last } = ends()
      const to = Math.min(last, high + window)
      if (to > high) {
        const parts = upwards.all({ first: high + 1, last: to, role, model, limit })
        return { parts, end: parts.length < limit ? to : parts.at(-1)!.n }
      }
      const from = Math.max(first, low - window)
      if (from >= low) return undefined
      const parts = downwards.all({ first: from, last: low - 1, role, model, limit })
      return { parts, end: parts.length < limit ? from : parts.at(-1)!.n }
    },
    put: (
      role: Role,
      model: string,
      inspection: string,
      said: SaidOf,
      disagrees: boolean,
      at: number,
    ): void =>
      void put.run({
        inspection,
        role,
        model,
        eval: said.verdict.eval,
        score: said.verdict.score ?? null,
        findings: JSON.stringify(said.findings),
        disagrees: disagrees ? 1 : 0,
        made_at: at,
      }),
    advance: (run: Run, end: number, counts: { made: number; differed: number; failed: number }): void =>
      void advance.run({ role: run.role, model: run.model, end, ...counts }),
    of: (inspection: string): Prelabel[] =>
      of.all({ inspection }).map((row) => ({
        role: row.role,
        model: row.model,
        verdict: { eval: row.eval, ...(row.score !== null && { score: row.score }) },
        findings: v.parse(Findings, row.findings),
        disagrees: row.disagrees === 1,
        made_at: row.made_at,
      })),
    /** Of these parts, those that a model sees differently than their station did. */
    differing: (ids: readonly string[]): Set<string> =>
      new Set(differing.all({ of: JSON.stringify(ids) }).map((row) => row.inspection_id)),
    waiting: ({ low, high }: Run): number => {
      const { first, last } = ends()
      return Math.max(0, last - high) + Math.max(0, low - first)
    },
    reason: (inspection: string) => reason.get({ inspection })?.queue_reason ?? null,
    teacher: (): string | null => teacher.get()?.model ?? null,
    setTeacher: (model: string | null): void => {
      if (model === null) dropTeacher.run()
      else setTeacher.run({ model })
    },
  }
}
export type PrelabelStore = ReturnType<typeof createPrelabelStore>
type SaidOf = { verdict: Verdict & { eval: "ok" | "ng" | "undecidable" }; findings: readonly unknown[] }
