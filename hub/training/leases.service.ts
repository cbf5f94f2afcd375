import type * as v from "valibot"
import { Problem } from "#contract/problem"
import {
  type ArtifactState,
  type ClaimedJob,
  type Failure,
  type Heartbeat,
  type HeartbeatAnswer,
  type LogAnswer,
  type MetricPoints,
  type NewCheckpoint,
  type TrainerClaim,
  type TrainerJobState,
  trainerLimits,
} from "#contract/trainer"
import type { Blobs } from "#platform/blobs"
import type { Clock } from "#platform/clock"
import type { Log } from "#platform/log"
import type { Sqlite } from "#platform/sqlite"
import type { Bell } from "./bell.ts"
import type { JobBundles } from "./job-bundle.ts"
import type { JobLog } from "./job-log.ts"
import { afterAttempt, isLost, standingOf } from "./lease.rules.ts"
import type { LeasesStore } from "./leases.store.ts"
import { type Capabilities, suits } from "./recipe.rules.ts"
import type { Results } from "./results.ts"
import type { Trainers } from "./trainers.service.ts"
import type { TrainingJob, TrainingStore } from "./training.store.ts"
import type { Piece, Uploads } from "./uploads.ts"

export type LeasesDeps = {
  db: Sqlite
  store: TrainingStore
  leases: LeasesStore
  trainers: Pick<Trainers, "said">
  bundles: JobBundles
  uploads: Uploads
  logs: JobLog
  results: Results
  blobs: Pick<Blobs, "putFile" | "file" | "size" | "has" | "remove">
  bell: Bell
  clock: Clock
  log: Log
  announce: (id: string) => void
  /** Registers and proves a result that was taken. */
  settle: (id: string) => void
  /** A lease without word for twice this long is lost. */
  ttlMs: number
}

type Claim = v.InferOutput<typeof TrainerClaim>
type JobState = TrainerJobState

/** Shorter files of a result stay: they tell how a model came about. */
const smallBytes = 1024 * 1024
/** Checkpoints kept: the newest, and the one before in case the newest does not load. */
const keptCheckpoints = 2

