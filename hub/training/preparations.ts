import type { DatasetVersion } from "#contract/dataset"
import { Problem } from "#contract/problem"
import type { JobView } from "#contract/registry"
import type { Clock } from "#platform/clock"
import type { Log } from "#platform/log"
import type { Dataset } from "../dataset/dataset.service.ts"
import { type Freezes, setsOfWork } from "../dataset/freeze.service.ts"
import type { LabelCounts } from "./schedule.rules.ts"
import type { TrainingStore } from "./training.store.ts"

export type PreparationsDeps = {
  store: Pick<TrainingStore, "get" | "prepared" | "finish">
  clock: Clock
  log: Log
  dataset: Pick<Dataset, "version">
  freezes: Pick<Freezes, "freeze">
  /** Whether a good part has been labelled or uploaded: without one there is nothing to learn from. */
  hasGood: () => boolean
  /** Labels people have given, as the labelling counts them. */
  labels: () => LabelCounts
  announce: (id: string) => void
  /** A job waits in the queue, its sets frozen. */
  onQueued: () => void
}

/** Jobs whose sets are being frozen, beside everything else. */
export function createPreparations(deps: PreparationsDeps) {
  const { store, clock, log, dataset, announce } = deps
  const atWork = new Map<string, { abort: AbortController; done: Promise<void>; share: number }>()

  /** A set to learn from. Throws `invalid`, and `conflict` for one without a good part. */
  const namedSet = (digest: string): DatasetVersion => {
    const set = dataset.version(digest)
    if (set.role !== "training")
      throw new Problem("invalid", "dataset_roles", "a golden set is not trained on")
    if ((set.summary.by_split.train?.ok ?? 0) === 0) throw noGood()
    return set
  }

  return {
    /** The set a job is to learn from: the one that is named, or none yet for what is labelled now. Throws as `namedSet`. */
    choose(named: string | undefined): DatasetVersion | undefined {
      if (named !== undefined) return namedSet(named)
      if (!deps.hasGood()) throw noGood()
      return undefined
    },

    /** Has the sets of a job frozen. A hub that is stopped meanwhile begins again at its next start. */
    begin(id: string): void {
      const abort = new AbortController()
      const work = async () => {
        // What is labelled from here on is new to the next training, whether or not it comes into this set.
        const labels = deps.labels()
        try {
          const frozen = await deps.freezes.freeze(setsOfWork, {
            signal: abort.signal,
            onProgress(done, total) {
              const here = atWork.get(id)
              if (here) here.share = total === 0 ? 0 : done / total
              announce(id)
            },
          })
          const chosen = store.get(id)?.counts.digest
          const set = namedSet(chosen ?? frozen.training.digest)
          const sets = { dataset: set.digest, golden: frozen.golden.digest, counts: countsOf(set), labels }
          if (!store.prepared(id, sets)) return
          announce(id)
          deps.onQueued()
        } catch (error) {
          if (abort.signal.aborted) return
          log.error("job_not_prepared", { job: id, error: String(error) })
          const why = error instanceof Error ? error.message : String(error)
          if (store.finish(id, { state: "failed", error: why }, clock.now())) announce(id)
        }
      }
      const done = Promise.resolve()
        .then(work)
        .finally(() => atWork.delete(id))
      atWork.set(id, { abort, done, share: 0 })
    },

    /** How far a job's sets are frozen; undefined when they are not at it. */
    share: (id: string): number | undefined => atWork.get(id)?.share,
    cancel: (id: string): void => atWork.get(id)?.abort.abort(),
    async stop(): Promise<void> {
      for (const { abort } of atWork.values()) abort.abort()
      await Promise.all([...atWork.values()].map(({ done }) => done))
    },
  }
}

/** What a set holds, as a job shows it. */
export function countsOf({ digest, samples, summary }: DatasetVersion): JobView["dataset"] {
  const { ok = 0, ng = 0 } = summary.by_split.train ?? {}
  return { digest, train: ok + ng, calib: samples - ok - ng, ...summary.total }
}

const noGood = () =>
  new Problem(
    "conflict",
    "training_no_ok",
    "there is no OK part to learn from yet; label or upload good parts",
  )
