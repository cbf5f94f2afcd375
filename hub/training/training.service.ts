import { rmSync } from "node:fs"
import { rm } from "node:fs/promises"
import { join } from "node:path"
import type * as v from "valibot"
import { Problem } from "#contract/problem"
import type { JobView, NewJob } from "#contract/registry"
import type { TrainingJobSpec, TrainingProgress } from "#contract/training"
import type { Clock } from "#platform/clock"
import type { Events } from "#platform/events"
import type { Ids } from "#platform/ids"
import type { Log } from "#platform/log"
import type { Sqlite } from "#platform/sqlite"
import type { Dataset, FrozenSet } from "../dataset/dataset.service.ts"
import { writeBundle } from "./bundle.ts"
import { type LabelCounts, type TrainingPolicy, trainNow } from "./schedule.rules.ts"
import { createTrainingStore, type TrainingJob } from "./training.store.ts"

/** A trainer at work on one bundle folder. */
export type TrainerRun = {
  /** Settles when the trainer has ended: null, or what went wrong in one sentence. */
  readonly ended: Promise<string | null>
  readonly kill: () => void
}
/** Starts a trainer on `dir`; it writes its result to the same folder. */
export type Trainer = (dir: string, onProgress: (progress: TrainingProgress) => void) => TrainerRun

/** Registers and proves what a trainer left in `dir`: the registry does, which comes later in the order of domains. */
export type Prove = (
  job: { id: string; line: string; dataset: string; golden: string },
  dir: string,
  signal: AbortSignal,
) => Promise<{ model: string; pass: boolean }>

export type TrainingDeps = {
  db: Sqlite
  clock: Clock
  ids: Ids
  events: Events
  log: Log
  dataset: Pick<Dataset, "freeze" | "frozen">
  blobs: { path(sha256: string): string; file(sha256: string): Promise<string> }
  trainer: Trainer
  prove: Prove
  /** Labels people have given, as the labelling counts them. */
  labels: () => LabelCounts
  /** Kinds the champion or a waiting candidate knows; null when there is no champion. */
  knownKinds: () => ReadonlySet<string> | null
  policy: TrainingPolicy
  /** Folder for job bundles; emptied job by job. */
  workDir: string
  /** Default: the one the trainer ships with. */
  backbone?: TrainingJobSpec["backbone"]
  recipe: TrainingJobSpec["recipe"]
  target: TrainingJobSpec["target"]
  maxMinutes: number
}

/** Progress reaches the disk at most this often: each write is a sync, and nobody reads faster. */
const progressEveryMs = 500

