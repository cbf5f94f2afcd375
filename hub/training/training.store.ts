import * as v from "valibot"
import type { JobState, JobView } from "#contract/registry"
import { ParamValues } from "#contract/registry"
import { TrainingProgress } from "#contract/training"
import type { Sqlite } from "#platform/sqlite"
import type { LabelCounts } from "./schedule.rules.ts"

type State = v.InferOutput<typeof JobState>
type Counts = JobView["dataset"]
type Sets = { dataset: string; golden: string; counts: Counts; labels: LabelCounts }

/** A recipe as a job has it. */
const JobRecipe = v.object({
  id: v.string(),
  version: v.number(),
  task: v.picklist(["anomaly", "classification", "detection", "segmentation"]),
  params: ParamValues,
  max_minutes: v.number(),
})
export type JobRecipe = v.InferOutput<typeof JobRecipe>

export type NewTrainingJob = {
  id: string
  line: string
  why: string
  seed: number
  dataset: string
  golden: string
  counts: Counts
  labels: LabelCounts
  place: JobView["place"]
  recipe: JobRecipe
  reproduces: string | null
  wish: string | null
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
  place: JobView["place"]
  recipe: JobRecipe
  bundle: string | null
  reproduces: string | null
  wish: string | null
  trainer: string | null
  epoch: number
  claim: string | null
  leaseUntil: number | null
  result: string | null
  note: string | null
}

type Row = {
  id: string
  line: string
  state: Exclude<State, "preparing">
  preparing: number
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
  place: JobView["place"]
  recipe: string | null
  bundle: string | null
  reproduces: string | null
  wish: string | null
  trainer: string | null
  epoch: number
  claim: string | null
  lease_until: number | null
  result: string | null
  note: string | null
}

const Progress = v.pipe(v.string(), v.parseJson(), TrainingProgress)
const Recipe = v.pipe(v.string(), v.parseJson(), JobRecipe)
const alive = "('queued', 'running', 'proving')"
/** Jobs from before there was a choice. */
const firstRecipe: JobRecipe = {
  id: "patch",
  version: 1,
  task: "anomaly",
  params: {},
  max_minutes: 20,
}

