import * as v from "valibot"
import type { JobState, JobView } from "#contract/registry"
import { TrainingProgress } from "#contract/training"
import type { Sqlite } from "#platform/sqlite"
import type { LabelCounts } from "./schedule.rules.ts"

type State = v.InferOutput<typeof JobState>
type Counts = JobView["dataset"]

export type NewTrainingJob = {
  id: string
  line: string
  why: string
  seed: number
  dataset: string
  golden: string
  counts: Counts
  labels: LabelCounts
  at: number
  by: string
}

export type TrainingJob = {
  id: string
  line: string
  state: State
  why: string
  seed: number
  attempt: number
  dataset: string
  golden: string
  counts: Counts
  labels: LabelCounts
  progress: TrainingProgress | null
  error: string | null
  model: string | null
  gatePass: boolean | null
  createdAt: number
  startedAt: number | null
  finishedAt: number | null
  createdBy: string
}

type Row = {
  id: string
  line: string
  state: State
  why: string
  seed: number
  attempt: number
  dataset: string
  golden: string
  counts: string
  labels: string
  progress: string | null
  error: string | null
  model: string | null
  gate_pass: number | null
  created_at: number
  started_at: number | null
  finished_at: number | null
  created_by: string
}

const Progress = v.pipe(v.string(), v.parseJson(), TrainingProgress)
const alive = "('queued', 'running', 'proving')"

/** The only SQL of the training tables. Every change of state names the states it may come from. */
export function createTrainingStore(db: Sqlite) {
  const insert = db.prepare(`
    INSERT INTO training_job
      (id, line, state, why, seed, dataset, golden, counts, labels, created_at, created_by)
    VALUES ($id, $line, 'queued', $why, $seed, $dataset, $golden, $counts, $labels, $at, $by)`)
  const one = db.prepare<Row>("SELECT * FROM training_job WHERE id = $id")
  const newest = db.prepare<Row>("SELECT * FROM training_job ORDER BY created_at DESC, id DESC LIMIT $limit")
  const oldestQueued = db.prepare<Row>(
    "SELECT * FROM training_job WHERE state = 'queued' ORDER BY created_at, id LIMIT 1",
  )
  const interrupted = db.prepare<Row>("SELECT * FROM training_job WHERE state IN ('running', 'proving')")
  const busy = db.prepare<{ n: number }>(`SELECT count(*) AS n FROM training_job WHERE state IN ${alive}`)
  const start = db.prepare(`
    UPDATE training_job SET state = 'running', attempt = attempt + 1, started_at = $at, progress = NULL, error = NULL
    WHERE id = $id AND state = 'queued'`)
  const requeue = db.prepare(
    "UPDATE training_job SET state = 'queued', error = $error WHERE id = $id AND state IN ('running', 'proving')",
  )
  const prove = db.prepare("UPDATE training_job SET state = 'proving' WHERE id = $id AND state = 'running'")
  const progress = db.prepare(
    "UPDATE training_job SET progress = $progress WHERE id = $id AND state = 'running'",
  )
  const finish = db.prepare(`
    UPDATE training_job
    SET state = $state, error = $error, model = $model, gate_pass = $pass, finished_at = $at
    WHERE id = $id AND state IN ${alive}`)
  const clearPoints = db.prepare("DELETE FROM training_point WHERE job = $job")
  const addPoint = db.prepare(`
    INSERT INTO training_point (job, n, at, progress, metrics)
    SELECT $job, coalesce(max(n), 0) + 1, $at, $progress, $metrics FROM training_point WHERE job = $job`)
  const points = db.prepare<{ at: number; progress: number; metrics: string }>(
    "SELECT at, progress, metrics FROM training_point WHERE job = $job ORDER BY n",
  )

  return {
    insert: ({ counts, labels, ...job }: NewTrainingJob): void =>
      void insert.run({ ...job, counts: JSON.stringify(counts), labels: JSON.stringify(labels) }),
    get: (id: string): TrainingJob | undefined => jobOf(one.get({ id })),
    newest: (limit: number): TrainingJob[] => newest.all({ limit }).flatMap((row) => jobOf(row) ?? []),
    oldestQueued: (): TrainingJob | undefined => jobOf(oldestQueued.get()),
    interrupted: (): TrainingJob[] => interrupted.all().flatMap((row) => jobOf(row) ?? []),
    busy: (): boolean => busy.get()!.n > 0,
    /** False when the job is not queued any more, e.g. cancelled. */
    start(id: string, at: number): boolean {
      return db.transaction(() => {
        clearPoints.run({ job: id })
        return start.run({ id, at }).changes === 1
      })
    },
    requeue: (id: string, error: string): void => void requeue.run({ id, error }),
    proving: (id: string): boolean => prove.run({ id }).changes === 1,
    progress(id: string, p: TrainingProgress, at: number): void {
      db.transaction(() => {
        if (progress.run({ id, progress: JSON.stringify(p) }).changes === 0) return
        if (p.metrics && Object.keys(p.metrics).length > 0)
          addPoint.run({ job: id, at, progress: p.progress, metrics: JSON.stringify(p.metrics) })
      })
    },
    /** False when the job had ended before. */
    finish(
      id: string,
      end: { state: "succeeded" | "failed" | "cancelled"; error?: string; model?: string; pass?: boolean },
      at: number,
    ): boolean {
      const { state, error = null, model = null, pass } = end
      return (
        finish.run({ id, state, error, model, pass: pass === undefined ? null : Number(pass), at })
          .changes === 1
      )
    },
    curve: (job: string): JobView["curve"] =>
      points
        .all({ job })
        .map(({ at, progress, metrics }) => ({ at, progress, metrics: JSON.parse(metrics) })),
  }
}

function jobOf(row: Row | undefined): TrainingJob | undefined {
  if (!row) return undefined
  const { counts, labels, progress, gate_pass, created_at, started_at, finished_at, created_by, ...rest } =
    row
  return {
    ...rest,
    counts: JSON.parse(counts) as Counts,
    labels: JSON.parse(labels) as LabelCounts,
    progress: progress === null ? null : v.parse(Progress, progress),
    gatePass: gate_pass === null ? null : gate_pass === 1,
    createdAt: created_at,
    startedAt: started_at,
    finishedAt: finished_at,
    createdBy: created_by,
  }
}
