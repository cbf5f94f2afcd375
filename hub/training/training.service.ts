import { rmSync } from "node:fs"
import { rm } from "node:fs/promises"
import { join } from "node:path"
import type * as v from "valibot"
import type { DatasetVersion } from "#contract/dataset"
import { Problem } from "#contract/problem"
import type { JobView, NewJob, ParamValues } from "#contract/registry"
import type { RecipeView } from "#contract/trainer"
import type { TrainingJobSpec, TrainingProgress, TrainingSample } from "#contract/training"
import type { Clock } from "#platform/clock"
import type { Events } from "#platform/events"
import type { Ids } from "#platform/ids"
import type { Log } from "#platform/log"
import type { Sqlite } from "#platform/sqlite"
import type { Dataset } from "../dataset/dataset.service.ts"
import { type Freezes, setsOfWork } from "../dataset/freeze.service.ts"
import type { Bell } from "./bell.ts"
import { writeBundle } from "./bundle.ts"
import { createKinds } from "./bundle-texts.ts"
import { thinned } from "./curve.rules.ts"
import type { JobBundles } from "./job-bundle.ts"
import type { LeasesStore } from "./leases.store.ts"
import { embeddedRecipe, fillParams } from "./recipe.rules.ts"
import type { Results } from "./results.ts"
import { type LabelCounts, type TrainingPolicy, trainNow } from "./schedule.rules.ts"
import type { JobRecipe, NewTrainingJob, TrainingJob, TrainingStore } from "./training.store.ts"

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
) => Promise<{
  model: string
  pass: boolean
  /** Further models that came with it, each a candidate of its own. */
  also: string[]
  /** What came with it and was not taken, and why; null when all was. */
  note: string | null
}>

export type TrainingDeps = {
  db: Sqlite
  store: TrainingStore
  leases: LeasesStore
  bundles: JobBundles
  results: Results
  /** What can be chosen. */
  recipes: () => RecipeView[]
  /** Tells trainers that wait that there may be a job. */
  bell: Bell
  /** Removes what only an unfinished job needs. */
  tidy: (id: string, kept: ReadonlySet<string>) => Promise<void>
  clock: Clock
  ids: Ids
  events: Events
  log: Log
  dataset: Pick<Dataset, "samples" | "version" | "nothing">
  freezes: Pick<Freezes, "freeze">
  /** Whether a good part has been labelled or uploaded: without one there is nothing to learn from. */
  hasGood: () => boolean
  blobs: { path(sha256: string): string; file(sha256: string): Promise<string> }
  trainer: Trainer
  prove: Prove
  /** Labels people have given, as the labelling counts them. */
  labels: () => LabelCounts
  /** Kinds the champion or a waiting candidate knows; null when there is no champion. */
  knownKinds: () => ReadonlySet<string> | null
  policy: TrainingPolicy
  /** Folder for job bundles and results at work; emptied job by job. */
  workDir: string
  /** Default: the one the trainer ships with. */
  backbone?: TrainingJobSpec["backbone"]
  target: TrainingJobSpec["target"]
  /** The side of pictures an embedded training gets for the one that was asked for. */
  sideFor: (asked: number) => number
  /** Longest an embedded training may take. */
  maxMinutes: number
}

/** Progress reaches the disk at most this often: each write is a sync, and nobody reads faster. */
const progressEveryMs = 500

/** Points of a curve that are shown; more are one line on a screen. */
const shownPoints = 400

