import { parseEnvelope } from "#contract/dsse"
import { Problem } from "#contract/problem"
import type { Desired, Envelope, Manifest, Reported, Slot, TrustedKeys } from "#contract/release"
import type { DeviceEvent } from "#contract/topics"
import type { Log } from "#platform/log"
import type { Inspector } from "../inspector.ts"
import type { Live, Loaded, Outcome } from "../live.ts"
import { FetchFailed } from "../objects/transfer.ts"
import {
  emptyTally,
  healthyParts,
  isLasting,
  maxFailures,
  maxStarts,
  probationGate,
  recoveryFrom,
  refusalOfDesired,
  type Tally,
  type Target,
  tallied,
  targetOf,
} from "./activation.rules.ts"
import type { ActivationStore } from "./activation.store.ts"
import { type Candidates, Refused } from "./candidate.ts"
import type { Journal, Why } from "./journal.ts"
import { openDesired, SchemaMismatch } from "./signed.ts"

export type ActivationDeps = {
  store: ActivationStore
  journal: Journal
  candidates: Candidates
  live: Live
  device: string
  keys: TrustedKeys
  now: () => number
  onChange: () => void
  onEvent: (event: DeviceEvent) => void
  log: Log
}

/** A fresh model on the line, its predecessor kept warm behind it. */
type Trial = {
  target: Target
  manifest: Manifest
  previous: Loaded | undefined
  before: Tally
  tally: Tally
  since: number
}

/**
 * Brings the station to the model the hub asks for, and back when that model does not hold. Everything before the
 * switch leaves the line alone; the switch and the way back are synchronous, so they lie between two parts.
 */
