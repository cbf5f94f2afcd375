import type { Reported } from "#contract/release"
import type { RolloutDevice, RolloutState } from "#contract/rollout"

/** One station in a rollout, as stored. `rev` is that of the wish that asked for the release; null before its turn. */
export type Tracked = {
  device: string
  group: number
  rev: number | null
  state: RolloutDevice["state"]
  committedAt: number | null
}

export type RolloutFacts = {
  state: RolloutState
  manifest: string
  group: number
  /** Whether stations that are enrolled while it runs belong to it. */
  everyone: boolean
  devices: readonly Tracked[]
}

/** What the fleet says of a station now. */
export type Station = { id: string; revoked: boolean; reported: Reported | undefined }

export type Progress = {
  state: RolloutDevice["state"]
  progress: number | null
  reason: string | null
}

export type Step = {
  /** Stations whose state has changed, to be written down. */
  observed: (Progress & { device: string; committed: boolean })[]
  /** Stations to be told to run the release. */
  ask: string[]
  /** Stations enrolled since: they come with the last group. */
  join: string[]
  turn: { to: "advance" } | { to: "finish" } | { to: "halt"; device: string; reason: string } | null
}

const failures: ReadonlySet<string> = new Set(["rejected", "failed", "rolled_back"])

/**
 * What a station's report says about this release. A report that has not seen the wish yet speaks of something else:
 * an old failure of the same model must not halt a new try.
 */
function progressOf(tracked: Tracked, manifest: string, reported: Reported | undefined): Progress {
  if (tracked.rev === null) return { state: "waiting", progress: null, reason: null }
  if (tracked.committedAt !== null) return { state: "committed", progress: 1, reason: null }
  if (!reported || reported.rev_seen < tracked.rev) return { state: "idle", progress: null, reason: null }
  const { activation, slots } = reported
  if (activation.manifest === manifest && activation.state !== "idle") {
    const { state, progress = null, reason = null } = activation
    return { state, progress, reason }
  }
  const running = slots.current?.manifest === manifest
  return { state: running ? "committed" : "idle", progress: running ? 1 : null, reason: null }
}

/**
 * The next step of a rollout, from its rows and the newest reports alone: calling it again after a restart gives the
 * same answer. A silent station is pending, never a success. One failure halts everything: with few stations on a
 * line there is no share of failures that is small enough. Revoked stations hold nobody up.
 */
export function nextStep(rollout: RolloutFacts, stations: readonly Station[]): Step {
  const step: Step = { observed: [], ask: [], join: [], turn: null }
  if (rollout.state !== "running" && rollout.state !== "paused") return step
  const byId = new Map(stations.map((s) => [s.id, s]))
  const live = rollout.devices.filter((d) => byId.get(d.device)?.revoked === false)
  const seen = live.map((tracked) => ({
    tracked,
    now: progressOf(tracked, rollout.manifest, byId.get(tracked.device)?.reported),
  }))
  for (const { tracked, now } of seen)
    step.observed.push({ ...now, device: tracked.device, committed: now.state === "committed" })

  const failed = seen.find(({ now }) => failures.has(now.state))
  if (failed) {
    const reason = failed.now.reason ?? failed.now.state
    return { ...step, turn: { to: "halt", device: failed.tracked.device, reason } }
  }
  // A pause stops new transitions; stations already at it finish their probation.
  if (rollout.state === "paused") return step

  step.ask = live.filter((d) => d.group <= rollout.group && d.rev === null).map((d) => d.device)
  const groupDone = seen.every(
    ({ tracked, now }) => tracked.group > rollout.group || now.state === "committed",
  )
  if (!groupDone) return step
  if (live.some((d) => d.group > rollout.group)) return { ...step, turn: { to: "advance" } }
  const known = new Set(rollout.devices.map((d) => d.device))
  step.join = rollout.everyone ? stations.filter((s) => !s.revoked && !known.has(s.id)).map((s) => s.id) : []
  return step.join.length > 0 ? step : { ...step, turn: { to: "finish" } }
}

/** Groups of a new rollout: one canary, preferably a station that is there to answer, then all others. */
export function groupsOf(stations: readonly { id: string; online: boolean }[]): Map<string, number> {
  const sorted = [...stations].sort((a, b) => Number(b.online) - Number(a.online) || (a.id < b.id ? -1 : 1))
  return new Map(sorted.map((s, i) => [s.id, i === 0 ? 0 : 1]))
}