/** The queue of training jobs, and the hub's own runner. Trainers on other machines come through `leases.service`. */
export function createTraining(deps: TrainingDeps) {
  const { db, store, leases, clock, ids, events, log, dataset } = deps
  let current:
    | { id: string; run: TrainerRun | undefined; abort: AbortController; done: Promise<void> }
    | undefined
  /** Jobs whose sets are being frozen, and how far that is. */
  const preparing = new Map<string, { abort: AbortController; done: Promise<void>; share: number }>()
  /** Results of others that are being proved. */
  const proofs = new Map<string, { abort: AbortController; done: Promise<void> }>()
  let stopping = false

  const announce = (id: string) => {
    const job = store.get(id)
    const share = preparing.get(id)?.share ?? job?.progress?.progress ?? null
    if (job) events.announce("job", { id, state: job.state, progress: share })
  }
  const known = (id: string): TrainingJob => {
    const job = store.get(id)
    if (!job) throw new Problem("not_found", "job", `there is no training job ${id}`, { job: id })
    return job
  }

  type Wanted = Pick<
    NewTrainingJob,
    "line" | "seed" | "why" | "by" | "place" | "recipe" | "wish" | "reproduces"
  >
  /** Takes a job on a set: the one that is named, or what is labelled now. It waits in the queue once its sets are frozen. */
  const enqueue = (wanted: Wanted, named?: string): string => {
    const set = named === undefined ? undefined : namedSet(named)
    if (set === undefined && !deps.hasGood()) throw noGood()
    const id = ids.uuid()
    db.transaction(() => {
      const nothing = dataset.nothing()
      store.insert({
        ...wanted,
        id,
        at: clock.now(),
        labels: deps.labels(),
        counts: set ? countsOf(set) : { digest: null, train: 0, calib: 0, ok: 0, ng: 0, by_kind: {} },
        dataset: set?.digest ?? nothing,
        golden: nothing,
      })
    })
    announce(id)
    prepare(id)
    return id
  }
  /** A set to learn from. Throws `invalid`, and `conflict` for one without a good part. */
  const namedSet = (digest: string): DatasetVersion => {
    const set = dataset.version(digest)
    if (set.role !== "training")
      throw new Problem("invalid", "dataset_roles", "a golden set is not trained on")
    if ((set.summary.by_split.train?.ok ?? 0) === 0) throw noGood()
    return set
  }

  /** Has the sets of a job frozen beside everything else. A hub that is stopped meanwhile begins again at its next start. */
  const prepare = (id: string): void => {
    const abort = new AbortController()
    const work = async () => {
      // What is labelled from here on is new to the next training, whether or not it comes into this set.
      const labels = deps.labels()
      try {
        const frozen = await deps.freezes.freeze(setsOfWork, {
          signal: abort.signal,
          onProgress(done, total) {
            const here = preparing.get(id)
            if (here) here.share = total === 0 ? 0 : done / total
            announce(id)
          },
        })
        const chosen = known(id).counts.digest
        const set = namedSet(chosen ?? frozen.training.digest)
        const sets = { dataset: set.digest, golden: frozen.golden.digest, counts: countsOf(set), labels }
        if (!store.prepared(id, sets)) return
        announce(id)
        next()
        deps.bell.ring()
      } catch (error) {
        if (abort.signal.aborted) return
        log.error("job_not_prepared", { job: id, error: String(error) })
        const why = error instanceof Error ? error.message : String(error)
        if (store.finish(id, { state: "failed", error: why }, clock.now())) announce(id)
      }
    }
    const done = Promise.resolve()
      .then(work)
      .finally(() => preparing.delete(id))
    preparing.set(id, { abort, done, share: 0 })
  }
  const view = (id: string): JobView => viewOf(known(id), shownPoints)
  const embedded = (given: ParamValues = {}): JobRecipe => {
    const { id, version, task, params } = embeddedRecipe
    const filled = fillParams(params, given)
    // Decided once: a training that is repeated is given the same.
    const side = deps.sideFor(Number(filled.side))
    return { id, version, task, params: { ...filled, side }, max_minutes: deps.maxMinutes }
  }

  /** What was asked for, as the recipe it names takes it. Throws `not_found` and `invalid`. */
  const chosen = (request: v.InferOutput<typeof NewJob>): Pick<Wanted, "place" | "recipe" | "wish"> => {
    const wish = request.trainer ?? null
    const { id = embeddedRecipe.id, version, params = {} } = request.recipe ?? {}
    const { max_minutes, offline } = request
    const recipe = deps.recipes().find((one) => one.id === id)
    if (recipe?.embedded) {
      if (offline || wish !== null)
        throw new Problem("invalid", "recipe_embedded", "this recipe is the hub's own: no trainer makes it")
      return {
        place: "hub",
        wish,
        recipe: embedded(params),
      }
    }
    if (recipe && (version === undefined || version === recipe.version)) {
      const filled = fillParams(recipe.params, params)
      return {
        place: offline ? "paper" : "trainer",
        wish,
        recipe: { id, version: recipe.version, task: recipe.task, params: filled, max_minutes },
      }
    }
    if (!offline)
      throw new Problem("not_found", "recipe", `no trainer knows the recipe ${id}`, { recipe: id })
    // A trainer that never was here knows what its parameters mean.
    return {
      place: "paper",
      wish,
      recipe: { id, version: version ?? 1, task: offline.task, params, max_minutes },
    }
  }

  /** Registers and proves a result that was handed in; the job's row says how it ended. */
  const settle = (id: string): void => {
    if (stopping || proofs.has(id)) return
    const abort = new AbortController()
    const work = async () => {
      const job = known(id)
      const end = (how: Parameters<typeof store.finish>[1]) => {
        if (store.finish(id, how, clock.now())) announce(id)
      }
      let kept = new Set<string>()
      try {
        if (job.result === null) throw new Problem("internal", "internal", "there is no result")
        const dir = await deps.results.layOut(job, job.result)
        const { line, dataset, golden } = job
        const proof = await deps.prove({ id, line, dataset, golden }, dir, abort.signal)
        if (abort.signal.aborted) return
        kept = new Set([proof.model, ...proof.also])
        end({ state: "succeeded", model: proof.model, pass: proof.pass, note: proof.note })
      } catch (error) {
        if (abort.signal.aborted) return
        log.error("job_failed", { job: id, error: String(error) })
        end({ state: "failed", error: error instanceof Error ? error.message : String(error) })
      } finally {
        await rm(join(deps.workDir, id), { recursive: true, force: true })
      }
      await deps.tidy(id, kept)
    }
    const done = work()
      .catch((error) => log.error("job_failed", { job: id, error: String(error) }))
      .finally(() => proofs.delete(id))
    proofs.set(id, { abort, done })
  }

  const run = async (job: TrainingJob, abort: AbortController): Promise<void> => {
    const dir = join(deps.workDir, job.id)
    const end = (how: Parameters<typeof store.finish>[1]) => {
      if (store.finish(job.id, how, clock.now())) announce(job.id)
    }
    try {
      // Each made a file of its own first, one after the other: a bundle names thousands.
      for await (const { image } of dataset.samples(job.dataset)) await deps.blobs.file(image)
      if (job.bundle === null) store.setBundle(job.id, await deps.bundles.build(job))
      const kinds = createKinds()
      await writeBundle(dir, samplesOf(job, deps, kinds.add), () => specOf(job, kinds.classes(), deps))
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
      end({ state: "succeeded", model: proof.model, pass: proof.pass, note: proof.note })
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
    const [job] = store.queued("hub")
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
    /**
     * Queues a job. Throws `conflict` when there is nothing good to learn from, `not_found` and `invalid` for a recipe
     * nobody knows and for settings it does not take.
     */
    create(request: v.InferOutput<typeof NewJob>, by: string): JobView {
      const { line, seed } = request
      const wanted = { line, seed, why: "manual", by, reproduces: null, ...chosen(request) }
      return view(enqueue(wanted, request.dataset))
    },

    /** Queues the same task again: same set, recipe, settings and seed, so the same bundle. */
    reproduce(id: string, by: string): JobView {
      const { line, seed, place, recipe, wish, dataset: set, bundle } = known(id)
      const made = enqueue({ line, seed, place, recipe, wish, why: "reproduce", by, reproduces: id }, set)
      // To the byte, also where the hub's own limits have changed since.
      if (bundle !== null) store.setBundle(made, bundle)
      return view(made)
    },

    list: (limit: number): JobView[] =>
      store.newest(limit).map((job) => viewOf(job, job.finishedAt === null ? shownPoints : 0)),
    get: view,

    /** Ends a job that waits or runs; its trainer is killed, or told so at its next heartbeat. */
    cancel(id: string): JobView {
      known(id)
      const ended = db.transaction(() => {
        if (!store.finish(id, { state: "cancelled" }, clock.now())) return false
        leases.endAttempt(id, "cancelled", null, clock.now())
        return true
      })
      if (!ended) throw new Problem("conflict", "job_ended", "this job has ended already")
      preparing.get(id)?.abort.abort()
      if (current?.id === id) {
        current.abort.abort()
        current.run?.kill()
      }
      proofs.get(id)?.abort.abort()
      deps
        .tidy(id, new Set())
        .catch((error) => log.error("job_not_tidied", { job: id, error: String(error) }))
      announce(id)
      return view(id)
    },

    /** Starts a job by itself when the labels ask for one; call it after labels have come. */
    consider(line: string): void {
      if (!deps.policy.automatic || store.busy()) return
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
        enqueue({
          line,
          seed: 1,
          why,
          by: "hub",
          place: "hub",
          recipe: embedded(),
          wish: null,
          reproduces: null,
        })
      } catch (error) {
        // Labels without a single OK part: the next label asks again.
        if (!(error instanceof Problem && error.key === "training_no_ok")) throw error
      }
    },

    /** Reaps what a killed hub left behind: once back into the queue, the second time a visible failure. */
    start(): void {
      // Bundles of a killed hub: a job that is taken up again writes its own anew.
      rmSync(deps.workDir, { recursive: true, force: true })
      for (const id of store.preparing()) prepare(id)
      for (const job of store.atWork()) {
        if (job.place !== "hub") {
          // A trainer goes on by itself; what it has handed in is proved again.
          if (job.state === "proving") settle(job.id)
          continue
        }
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
      for (const { abort } of [...proofs.values(), ...preparing.values()]) abort.abort()
      await current?.done
      await Promise.all([...proofs.values(), ...preparing.values()].map(({ done }) => done))
    },

    recipes: deps.recipes,
    settle,
    announce,
  }

  function viewOf(job: TrainingJob, points: number): JobView {
    const curve = points === 0 ? [] : store.curve(job.id)
    const [checkpoint] = leases.checkpoints(job.id)
    return {
      id: job.id,
      line: job.line,
      state: job.state,
      why: job.why,
      progress:
        job.state === "preparing"
          ? { phase: "prepare", progress: preparing.get(job.id)?.share ?? 0 }
          : job.progress,
      dataset: job.counts,
      place: job.place,
      recipe: {
        id: job.recipe.id,
        version: job.recipe.version,
        task: job.recipe.task,
        params: job.recipe.params,
      },
      seed: job.seed,
      bundle: job.bundle,
      reproduces: job.reproduces,
      trainer: job.trainer,
      attempts: leases.attempts(job.id),
      checkpoint: checkpoint ? { n: checkpoint.n, step: checkpoint.step ?? null, at: checkpoint.at } : null,
      curve: thinned(curve, points),
      figures: Object.assign({}, ...curve.map((point) => point.metrics)) as Record<string, number>,
      error: job.error,
      note: job.note,
      model: job.model,
      gate_pass: job.gatePass,
      created_at: job.createdAt,
      started_at: job.startedAt,
      finished_at: job.finishedAt,
      created_by: job.createdBy,
    }
  }
}
export type Training = ReturnType<typeof createTraining>

function countsOf({ digest, samples, summary }: DatasetVersion): JobView["dataset"] {
  const { ok = 0, ng = 0 } = summary.by_split.train ?? {}
  return { digest, train: ok + ng, calib: samples - ok - ng, ...summary.total }
}

const noGood = () =>
  new Problem(
    "conflict",
    "training_no_ok",
    "there is no OK part to learn from yet; label or upload good parts",
  )

function specOf(job: TrainingJob, classes: TrainingJobSpec["classes"], deps: TrainingDeps): TrainingJobSpec {
  const { id, version, params } = job.recipe
  return {
    v: 1,
    job_id: job.id,
    recipe: { id, version, params },
    task: "anomaly",
    seed: job.seed,
    classes,
    ...(deps.backbone && { backbone: deps.backbone }),
    dataset: job.dataset,
    budget: { max_minutes: deps.maxMinutes },
    target: deps.target,
  }
}

async function* samplesOf(
  job: TrainingJob,
  { dataset, blobs }: Pick<TrainingDeps, "dataset" | "blobs">,
  onSample: ReturnType<typeof createKinds>["add"],
): AsyncGenerator<TrainingSample> {
  for await (const sample of dataset.samples(job.dataset)) {
    const { id, image, w, h, split, group, product, weight, label } = sample
    // A golden part in a bundle would prove nothing any more; the set holds none, and this line says so again.
    if (split === "golden") continue
    onSample(sample)
    yield {
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
    }
  }
}