/** The SQL of jobs and their curves. Every change of state names the states it may come from. */
export function createTrainingStore(db: Sqlite) {
  const insert = db.prepare(`
    INSERT INTO training_job
      (id, line, state, preparing, why, seed, dataset, golden, counts, labels, place, recipe, reproduces, wish,
       created_at, created_by)
    VALUES
      ($id, $line, 'queued', 1, $why, $seed, $dataset, $golden, $counts, $labels, $place, $recipe, $reproduces, $wish,
       $at, $by)`)
  const preparing = db.prepare<{ id: string }>(
    "SELECT id FROM training_job WHERE state = 'queued' AND preparing = 1 ORDER BY created_at, id",
  )
  const prepared = db.prepare(`
    UPDATE training_job SET preparing = 0, dataset = $dataset, golden = $golden, counts = $counts, labels = $labels
    WHERE id = $id AND state = 'queued' AND preparing = 1`)
  const one = db.prepare<Row>("SELECT * FROM training_job WHERE id = $id")
  const newest = db.prepare<Row>("SELECT * FROM training_job ORDER BY created_at DESC, id DESC LIMIT $limit")
  const queued = db.prepare<Row>(
    `SELECT * FROM training_job WHERE state = 'queued' AND preparing = 0 AND place = $place
     ORDER BY created_at, id LIMIT 500`,
  )
  const atWork = db.prepare<Row>(
    "SELECT * FROM training_job WHERE state IN ('running', 'proving') ORDER BY created_at, id",
  )
  const busy = db.prepare<{ n: number }>(`SELECT count(*) AS n FROM training_job WHERE state IN ${alive}`)
  const start = db.prepare(`
    UPDATE training_job SET state = 'running', attempt = attempt + 1, started_at = $at, progress = NULL, error = NULL
    WHERE id = $id AND state = 'queued' AND preparing = 0`)
  const requeue = db.prepare(
    `UPDATE training_job SET state = 'queued', error = $error, lease_until = NULL
     WHERE id = $id AND state IN ('running', 'proving')`,
  )
  const prove = db.prepare("UPDATE training_job SET state = 'proving' WHERE id = $id AND state = 'running'")
  const progress = db.prepare(
    "UPDATE training_job SET progress = $progress WHERE id = $id AND state = 'running'",
  )
  const finish = db.prepare(`
    UPDATE training_job
    SET state = $state, error = $error, model = $model, gate_pass = $pass, note = $note, finished_at = $at,
      lease_until = NULL
    WHERE id = $id AND state IN ${alive}`)
  const setBundle = db.prepare("UPDATE training_job SET bundle = $bundle WHERE id = $id")
  const clearPoints = db.prepare("DELETE FROM training_point WHERE job = $job")
  const addPoint = db.prepare(`
    INSERT INTO training_point (job, n, at, progress, metrics)
    SELECT $job, coalesce(max(n), 0) + 1, $at, $progress, $metrics FROM training_point WHERE job = $job`)
  const setPoint = db.prepare(`
    INSERT INTO training_point (job, n, at, progress, metrics, step)
    VALUES ($job, $step, $at, $progress, $metrics, $step)
    ON CONFLICT (job, n) DO UPDATE SET at = $at, progress = $progress, metrics = $metrics`)
  const points = db.prepare<{ at: number; progress: number; metrics: string; step: number | null }>(
    "SELECT at, progress, metrics, step FROM training_point WHERE job = $job ORDER BY n",
  )
  const countPoints = db.prepare<{ n: number }>("SELECT count(*) AS n FROM training_point WHERE job = $job")

  return {
    /** A job whose sets are still to be frozen. */
    insert: ({ counts, labels, recipe, ...job }: NewTrainingJob): void =>
      void insert.run({
        ...job,
        counts: JSON.stringify(counts),
        labels: JSON.stringify(labels),
        recipe: JSON.stringify(recipe),
      }),
    /** Jobs whose sets are still to be frozen, the oldest first. */
    preparing: (): string[] => preparing.all().map(({ id }) => id),
    /** Puts a job with its sets into the queue. False when it has ended meanwhile. */
    prepared: (id: string, { counts, labels, ...sets }: Sets): boolean =>
      prepared.run({ id, ...sets, counts: JSON.stringify(counts), labels: JSON.stringify(labels) })
        .changes === 1,
    get: (id: string): TrainingJob | undefined => jobOf(one.get({ id })),
    newest: (limit: number): TrainingJob[] => newest.all({ limit }).flatMap((row) => jobOf(row) ?? []),
    /** The oldest first. */
    queued: (place: JobView["place"]): TrainingJob[] =>
      queued.all({ place }).flatMap((row) => jobOf(row) ?? []),
    atWork: (): TrainingJob[] => atWork.all().flatMap((row) => jobOf(row) ?? []),
    busy: (): boolean => busy.get()!.n > 0,
    /** For the hub's own runner. False when the job is not queued any more, e.g. cancelled. */
    start(id: string, at: number): boolean {
      return db.transaction(() => {
        clearPoints.run({ job: id })
        return start.run({ id, at }).changes === 1
      })
    },
    requeue: (id: string, error: string | null): boolean => requeue.run({ id, error }).changes === 1,
    proving: (id: string): boolean => prove.run({ id }).changes === 1,
    progress(id: string, p: TrainingProgress, at: number): void {
      db.transaction(() => {
        if (progress.run({ id, progress: JSON.stringify(p) }).changes === 0) return
        if (p.metrics && Object.keys(p.metrics).length > 0)
          addPoint.run({ job: id, at, progress: p.progress, metrics: JSON.stringify(p.metrics) })
      })
    },
    /** What is under way now, without a point of the curves. */
    setProgress: (id: string, p: TrainingProgress): void =>
      void progress.run({ id, progress: JSON.stringify(p) }),
    /** Points by their step; the same step again replaces its point. */
    setPoints(
      id: string,
      sent: readonly { step: number; progress: number; metrics: Record<string, number> }[],
      at: number,
    ): void {
      for (const { step, progress, metrics } of sent)
        setPoint.run({ job: id, step, at, progress, metrics: JSON.stringify(metrics) })
    },
    clearPoints: (job: string): void => void clearPoints.run({ job }),
    countPoints: (job: string): number => countPoints.get({ job })!.n,
    setBundle: (id: string, bundle: string): void => void setBundle.run({ id, bundle }),
    /** False when the job had ended before. */
    finish(
      id: string,
      end: {
        state: "succeeded" | "failed" | "cancelled"
        error?: string
        model?: string
        pass?: boolean
        note?: string | null
      },
      at: number,
    ): boolean {
      const { state, error = null, model = null, pass, note = null } = end
      return (
        finish.run({ id, state, error, model, pass: pass === undefined ? null : Number(pass), note, at })
          .changes === 1
      )
    },
    curve: (job: string): JobView["curve"] =>
      points.all({ job }).map(({ at, progress, metrics, step }) => ({
        at,
        progress,
        metrics: JSON.parse(metrics),
        ...(step !== null && { step }),
      })),
  }
}
export type TrainingStore = ReturnType<typeof createTrainingStore>

function jobOf(row: Row | undefined): TrainingJob | undefined {
  if (!row) return undefined
  const { counts, labels, progress, gate_pass, created_at, started_at, finished_at, created_by, ...rest } =
    row
  const { lease_until, recipe, preparing, state, ...plain } = rest
  return {
    ...plain,
    state: state === "queued" && preparing === 1 ? "preparing" : state,
    counts: JSON.parse(counts) as Counts,
    labels: JSON.parse(labels) as LabelCounts,
    progress: progress === null ? null : v.parse(Progress, progress),
    gatePass: gate_pass === null ? null : gate_pass === 1,
    createdAt: created_at,
    startedAt: started_at,
    finishedAt: finished_at,
    createdBy: created_by,
    recipe: recipe === null ? firstRecipe : v.parse(Recipe, recipe),
    leaseUntil: lease_until,
  }
}