/** What trainers on other machines may do with jobs: take one, keep it by heartbeats, hand in, give back. */
export function createLeases(deps: LeasesDeps) {
  const { db, store, leases, trainers, bundles, uploads, logs, results, blobs, bell, clock, log, ttlMs } =
    deps
  const ttlS = ttlMs / 1000
  const until = () => clock.now() + ttlMs
  let open = true

  /** The job, if this trainer was ever given it. Throws `not_found` otherwise: it learns nothing of others' jobs. */
  const known = (trainer: string, id: string): TrainingJob => {
    const job = store.get(id)
    if (!job || !leases.had(id, trainer)) throw noJob(id)
    return job
  }
  /** The job, if this trainer has it. Takes a lease up again that ran out, as long as nobody else has had it since. */
  const held = (trainer: string, id: string, epoch: number): TrainingJob => {
    const job = known(trainer, id)
    switch (standingOf(job, trainer, epoch, true)) {
      case "ours":
        return job
      case "again":
        if (!db.transaction(() => leases.again(id, until()))) throw lost(job)
        deps.announce(id)
        return store.get(id)!
      case "ended":
        throw new Problem("conflict", "job_ended", "this job has ended", { state: job.state })
      case "lost":
        throw lost(job)
      default:
        throw noJob(id)
    }
  }

  const claimed = async (id: string): Promise<ClaimedJob> => {
    const job = store.get(id)!
    const checkpoint = leases.checkpoints(id)[0]
    return {
      job: {
        id,
        attempt: Math.max(1, job.attempt),
        recipe: { id: job.recipe.id, version: job.recipe.version },
        bundle: job.bundle ?? "",
        log_offset: await logs.size(id),
        resume_from: checkpoint
          ? {
              n: checkpoint.n,
              sha256: checkpoint.sha256,
              size: checkpoint.size,
              ...(checkpoint.step !== undefined && { step: checkpoint.step }),
            }
          : null,
      },
      lease: { epoch: job.epoch, expires_at: job.leaseUntil ?? until(), ttl_s: ttlS },
    }
  }

  /** Gives the oldest job that suits to this trainer. */
  const take = async (by: Capabilities, asked: Claim): Promise<string | null> => {
    for (const job of store.queued("trainer")) {
      if (!suits(job, by)) continue
      if (asked.recipes && !asked.recipes.includes(job.recipe.id)) continue
      if (job.bundle === null && !(await prepare(job))) continue
      const given = db.transaction(() => {
        const to = { trainer: by.trainer, claim: asked.request_id, until: until(), at: clock.now() }
        if (!leases.lease(job.id, to)) return false
        // Nothing to go on from: the curves begin anew as well.
        if (leases.checkpoints(job.id).length === 0) store.clearPoints(job.id)
        return true
      })
      if (!given) continue
      log.info("job_leased", { job: job.id, trainer: by.trainer })
      deps.announce(job.id)
      return job.id
    }
    return null
  }
  const prepare = async (job: TrainingJob): Promise<boolean> => {
    try {
      store.setBundle(job.id, await bundles.build(job))
      return true
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      log.error("bundle_failed", { job: job.id, error: why })
      if (store.finish(job.id, { state: "failed", error: why }, clock.now())) deps.announce(job.id)
      return false
    }
  }

  /** Ends the attempt under way: back into the queue, or a visible failure. */
  const comeBack = (job: TrainingJob, how: string, why: string, retryable: boolean): void => {
    db.transaction(() => {
      const at = clock.now()
      leases.endAttempt(job.id, how, why, at)
      const next = afterAttempt(job.attempt, retryable)
      if (next === "queued") store.requeue(job.id, why)
      else store.finish(job.id, { state: "failed", error: why }, at)
      // One that only fell silent may take it up again as long as nobody else has.
      if (how !== "lost" || next === "failed") leases.giveBack(job.id)
    })
    log.info("job_came_back", { job: job.id, how, why })
    deps.announce(job.id)
    bell.ring()
  }

  const sweep = (): void => {
    const now = clock.now()
    for (const job of store.atWork()) {
      if (job.place === "hub" || job.state !== "running" || job.leaseUntil === null) continue
      if (isLost(job.leaseUntil, ttlMs, now))
        comeBack(job, "lost", `nothing was heard of ${job.trainer}`, true)
      else if (now > (attemptStart(job) ?? now) + job.recipe.max_minutes * 60_000)
        comeBack(job, "out_of_time", `it took longer than ${job.recipe.max_minutes} minutes`, false)
    }
  }
  const attemptStart = (job: TrainingJob) => leases.attempts(job.id).at(-1)?.started_at

  const stateOf = (trainer: string, id: string): JobState => {
    const job = known(trainer, id)
    return {
      // A trainer knows of a job once it is in the queue.
      state: job.state === "preparing" ? "queued" : job.state,
      epoch: job.epoch,
      yours: job.state === "running" && job.trainer === trainer,
      error: job.error,
      model: job.model,
      gate_pass: job.gatePass,
    }
  }

  /** Removes what only an unfinished job needs. */
  const tidy = async (id: string, kept: ReadonlySet<string>): Promise<void> => {
    await uploads.dropAll(id)
    for (const { n } of leases.checkpoints(id)) leases.dropCheckpoint(id, n)
    for (const { sha256, size } of leases.files(id))
      if (size > smallBytes && !kept.has(sha256) && leases.dropFile(id, sha256)) await blobs.remove(sha256)
  }

  return {
    /** Waits for a job that suits; null when there was none in time. The same claim again gets the same job. */
    async claim(trainer: string, asked: Claim, gone: AbortSignal): Promise<ClaimedJob | null> {
      const end = performance.now() + asked.wait_s * 1000
      for (;;) {
        if (!open) return null
        const heard = bell.rung()
        sweep()
        const before = leases.byClaim(trainer, asked.request_id)
        if (before !== undefined) return await claimed(before)
        const said = trainers.said(trainer)
        if (!said)
          throw new Problem(
            "conflict",
            "register_first",
            "say what you can do first: POST /trainer/v1/register",
          )
        const gpuMemGb = asked.free_gpu_mem_gb ?? Math.max(0, ...said.gpus.map((gpu) => gpu.mem_gb))
        const got = await take({ trainer, recipes: said.recipes, gpuMemGb }, asked)
        if (got !== null) return await claimed(got)
        const left = end - performance.now()
        if (left <= 0 || gone.aborted) return null
        await bell.wait(heard, Math.min(left, 5_000), gone)
        if (gone.aborted) return null
      }
    },

    state: stateOf,

    /** Bytes of the job's `bundle.json`. */
    async bundle(trainer: string, id: string, epoch: number): Promise<Uint8Array> {
      const { bundle } = held(trainer, id, epoch)
      if (bundle === null) throw noObject()
      return await bundles.read(bundle)
    },
    /** Path and length of an object that is part of the job: its bundle, or its checkpoints. Throws `not_found`. */
    async object(trainer: string, id: string, epoch: number, sha256: string) {
      const job = held(trainer, id, epoch)
      const own =
        leases.checkpoints(id).some((one) => one.sha256 === sha256) || (await bundles.holds(job, sha256))
      if (!own) throw noObject()
      const size = await blobs.size(sha256)
      if (size === undefined) throw noObject()
      return { path: await blobs.file(sha256), size }
    },

    heartbeat(
      trainer: string,
      id: string,
      beat: v.InferOutput<typeof Heartbeat>,
    ): v.InferOutput<typeof HeartbeatAnswer> {
      const before = known(trainer, id)
      // Whoever has a job that was cancelled is told so in the one answer it waits for.
      const mine = before.trainer === trainer && before.epoch === beat.epoch
      if (mine && before.state === "cancelled") return { cancel: true, expires_at: clock.now(), ttl_s: ttlS }
      held(trainer, id, beat.epoch)
      const { phase, progress, eta_s, metrics, step, message, gpu } = beat
      const expires = until()
      db.transaction(() => {
        leases.renew(id, expires)
        store.setProgress(id, {
          phase,
          progress,
          ...(eta_s !== undefined && { eta_s }),
          ...(metrics && { metrics }),
          ...(message !== undefined && { message }),
          ...(gpu && { gpu }),
        })
        if (metrics && step !== undefined && store.countPoints(id) < trainerLimits.points)
          store.setPoints(id, [{ step, progress, metrics }], clock.now())
      })
      deps.announce(id)
      return { cancel: false, expires_at: expires, ttl_s: ttlS }
    },

    metrics(trainer: string, id: string, { epoch, points }: v.InferOutput<typeof MetricPoints>): void {
      const job = held(trainer, id, epoch)
      const room = trainerLimits.points - store.countPoints(id)
      const progress = job.progress?.progress ?? 0
      const sent = points.map((point) => ({ ...point, progress: point.progress ?? progress }))
      db.transaction(() => store.setPoints(id, sent.slice(0, Math.max(0, room)), clock.now()))
      deps.announce(id)
    },

    async log(
      trainer: string,
      id: string,
      { epoch, offset, text }: { epoch: number; offset: number; text: string },
    ): Promise<v.InferOutput<typeof LogAnswer>> {
      held(trainer, id, epoch)
      return await logs.append(id, offset, text)
    },

    async artifact(
      trainer: string,
      id: string,
      epoch: number,
      sha256: string,
    ): Promise<v.InferOutput<typeof ArtifactState>> {
      held(trainer, id, epoch)
      const whole = leases.fileSize(id, sha256)
      if (whole !== undefined) return { offset: whole, complete: true }
      return { offset: await uploads.arrived(id, sha256), complete: false }
    },

    /** Takes a piece of an artefact. Throws what `Uploads` throws, and `too_large`. */
    async putArtifact(
      trainer: string,
      id: string,
      epoch: number,
      sha256: string,
      piece: Piece,
      body: ReadableStream<Uint8Array> | null,
    ): Promise<v.InferOutput<typeof ArtifactState>> {
      held(trainer, id, epoch)
      const known = leases.fileSize(id, sha256)
      if (known !== undefined) {
        await body?.cancel()
        return { offset: known, complete: true }
      }
      const { artifactBytes, jobBytes } = trainerLimits
      // What has been begun counts as well: the disk holds it.
      const begun = (await uploads.pending(id)) - (await uploads.arrived(id, sha256))
      if (piece.total > artifactBytes || leases.handedIn(id) + begun + piece.total > jobBytes)
        throw new Problem("too_large", "artifact", "this is more than a job may hand in", {
          max: artifactBytes,
        })
      const offset = await uploads.take(id, sha256, piece, body)
      if (offset < piece.total) return { offset, complete: false }
      const path = await uploads.whole(id, sha256)
      // The job may have gone on without this trainer while its bytes came in.
      held(trainer, id, epoch)
      const fresh = !(await blobs.has(sha256))
      await blobs.putFile(path)
      leases.addFile(id, sha256, offset, fresh)
      await uploads.drop(id, sha256)
      return { offset, complete: true }
    },

    /** Makes an artefact the one a next attempt goes on from. */
    async checkpoint(
      trainer: string,
      id: string,
      n: number,
      { epoch, sha256, step }: v.InferOutput<typeof NewCheckpoint>,
    ): Promise<void> {
      held(trainer, id, epoch)
      const size = leases.fileSize(id, sha256)
      if (size === undefined) throw missing(sha256)
      leases.addCheckpoint(id, { n, sha256, size, step: step ?? null, at: clock.now() })
      const [, ...older] = leases.checkpoints(id)
      const kept = new Set(
        leases
          .checkpoints(id)
          .slice(0, keptCheckpoints)
          .map((one) => one.sha256),
      )
      for (const old of older.slice(keptCheckpoints - 1)) {
        leases.dropCheckpoint(id, old.n)
        if (!kept.has(old.sha256) && leases.dropFile(id, old.sha256)) await blobs.remove(old.sha256)
      }
      deps.announce(id)
    },

    /** Takes a result once all of it is there and fits together; the same again answers the state. */
    async complete(trainer: string, id: string, epoch: number, manifest: string): Promise<JobState> {
      const before = known(trainer, id)
      const mine = before.trainer === trainer && before.epoch === epoch
      if (mine && before.result === manifest && before.state !== "running") return stateOf(trainer, id)
      const job = held(trainer, id, epoch)
      await results.layOut(job, manifest)
      held(trainer, id, epoch)
      db.transaction(() => {
        leases.handIn(id, manifest)
        leases.endAttempt(id, "handed_in", null, clock.now())
      })
      log.info("job_handed_in", { job: id, trainer })
      deps.announce(id)
      deps.settle(id)
      return stateOf(trainer, id)
    },

    fail(trainer: string, id: string, failure: v.InferOutput<typeof Failure>): JobState {
      const before = known(trainer, id)
      // Said twice: the first time counts.
      const last = leases.attempts(id).at(-1)
      if (last?.trainer === trainer && last.end === failure.class && before.epoch === failure.epoch)
        return stateOf(trainer, id)
      comeBack(held(trainer, id, failure.epoch), failure.class, failure.message, failure.retryable)
      return stateOf(trainer, id)
    },

    /** Given back in good order: it counts as no try. */
    release(trainer: string, id: string, epoch: number): JobState {
      const before = known(trainer, id)
      const last = leases.attempts(id).at(-1)
      if (last?.trainer === trainer && last.end === "released" && before.epoch === epoch)
        return stateOf(trainer, id)
      const job = held(trainer, id, epoch)
      db.transaction(() => {
        leases.endAttempt(id, "released", null, clock.now())
        store.requeue(id, null)
        leases.uncount(id)
        leases.giveBack(id)
      })
      log.info("job_came_back", { job: job.id, how: "released" })
      deps.announce(id)
      bell.ring()
      return stateOf(trainer, id)
    },

    /** Jobs of a trainer whose token was taken back go on with others. */
    dropTrainer(trainer: string): void {
      for (const id of leases.heldBy(trainer)) {
        const job = store.get(id)
        if (!job) continue
        comeBack(job, "revoked", `the token of ${trainer} was taken back`, true)
        leases.giveBack(id)
      }
    },

    sweep,
    tidy,
    /** Lets those go who wait for a job. */
    stop(): void {
      open = false
      bell.ring()
    },

    /** A hub that was away hears nothing: leases under way go on from now. */
    start(): void {
      for (const job of store.atWork())
        if (job.place !== "hub" && job.state === "running" && job.leaseUntil !== null)
          leases.renew(job.id, Math.max(job.leaseUntil, until()))
    },
  }
}
export type Leases = ReturnType<typeof createLeases>

const noJob = (id: string) => new Problem("not_found", "job", `there is no training job ${id}`, { job: id })
const noObject = () => new Problem("not_found", "object", "this job has no such object")
const missing = (sha256: string) =>
  new Problem("conflict", "artifact_missing", `the artefact ${sha256} has not been uploaded whole`, {
    sha256,
  })
const lost = ({ epoch }: TrainingJob) =>
  new Problem("conflict", "lease_lost", "the job was given to another trainer, or taken back", { epoch })
