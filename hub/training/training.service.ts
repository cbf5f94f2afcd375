import { rmSync } from "node:fs"
import type * as v from "valibot"
import { Problem } from "#contract/problem"
import type { JobView, NewJob, ParamValues } from "#contract/registry"
import type { RecipeView } from "#contract/trainer"
import type { Events } from "#platform/events"
import type { Ids } from "#platform/ids"
import type { Sqlite } from "#platform/sqlite"
import type { Dataset } from "../dataset/dataset.service.ts"
import type { Bell } from "./bell.ts"
import { thinned } from "./curve.rules.ts"
import type { LeasesStore } from "./leases.store.ts"
import { countsOf, createPreparations, type PreparationsDeps } from "./preparations.ts"
import { createProofs, type ProofsDeps } from "./proofs.ts"
import { embeddedRecipe, fillParams } from "./recipe.rules.ts"
import { createRunner, type RunnerDeps } from "./runner.ts"
import { type TrainingPolicy, trainNow } from "./schedule.rules.ts"
import type { JobRecipe, NewTrainingJob, TrainingJob } from "./training.store.ts"

export type TrainingDeps = Omit<PreparationsDeps & ProofsDeps & RunnerDeps, "announce" | "onQueued"> & {
  db: Sqlite
  leases: LeasesStore
  /** What can be chosen. */
  recipes: () => RecipeView[]
  /** Tells trainers that wait that there may be a job. */
  bell: Bell
  ids: Ids
  events: Events
  dataset: Pick<Dataset, "nothing">
  /** Kinds the champion or a waiting candidate knows; null when there is no champion. */
  knownKinds: () => ReadonlySet<string> | null
  policy: TrainingPolicy
  /** The side of pictures an embedded training gets for the one that was asked for. */
  sideFor: (asked: number) => number
}

/** Points of a curve that are shown; more are one line on a screen. */
const shownPoints = 400

/** The queue of training jobs, and the hub's own runner. Trainers on other machines come through `leases.service`. */
export function createTraining(deps: TrainingDeps) {
  const { db, store, leases, clock, ids, events, log, dataset } = deps
  const announce = (id: string) => {
    const job = store.get(id)
    const share = preparations.share(id) ?? job?.progress?.progress ?? null
    if (job) events.announce("job", { id, state: job.state, progress: share })
  }
  const runner = createRunner({ ...deps, announce })
  const proofs = createProofs({ ...deps, announce })
  const preparations = createPreparations({
    ...deps,
    announce,
    onQueued() {
      runner.next()
      deps.bell.ring()
    },
  })
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
    const set = preparations.choose(named)
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
    preparations.begin(id)
    return id
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
      preparations.cancel(id)
      runner.cancel(id)
      proofs.cancel(id)
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
      for (const id of store.preparing()) preparations.begin(id)
      for (const job of store.atWork()) {
        if (job.place !== "hub") {
          // A trainer goes on by itself; what it has handed in is proved again.
          if (job.state === "proving") proofs.begin(job.id)
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
      runner.next()
    },

    /** Kills a running trainer; its job is taken up again at the next start. */
    async stop(): Promise<void> {
      await Promise.all([runner.stop(), proofs.stop(), preparations.stop()])
    },

    recipes: deps.recipes,
    settle: proofs.begin,
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
          ? { phase: "prepare", progress: preparations.share(job.id) ?? 0 }
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
