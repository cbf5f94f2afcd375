import type { JobView } from "#contract/registry"

/** A job as a lease is judged by. */
export type Holding = {
  state: JobView["state"]
  /** Who had it last; null when it was given back. */
  trainer: string | null
  epoch: number
}

/**
 * What a call of a trainer about a job is worth. `ours`: it has it. `again`: its lease ran out, but nobody else has had
 * it since, so it may go on. `lost`: the job went on without it. `ended`: cancelled, failed, or the result is there.
 * `foreign`: it never had it, and learns nothing about it.
 */
export type Standing = "ours" | "again" | "lost" | "ended" | "foreign"

/** `had`: whether this trainer was ever given the job. An old epoch decides nothing but that. */
export function standingOf(job: Holding, by: string, epoch: number, had: boolean): Standing {
  if (!had || epoch > job.epoch) return "foreign"
  if (job.trainer !== by || epoch < job.epoch) return "lost"
  if (job.state === "running") return "ours"
  return job.state === "queued" ? "again" : "ended"
}

/** Times a job is given out before it is given up: what five machines could not finish, the sixth will not. */
export const mostAttempts = 5

/** What happens with a job that came back without a result. */
export function afterAttempt(attempts: number, retryable: boolean): "queued" | "failed" {
  return retryable && attempts < mostAttempts ? "queued" : "failed"
}

/** When a lease counts as lost: no word for twice its length. */
export const isLost = (leaseUntil: number, ttlMs: number, now: number): boolean => now > leaseUntil + ttlMs