/** The queue of training jobs and its one runner. */
export function createTraining(deps: TrainingDeps) {
  const { db, clock, ids, events, log, dataset } = deps
  const store = createTrainingStore(db)
  let current:
    | { id: string; run: TrainerRun | undefined; abort: AbortController; done: Promise<void> }
    | undefined
  let stopping = false

  const announce = (id: string) => {
    const job = store.get(id)
    if (job) events.announce("job", { id, state: job.state, progress: job.progress?.progress ?? null })
  }

  const create = (request: { line: string; seed: number; why: string; by: string }): JobView => {
    const id = db.transaction(() => {
      const { training, golden } = dataset.freeze()
      const counts = countsOf(training)
      if (!training.samples.some((s) => s.split === "train" && s.label.verdict === "ok"))
        throw new Problem(
          "conflict",
          "training_no_ok",
          "there is no OK part to learn from yet; label or upload good parts",
        )
      const job = ids.uuid()
      const { line, seed, why, by } = request
      const labels = deps.labels()
      const at = clock.now()
      store.insert({
        id: job,
        line,
        seed,
        why,
        by,
        at,
        labels,
        counts,
        dataset: training.digest,
        golden: golden.digest,
      })
      return job
    })
    announce(id)
    next()
    return viewOf(store.get(id)!, [])
  }

  const run = async (job: TrainingJob, abort: AbortController): Promise<void> => {
    const dir = join(deps.workDir, job.id)
    const end = (how: Parameters<typeof store.finish>[1]) => {
      if (store.finish(job.id, how, clock.now())) announce(job.id)
    }
    try {
      const set = dataset.frozen(job.dataset)
      // Each made a file of its own first, one after the other: a bundle names thousands.
      for (const { image } of set.samples) await deps.blobs.file(image)
      await writeBundle(dir, specOf(job, set, deps), samplesOf(set, deps.blobs))
      if (abort.signal.aborted) return
      const progress = throttled(job.id)
      const trainer = deps.trainer(dir, progress.report)
      if (current) current.run = trainer
      const budget = setTimeout(trainer.kill, deps.maxMinutes * 60_000)
      const wrong = await trainer.ended.finally(() => clearTimeout(budget))
      progress.flush()
      if (abort.signal.aborted) return
      if (wrong !== null) return end({ state: "failed", error: wrong })
      if (!store.proving(job.id)) return
      announce(job.id)
      const { id, line, golden } = job
      const proof = await deps.prove({ id, line, dataset: job.dataset, golden }, dir, abort.signal)
      if (abort.signal.aborted) return
      end({ state: "succeeded", model: proof.model, pass: proof.pass })
    } catch (error) {
      if (abort.signal.aborted) return
      log.error("job_failed", { job: job.id, error: String(error) })
      end({ state: "failed", error: error instanceof Error ? error.message : String(error) })
    } finally {
      await rm(dir, { recursive: true, force: true })
    }
  }

  /** Writes the latest progress at the end of each interval, and at the end of the run, so that no last word is lost. */
  const throttled = (id: string) => {
    let unwritten: TrainingProgress | undefined
    let timer: ReturnType<typeof setTimeout> | undefined
    let writtenAt = 0
    const flush = () => {
      clearTimeout(timer)
      timer = undefined
      if (!unwritten || stopping) return
      store.progress(id, unwritten, clock.now())
      unwritten = undefined
      writtenAt = performance.now()
      announce(id)
    }
    const report = (progress: TrainingProgress) => {
      const metrics = { ...unwritten?.metrics, ...progress.metrics }
      unwritten = { ...progress, ...(Object.keys(metrics).length > 0 && { metrics }) }
      timer ??= setTimeout(flush, Math.max(0, writtenAt + progressEveryMs - performance.now()))
    }
    return { report, flush }
  }

  /** Starts the oldest queued job when none is at work. */
  const next = (): void => {
    if (current || stopping) return
    const job = store.oldestQueued()
    if (!job || !store.start(job.id, clock.now())) return
    announce(job.id)
    const abort = new AbortController()
    const done = Promise.resolve()
      .then(() => run(store.get(job.id)!, abort))
      .finally(() => {
        current = undefined
        next()
      })
    current = { id: job.id, run: undefined, abort, done }
  }

  return {
    /** Queues a job on what is labelled now. Throws `conflict` when there is nothing good to learn from. */
    create: (request: v.InferOutput<typeof NewJob>, by: string): JobView =>
      create({ line: request.line, seed: request.seed, why: "manual", by }),

    list: (limit: number): JobView[] => store.newest(limit).map((job) => viewOf(job, store.curve(job.id))),
    get(id: string): JobView {
      const job = store.get(id)
      if (!job) throw new Problem("not_found", "job", `there is no training job ${id}`, { job: id })
      return viewOf(job, store.curve(id))
    },

    /** Ends a job that waits or runs; its trainer is killed. Throws `conflict` for one that has ended. */
    cancel(id: string): JobView {
      if (!store.get(id)) throw new Problem("not_found", "job", `there is no training job ${id}`, { job: id })
      if (!store.finish(id, { state: "cancelled" }, clock.now()))
        throw new Problem("conflict", "job_ended", "this job has ended already")
      if (current?.id === id) {
        current.abort.abort()
        current.run?.kill()
      }
      announce(id)
      return viewOf(store.get(id)!, store.curve(id))
    },

    /** Starts a job by itself when the labels ask for one; call it after labels have come. */
    consider(line: string): void {
      const jobs = store.newest(64)
      const last = jobs[0]
      const fruitless = jobs.findIndex((j) => j.state === "succeeded" && j.gatePass === true)
      const why = trainNow({
        policy: deps.policy,
        labels: deps.labels(),
        known: deps.knownKinds(),
        busy: store.busy(),
        last: last ? { ...last.labels, failures: fruitless === -1 ? jobs.length : fruitless } : null,
      })
      if (why === null) return
      try {
        create({ line, seed: 1, why, by: "hub" })
      } catch (error) {
        // Labels without a single OK part: the next label asks again.
        if (!(error instanceof Problem && error.key === "training_no_ok")) throw error
      }
    },

    /** Reaps what a killed hub left behind: once back into the queue, the second time a visible failure. */
    start(): void {
      // Bundles of a killed hub: a job that is taken up again writes its own anew.
      rmSync(deps.workDir, { recursive: true, force: true })
      for (const job of store.interrupted()) {
        if (job.attempt < 2) store.requeue(job.id, "interrupted: the hub was stopped; started again")
        else
          store.finish(
            job.id,
            { state: "failed", error: "interrupted twice: the hub was stopped during this job" },
            clock.now(),
          )
        announce(job.id)
      }
      next()
    },

    /** Kills a running trainer; its job is taken up again at the next start. */
    async stop(): Promise<void> {
      stopping = true
      current?.abort.abort()
      current?.run?.kill()
      await current?.done
    },
  }
}
export type Training = ReturnType<typeof createTraining>

function countsOf(set: FrozenSet): JobView["dataset"] {
  const train = set.samples.filter((s) => s.split === "train").length
  return {
    digest: set.digest,
    train,
    calib: set.samples.length - train,
    ok: set.ok,
    ng: set.ng,
    by_kind: set.byKind,
  }
}

function specOf(job: TrainingJob, set: FrozenSet, deps: TrainingDeps): TrainingJobSpec {
  const trained = set.samples.filter((s) => s.split === "train").flatMap((s) => s.label.kinds)
  const kinds = [...new Set(trained)].filter((k) => k !== "unknown").sort()
  return {
    v: 1,
    job_id: job.id,
    recipe: deps.recipe,
    task: "anomaly",
    seed: job.seed,
    // 0 is OK in every model.
    classes: kinds.map((key, i) => ({ id: i + 1, key })),
    ...(deps.backbone && { backbone: deps.backbone }),
    dataset: job.dataset,
    budget: { max_minutes: deps.maxMinutes },
    target: deps.target,
  }
}

const samplesOf = (set: FrozenSet, blobs: TrainingDeps["blobs"]) =>
  set.samples.flatMap(({ id, image, w, h, split, group, product, weight, label }) =>
    // A golden part in a bundle would prove nothing any more; the set holds none, and this line says so again.
    split === "golden"
      ? []
      : [
          {
            id,
            sha256: image,
            path: blobs.path(image),
            w,
            h,
            split,
            group,
            ...(product && { product }),
            weight,
            label,
          },
        ],
  )

const viewOf = (job: TrainingJob, curve: JobView["curve"]): JobView => ({
  id: job.id,
  line: job.line,
  state: job.state,
  why: job.why,
  progress: job.progress,
  dataset: job.counts,
  curve,
  error: job.error,
  model: job.model,
  gate_pass: job.gatePass,
  created_at: job.createdAt,
  started_at: job.startedAt,
  finished_at: job.finishedAt,
  created_by: job.createdBy,
})
