import { join } from "node:path"
import type { GatePolicy } from "#contract/registry"
import { trainerLimits } from "#contract/trainer"
import type { Audit } from "#platform/audit"
import type { Blobs } from "#platform/blobs"
import type { Dataset } from "../dataset/dataset.service.ts"
import { createBell } from "./bell.ts"
import { type BundleTarget, type BundleTexts, createBundleTexts } from "./bundle-texts.ts"
import { createJobBundles } from "./job-bundle.ts"
import { createJobLog } from "./job-log.ts"
import { createLeases } from "./leases.service.ts"
import { createLeasesStore } from "./leases.store.ts"
import { createPaper, type PaperDeps } from "./paper.service.ts"
import { recipesOf } from "./recipe.rules.ts"
import { createResults, type ResultsDeps } from "./results.ts"
import { createTrainerRoutes } from "./trainer.routes.ts"
import { createTrainers } from "./trainers.service.ts"
import { createTrainersStore } from "./trainers.store.ts"
import { createTrainingRoutes } from "./training.routes.ts"
import { createTraining, type TrainingDeps } from "./training.service.ts"
import { createTrainingStore } from "./training.store.ts"
import { createUploads } from "./uploads.ts"

type OwnDeps = "store" | "leases" | "bundles" | "results" | "recipes" | "bell" | "tidy" | "dataset" | "blobs"

export type TrainingDomainDeps = Omit<TrainingDeps, OwnDeps> & {
  dataset: Dataset
  blobs: Blobs
  audit: Audit
  policy: TrainingDeps["policy"]
  gate: GatePolicy
  bundleTarget: BundleTarget
  /** What was drawn on a part by the label that was stored then. */
  drawingAt: Parameters<typeof createBundleTexts>[0]["drawingAt"]
  /** Writes the texts of bundles in a process of its own; without it the hub does. */
  bundleTexts: BundleTexts | undefined
  /** Where bundles become tars; the domain before this one has it, and is put together after it. */
  exports: PaperDeps["exports"]
  /** Reads a result's model and its contract; throws `invalid` with what does not fit. */
  checkResult: ResultsDeps["check"]
  /** Folder for what trainers are handing in, and their logs. */
  keepDir: string
  /** Length of a lease. */
  ttlMs: number
}

/** How often leases are looked at. */
const sweepMs = 5_000

/** Training: the queue with the hub's own runner, and the door for trainers on other machines. */
export function createTrainingDomain(deps: TrainingDomainDeps) {
  const { db, clock, events, log, blobs, dataset, audit, ttlMs, keepDir, workDir } = deps
  const store = createTrainingStore(db)
  const leasesStore = createLeasesStore(db)
  const bell = createBell()
  const bundles = createJobBundles({
    dataset,
    blobs,
    texts: deps.bundleTexts ?? createBundleTexts({ samples: dataset.samples, drawingAt: deps.drawingAt }),
    target: deps.bundleTarget,
    policy: deps.gate,
    folder: join(keepDir, "bundles"),
  })
  const logs = createJobLog({ folder: join(keepDir, "logs"), most: trainerLimits.logBytes })
  const uploads = createUploads({ folder: join(keepDir, "uploads") })
  const results = createResults({ leases: leasesStore, blobs, folder: workDir, check: deps.checkResult })
  const trainers = createTrainers({
    db,
    store: createTrainersStore(db),
    clock,
    events,
    audit,
    jobsOf: leasesStore.heldBy,
  })
  const training = createTraining({
    ...deps,
    store,
    leases: leasesStore,
    bundles,
    results,
    bell,
    recipes: () => recipesOf(trainers.list()),
    tidy: (id, kept) => leases.tidy(id, kept),
  })
  const leases = createLeases({
    db,
    store,
    leases: leasesStore,
    trainers,
    bundles,
    uploads,
    logs,
    results,
    blobs,
    bell,
    clock,
    log,
    announce: training.announce,
    settle: training.settle,
    ttlMs,
  })
  const paper = createPaper({
    db,
    store,
    leases: leasesStore,
    bundles,
    results,
    blobs,
    exports: deps.exports,
    clock,
    training,
    keepDir,
  })
  let sweeping: ReturnType<typeof setInterval> | undefined

  return {
    training,
    trainers,
    routes: [
      createTrainingRoutes({ training, trainers, leases, logs, paper }),
      createTrainerRoutes({ trainers, leases, clock, ttlMs }),
    ],
    start() {
      bundles.sweep()
      void paper.sweep()
      leases.start()
      training.start()
      sweeping = setInterval(
        () => {
          try {
            leases.sweep()
          } catch (error) {
            log.error("leases_not_swept", { error: String(error) })
          }
        },
        Math.min(sweepMs, ttlMs),
      )
    },
    async stop(): Promise<void> {
      clearInterval(sweeping)
      leases.stop()
      await training.stop()
    },
  }
}
