import type { ActivationState, Desired, Manifest, Probation } from "#contract/release"

/** Starts in a row without a healthy stretch after which a model counts as the cause. */
export const maxStarts = 3
/** Parts judged without a failure after which a start counts as healthy. */
export const healthyParts = 20
/** Failures in a row after which a committed model loses its place. */
export const maxFailures = 5
/** Parts below which a share says nothing. */
export const leastParts = 20

export type Target = { rev: number; line: string; wanted: Desired["lines"][string] }

/** Why a desired document is not for this station; undefined when it may be acted on. */
export function refusalOfDesired(
  desired: Desired,
  station: { device: string; rev_seen: number },
): "device" | "rev" | "lines" | undefined {
  if (desired.device !== station.device) return "device"
  if (desired.rev <= station.rev_seen) return "rev"
  // One camera, one model: choosing among lines here would be a guess.
  if (Object.keys(desired.lines).length > 1) return "lines"
  return undefined
}

export function targetOf(desired: Desired): Target | undefined {
  const [entry] = Object.entries(desired.lines)
  return entry && { rev: desired.rev, line: entry[0], wanted: entry[1] }
}

/**
 * Why a signed manifest may not run here. A release below the current one is fine when it is not below the floor:
 * only a newer `rev` can ask for it, so it is an operator's rollback and not a replay.
 */
export function refusalOfManifest(
  manifest: Manifest,
  { line, wanted }: { line: string; wanted: Pick<Target["wanted"], "release"> },
  station: { floor: number; ram_mb: number; disk_mb: number },
): "line" | "release" | "floor" | "no_ram" | "no_space" | undefined {
  if (manifest.line !== line) return "line"
  if (manifest.release !== wanted.release) return "release"
  if (manifest.release < station.floor) return "floor"
  if (manifest.requires.ram_mb > station.ram_mb) return "no_ram"
  const modelMb = (manifest.model.size * 1.2) / 2 ** 20
  if (Math.max(manifest.requires.disk_mb, modelMb) > station.disk_mb) return "no_space"
  return undefined
}

/** A refusal that comes from the station's own state may pass; one that comes from the signed content never does. */
export function isLasting(reason: string): boolean {
  return !["no_ram", "no_space", "hold", "superseded"].includes(reason)
}

/** What a start has to do about the state the journal ends with. */
export function recoveryFrom(
  state: ActivationState,
  starts: number,
): "rest" | "resume" | "probation" | "roll_back" {
  switch (state) {
    case "offered":
    case "fetching":
    case "verified":
    case "staged":
    case "preflight":
    case "armed":
    case "activating":
      // The pointer row moves in the transaction that writes `probation`: until then the old model is current.
      return "resume"
    case "probation":
      return starts >= maxStarts ? "roll_back" : "probation"
    case "rolling_back":
      return "roll_back"
    case "idle":
    case "rejected":
    case "committed":
    case "failed":
    case "rolled_back":
      return "rest"
  }
}

/** Shares of judged parts; `parts` counts them all. */
export type Tally = { parts: number; ng: number; undecidable: number }
export const emptyTally: Tally = { parts: 0, ng: 0, undecidable: 0 }

export function tallied(tally: Tally, evaluation: string): Tally {
  return {
    parts: tally.parts + 1,
    ng: tally.ng + (evaluation === "ng" ? 1 : 0),
    undecidable: tally.undecidable + (evaluation === "ok" || evaluation === "ng" ? 0 : 1),
  }
}

/** Variance of a share, with one part added to either side so that no share of a few parts looks certain. */
function variance(count: number, parts: number): number {
  const share = (count + 1) / (parts + 2)
  return (share * (1 - share)) / (parts + 2)
}

/**
 * Gate of the probation. `before` is the window judged by the model that was replaced. A share counts as far as it
 * stands out of its sampling noise: a handful of parts must not condemn a model that finds what the old one passed.
 */
export function probationGate(
  tally: Tally,
  before: Tally,
  probation: Probation,
  elapsedMs: number,
): "commit" | "undecidable_share" | "ng_shift" | undefined {
  const timeUp = elapsedMs >= probation.max_minutes * 60_000 && tally.parts > 0
  const done = tally.parts >= probation.parts || timeUp
  const least = Math.min(leastParts, probation.parts)
  if (tally.parts >= least) {
    const open = tally.undecidable / tally.parts - 2 * Math.sqrt(variance(tally.undecidable, tally.parts))
    if (open > probation.max_undecidable) return "undecidable_share"
    if (before.parts >= leastParts) {
      const shift = Math.abs(tally.ng / tally.parts - before.ng / before.parts)
      const noise = Math.sqrt(variance(tally.ng, tally.parts) + variance(before.ng, before.parts))
      if (shift - 2 * noise > probation.max_ng_shift) return "ng_shift"
    }
  }
  return done ? "commit" : undefined
}