export function createActivation(deps: ActivationDeps) {
  const { store, journal, candidates, live, now, log } = deps
  let trial: Trial | undefined
  let recent = emptyTally
  let failures = 0
  let healthy = 0
  let progress: number | undefined
  let refusal: Why | undefined
  let damaged = false
  let work: { target: Target; abort: AbortController } | undefined
  let settling: Promise<void> | undefined
  let stale = false
  let stopped = false
  /** Loads and closings under way; `stop` waits for them. */
  const loose = new Set<Promise<unknown>>()

  function track(promise: Promise<unknown>) {
    const tracked = promise
      .catch((error: unknown) => log.error("activation_failed", { why: String(error) }))
      .finally(() => loose.delete(tracked))
    loose.add(tracked)
  }

  const retire = (loaded: Loaded | undefined) => {
    if (loaded) track(loaded.inspector.close())
  }

  function wanted(): { desired: Desired; target: Target | undefined } | undefined {
    const envelope = store.desired()
    if (!envelope) return undefined
    const desired = openDesired(envelope, deps.keys)
    return { desired, target: targetOf(desired) }
  }

  // ---- the wish -------------------------------------------------------------------------------------------

  /** Takes a desired envelope as it came over the wire. What is not acceptable is reported, and changes nothing. */
  function offer(bytes: Uint8Array): void {
    const refused = accept(bytes)
    if (refused) refuseDesired(refused.reason, refused.detail)
  }

  function accept(bytes: Uint8Array): { reason: string; detail: string } | undefined {
    let envelope: Envelope
    let desired: Desired
    try {
      envelope = parseEnvelope(bytes)
      desired = openDesired(envelope, deps.keys)
    } catch (error) {
      if (error instanceof SchemaMismatch) return { reason: "schema", detail: error.message }
      if (error instanceof Problem) return { reason: "signature", detail: error.message }
      throw error
    }
    const reason = refusalOfDesired(desired, { device: deps.device, rev_seen: store.revSeen() })
    // A retained document comes again with every connection: the one already accepted is no replay.
    if (reason === "rev" && store.desired()?.payload === envelope.payload) return undefined
    if (reason) return { reason, detail: `rev ${desired.rev}, last accepted ${store.revSeen()}` }
    store.transaction(() => {
      store.setRevSeen(desired.rev)
      store.setDesired(envelope)
      store.setSampling(desired.sampling)
      for (const [line, release] of Object.entries(desired.floor)) store.raiseFloor(line, release)
    })
    refusal = undefined
    deps.onChange()
    settle()
    return undefined
  }

  /** The journal keeps its state: a replayed document must not look like a change of the model. */
  function refuseDesired(reason: string, detail: string) {
    refusal = { reason, detail: `desired refused: ${detail}`.slice(0, 300) }
    log.warn("desired_refused", { reason, detail })
    deps.onEvent({ v: 1, ts: now(), kind: "desired_refused", level: "alarm", detail: { reason, detail } })
    deps.onChange()
  }

  // ---- towards the target ---------------------------------------------------------------------------------

  /** Works towards the latest wish; a newer one replaces what is under way. */
  function settle(): void {
    stale = true
    const next = wanted()?.target
    const same = next && next.wanted.manifest.sha256 === work?.target.wanted.manifest.sha256
    if (work && !(same && next.wanted.action === "run")) {
      work.abort.abort(new Refused("failed", "superseded", "another wish has come"))
    }
    if (settling) return
    settling = (async () => {
      while (stale && !stopped) {
        stale = false
        await settleOnce()
      }
    })()
      .catch((error: unknown) => log.error("activation_failed", { why: String(error) }))
      .finally(() => {
        settling = undefined
      })
  }

  async function settleOnce(): Promise<void> {
    const wish = wanted()
    if (!wish) return
    const { desired, target } = wish
    const last = store.last()
    if (!target || target.wanted.action === "hold") {
      const unfinished = last && recoveryFrom(last.state, 0) === "resume"
      if (unfinished) journal.advance("idle", target, { reason: "hold" })
      return applied(desired.rev)
    }
    const { sha256 } = target.wanted.manifest
    if (store.slot("current")?.manifest === sha256 && !damaged) {
      if (trial) return
      const told = last && last.manifest === sha256 && last.state === "committed"
      if (!told) journal.advance("committed", target)
      return applied(desired.rev)
    }
    const known = store.refusedFor(sha256)
    if (known !== undefined) {
      const told = last && last.rev === target.rev && last.manifest === sha256
      if (!told) journal.advance("rejected", target, { reason: known, detail: "refused here before" })
      return
    }
    await install(target)
  }

  function applied(rev: number) {
    if (store.revApplied() === rev) return
    store.setRevApplied(rev)
    deps.onChange()
  }

  async function install(target: Target): Promise<void> {
    const abort = new AbortController()
    work = { target, abort }
    try {
      const { manifest, inspector } = await candidates.prepare(target, abort.signal)
      if (stopped) return await inspector.close()
      journal.advance("activating", target)
      activate(target, manifest, inspector)
    } catch (error) {
      if (stopped) return
      const { state, reason, detail } = refusalFrom(error)
      if (reason === "superseded") return
      const remember = () => {
        if (isLasting(reason)) store.refuse(target.wanted.manifest.sha256, reason, now())
      }
      journal.advance(state, target, { reason, detail }, remember)
    } finally {
      work = undefined
      progress = undefined
    }
  }

  /** Moves the pointer and the line to the candidate: one transaction, no await. */
  function activate(target: Target, manifest: Manifest, inspector: Inspector) {
    const slot: Slot = {
      line: target.line,
      release: target.wanted.release,
      manifest: target.wanted.manifest.sha256,
      digest: manifest.model.sha256,
      since: now(),
    }
    // A model still on trial has proven nothing: the way back stays the last committed one.
    const fallback = [trial ? store.slot("previous") : store.slot("current")].find(
      (one) => one && one.manifest !== slot.manifest,
    )
    journal.advance("probation", target, {}, () => {
      store.putSlot("previous", fallback)
      store.putSlot("current", slot)
      store.setStarts(0)
    })
    const before = live.swap({ slot, inspector })
    let warm = trial ? trial.previous : before
    if (trial) retire(before)
    if (warm && warm.slot.manifest !== fallback?.manifest) {
      retire(warm)
      warm = undefined
    }
    beginTrial(target, manifest, warm)
  }

  function beginTrial(target: Target, manifest: Manifest, previous: Loaded | undefined) {
    trial = { target, manifest, previous, before: trial?.before ?? recent, tally: emptyTally, since: now() }
    recent = emptyTally
    failures = 0
    healthy = 0
    damaged = false
  }

  // ---- on the line ----------------------------------------------------------------------------------------

  /** Called after each part, before the next is looked at. */
  function observe(outcome: Outcome): void {
    if (outcome.slot.manifest !== live.loaded()?.slot.manifest) return
    if (outcome.failure === undefined) {
      failures = 0
      healthy += 1
      if (healthy === healthyParts && store.starts() > 0) store.setStarts(0)
    } else {
      failures += 1
      healthy = 0
    }
    if (trial) {
      observeTrial(trial, outcome)
      return
    }
    // A window that forgets: halving keeps the share and lets old shifts fade.
    if (recent.parts >= 400) {
      recent = { parts: recent.parts / 2, ng: recent.ng / 2, undecidable: recent.undecidable / 2 }
    }
    recent = tallied(recent, outcome.eval)
    if (failures === maxFailures && outcome.failure !== undefined) {
      if (fallback()) rollBack(outcome.failure, `${maxFailures} failures in a row`)
      else alarm("model_failing", { reason: outcome.failure })
    }
  }

  function observeTrial(on: Trial, outcome: Outcome) {
    if (outcome.failure !== undefined) return rollBack(outcome.failure, "failed on probation")
    on.tally = tallied(on.tally, outcome.eval)
    const { probation } = on.target.wanted
    const gate = probationGate(on.tally, on.before, probation, now() - on.since)
    progress = Math.min(1, on.tally.parts / probation.parts)
    if (gate === "commit") return commit(on)
    if (gate) {
      const { parts, ng, undecidable } = on.tally
      return rollBack(gate, `${ng} NG and ${undecidable} undecidable of ${parts} parts`)
    }
    deps.onChange()
  }

  function commit({ target, manifest, previous, tally }: Trial) {
    const wish = wanted()
    const same = wish && wish.target?.wanted.manifest.sha256 === target.wanted.manifest.sha256
    journal.advance("committed", target, {}, () => {
      store.setRevApplied(same ? wish.desired.rev : target.rev)
      store.raiseFloor(target.line, manifest.floor)
      store.setStarts(0)
    })
    trial = undefined
    recent = tally
    progress = undefined
    retire(previous)
  }

  /** The committed model behind the current one, if it may still run. */
  function fallback(): Slot | undefined {
    const slot = store.slot("previous")
    return slot && slot.release >= store.floor(slot.line) ? slot : undefined
  }

  function rollBack(reason: string, detail: string) {
    const target = trial?.target ?? targetFrom(store.slot("current"))
    journal.advance("rolling_back", target, { reason, detail })
    finishRollBack(target, reason, detail)
  }

  /** Puts the previous model on the line again, now; it is warm while its successor is on probation. */
  function finishRollBack(target: Target | undefined, reason: string, detail: string) {
    const bad = store.slot("current")
    const back = fallback()
    journal.advance("rolled_back", target, { reason, detail }, () => {
      if (bad) store.refuse(bad.manifest, reason, now())
      store.putSlot("current", back)
      store.putSlot("previous", undefined)
      store.setStarts(0)
    })
    const warm = trial?.previous
    if (warm && warm.slot.manifest === back?.manifest) {
      retire(live.swap(warm))
    } else {
      retire(warm)
      retire(live.swap(back ? "model_loading" : "no_model"))
      if (back) track(loadCurrent(back))
    }
    trial = undefined
    recent = emptyTally
    failures = 0
    healthy = 0
    progress = undefined
  }

  // ---- start and stop -------------------------------------------------------------------------------------

  async function loadCurrent(slot: Slot): Promise<Manifest | undefined> {
    try {
      const { manifest, inspector } = await candidates.load(slot)
      // Another model may have taken the line meanwhile.
      if (stopped || store.slot("current")?.manifest !== slot.manifest || live.loaded()) {
        await inspector.close()
        return undefined
      }
      live.swap({ slot, inspector })
      deps.onChange()
      return manifest
    } catch (error) {
      const { reason, detail } = refusalFrom(error)
      damaged = reason === "model_corrupt" || reason === "model_missing"
      live.swap("safe_mode")
      alarm("model_unloadable", { reason, detail })
      if (fallback()) rollBack(reason, detail)
      return undefined
    }
  }

  function alarm(kind: string, detail: DeviceEvent["detail"]) {
    log.error(kind, detail)
    deps.onEvent({ v: 1, ts: now(), kind, level: "alarm", detail })
    deps.onChange()
  }

  /** Finds out where the last run ended and puts a model that may be trusted on the line, or none. */
  async function start(): Promise<void> {
    // On disk before any model is touched: a model that takes the station down is found out by counting.
    const starts = store.starts() + 1
    store.setStarts(starts)
    const last = store.last()
    const recovery = recoveryFrom(last?.state ?? "idle", starts)
    const target = last && targetFromEntry(last, wanted()?.target)
    const current = store.slot("current")
    if (recovery === "roll_back") {
      if (last?.state === "rolling_back")
        finishRollBack(target, last.reason ?? "crash_loop", last.detail ?? "")
      else rollBack("crash_loop", `${starts} starts on probation`)
      await Promise.all(loose)
    } else if (recovery === "probation" && current && target) {
      await resumeTrial(current, target)
    } else {
      await startResting(recovery, starts, current, target)
    }
    settle()
  }

  async function startResting(recovery: string, starts: number, current: Slot | undefined, target?: Target) {
    if (starts >= maxStarts && recovery === "resume" && target) {
      // The station kept going down while this candidate was being prepared.
      journal.advance("failed", target, { reason: "crash_loop" }, () => {
        store.refuse(target.wanted.manifest.sha256, "crash_loop", now())
        store.setStarts(1)
      })
    } else if (starts >= maxStarts && current) {
      if (fallback()) {
        rollBack("crash_loop", `${starts} starts without a healthy stretch`)
        await Promise.all(loose)
      } else {
        live.swap("safe_mode")
        alarm("safe_mode", { reason: "crash_loop" })
      }
      return
    }
    if (current) await loadCurrent(current)
  }

  async function resumeTrial(current: Slot, target: Target): Promise<void> {
    journal.reenter("probation")
    const manifest = await loadCurrent(current)
    if (!manifest) {
      if (store.slot("current")?.manifest === current.manifest)
        rollBack("model_unloadable", "no previous model")
      return
    }
    const back = fallback()
    const warm = back && (await candidates.load(back).catch(() => undefined))
    beginTrial(target, manifest, back && warm && { slot: back, inspector: warm.inspector })
  }

  return {
    start,
    offer,
    observe,
    /** Whether the model on the line is on probation. */
    onTrial: (): boolean => trial !== undefined,
    sampling: store.sampling,
    onProgress: (value: number): void => {
      progress = value
      deps.onChange()
    },
    /** What the station says about itself; the reported document carries it. */
    report: (): Pick<Reported, "activation" | "slots" | "rev_seen" | "rev_applied"> => {
      const last = store.last()
      const [current, previous] = [store.slot("current"), store.slot("previous")]
      return {
        rev_seen: store.revSeen(),
        rev_applied: store.revApplied(),
        activation: {
          state: last?.state ?? "idle",
          ...(last?.line && { line: last.line }),
          ...(last?.release && { release: last.release }),
          ...(last?.manifest && { manifest: last.manifest }),
          ...(progress !== undefined && { progress }),
          ...(last?.reason && { reason: last.reason }),
          ...(last?.detail && { detail: last.detail }),
          ...refusal,
          since: last?.at ?? 0,
        },
        slots: { ...(current && { current }), ...(previous && { previous }) },
      }
    },
    /** A clean stop is no crash: the count of starts is forgotten. */
    stop: async (): Promise<void> => {
      stopped = true
      work?.abort.abort(new Refused("failed", "superseded", "the station stops"))
      await settling
      store.setStarts(0)
      retire(trial?.previous)
      retire(live.swap("no_model"))
      await Promise.all(loose)
    },
  }
}

function refusalFrom(error: unknown): { state: "rejected" | "failed"; reason: string; detail: string } {
  if (error instanceof Refused) return { state: error.state, reason: error.reason, detail: error.message }
  if (error instanceof FetchFailed) return { state: "failed", reason: error.code, detail: error.message }
  throw error
}

/** Enough of a target to journal about a slot whose wish is long gone. */
function targetFrom(slot: Slot | undefined, rev = 0): Target | undefined {
  if (!slot) return undefined
  const probation = { parts: 1, max_minutes: 1, max_undecidable: 1, max_ng_shift: 1 }
  const manifest = { sha256: slot.manifest, size: 0 }
  return { rev, line: slot.line, wanted: { manifest, release: slot.release, action: "run", probation } }
}

/** The wish a journal row was about: the stored one when it still is the same, else what the row itself says. */
function targetFromEntry(
  entry: { rev: number; line: string | null; release: number | null; manifest: string | null; at: number },
  wish: Target | undefined,
): Target | undefined {
  const { line, release, manifest } = entry
  if (line === null || release === null || manifest === null) return undefined
  if (wish?.wanted.manifest.sha256 === manifest) return wish
  return targetFrom({ line, release, manifest, digest: manifest, since: entry.at }, entry.rev)
}
