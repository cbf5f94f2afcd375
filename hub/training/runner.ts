import { rm } from "node:fs/promises"
import { join } from "node:path"
import type { TrainingJobSpec, TrainingProgress, TrainingSample } from "#contract/training"
import type { Clock } from "#platform/clock"
import type { Log } from "#platform/log"
import type { Dataset } from "../dataset/dataset.service.ts"
import { writeBundle } from "./bundle.ts"
import { createKinds } from "./bundle-texts.ts"
import type { JobBundles } from "./job-bundle.ts"
import { createProgressWriter } from "./progress-writer.ts"
import type { Prove } from "./proofs.ts"
import type { TrainingJob, TrainingStore } from "./training.store.ts"

/** A trainer at work on one bundle folder. */
export type TrainerRun = {
  /** Settles when the trainer has ended: null, or what went wrong in one sentence. */
  readonly ended: Promise<string | null>
  readonly kill: () => void
}
/** Starts a trainer on `dir`; it writes its result to the same folder. */
export type Trainer = (dir: string, onProgress: (progress: TrainingProgress) => void) => TrainerRun

export type RunnerDeps = {
  store: TrainingStore
  bundles: Pick<JobBundles, "build">
  clock: Clock
  log: Log
  dataset: Pick<Dataset, "samples">
  blobs: { path(sha256: string): string; file(sha256: string): Promise<string> }
  trainer: Trainer
  prove: Prove
  /** Folder for job bundles and results at work; emptied job by job. */
  workDir: string
  /** Default: the one the trainer ships with. */
  backbone?: TrainingJobSpec["backbone"]
  target: TrainingJobSpec["target"]
  /** Longest an embedded training may take. */
  maxMinutes: number
  announce: (id: string) => void
}

/** The hub's own trainings, one at a time. */
export function createRunner(deps: RunnerDeps) {
  const { store, clock, log, dataset, announce } = deps
  let current:
    | { id: string; run: TrainerRun | undefined; abort: AbortController; done: Promise<void> }
    | undefined
  let stopping = false

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
      const progress = createProgressWriter((said) => {
        if (stopping) return
        store.progress(job.id, said, clock.now())
        announce(job.id)
      })
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
    next,
    /** Ends a job that is at work; its trainer is killed. */
    cancel(id: string): void {
      if (current?.id !== id) return
      current.abort.abort()
      current.run?.kill()
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

function specOf(job: TrainingJob, classes: TrainingJobSpec["classes"], deps: RunnerDeps): TrainingJobSpec {
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
  { dataset, blobs }: Pick<RunnerDeps, "dataset" | "blobs">,
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
