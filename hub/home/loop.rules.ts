import type { JobView } from "#contract/registry"
import type { LoopView, RolloutView } from "#contract/rollout"

/** What people have labelled so far of one kind. */
export type Sighting = { firstSeenAt: number; firstLabelledAt: number; labels: number }

export type LoopFacts = {
  kind: string
  /** Newest first. */
  jobs: readonly Pick<JobView, "id" | "state" | "dataset">[]
  models: readonly {
    digest: string
    state: "candidate" | "released"
    kinds: ReadonlySet<string>
    job: string | null
  }[]
  rollouts: readonly Pick<RolloutView, "id" | "model" | "state" | "devices" | "finished_at">[]
}

export type LoopPosition = Pick<LoopView, "stage"> & {
  job: string | null
  model: string | null
  rollout: string | null
  closedAt: number | null
}

/** How far the loop of a kind has come: the last stage that something which knows the kind has reached. */
export function positionOf({ kind, jobs, models, rollouts }: LoopFacts): LoopPosition {
  const knowing = models.filter((m) => m.kinds.has(kind))
  const modelOf = (digest: string) => knowing.find((m) => m.digest === digest)
  const at = (stage: LoopPosition["stage"], rest: Partial<LoopPosition>): LoopPosition => ({
    stage,
    job: null,
    model: null,
    rollout: null,
    closedAt: null,
    ...rest,
  })

  const ridden = rollouts.filter((r) => modelOf(r.model) && (r.state === "finished" || isActive(r.state)))
  const done = ridden.find((r) => r.state === "finished")
  const rollout = done ?? ridden[0]
  if (rollout) {
    const rest = { job: modelOf(rollout.model)?.job ?? null, model: rollout.model, rollout: rollout.id }
    if (!done) return at("rollout", rest)
    const commits = done.devices.flatMap((d) => d.committed_at ?? [])
    return at("closed", { ...rest, closedAt: commits.length > 0 ? Math.max(...commits) : done.finished_at })
  }
  const released = knowing.find((m) => m.state === "released")
  if (released) return at("rollout", { job: released.job, model: released.digest })
  const candidate = knowing[0]
  if (candidate) return at("approval", { job: candidate.job, model: candidate.digest })
  const job = jobs.find((j) => isAlive(j.state) && (j.dataset.by_kind[kind] ?? 0) > 0)
  if (job) return at(job.state === "proving" ? "proving" : "training", { job: job.id })
  return at("labelling", {})
}

const isActive = (state: RolloutView["state"]) => state === "running" || state === "paused"
const isAlive = (state: JobView["state"]) => state === "queued" || state === "running" || state === "proving"
