import type { Manifest, Slot } from "#contract/release"
import type { DeviceEvent } from "#contract/topics"
import type { Log } from "#platform/log"
import type { Inspector } from "../inspector.ts"
import type { Live, Loaded, Outcome } from "../live.ts"
import {
  emptyTally,
  healthyParts,
  maxFailures,
  probationGate,
  type Tally,
  type Target,
  tallied,
} from "./activation.rules.ts"
import type { ActivationStore } from "./activation.store.ts"
import type { Journal } from "./journal.ts"
import { type Releases, refusalFrom } from "./releases.ts"
import { targetFrom } from "./target.rules.ts"
import type { Wish } from "./wish.ts"

export type TrialDeps = {
  store: ActivationStore
  journal: Journal
  releases: Releases
  wish: Wish
  live: Live
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

export type Trials = ReturnType<typeof createTrials>

/**
 * The model on the line and whether it holds: puts a candidate on, watches it, commits it or goes back. The switch and
 * the way back are synchronous, so they lie between two parts.
 */
export function createTrials(deps: TrialDeps) {
  const { store, journal, releases, wish, live, now, log } = deps
  let trial: Trial | undefined
  let recent = emptyTally
  let failures = 0
  let healthy = 0
  let progress: number | undefined
  let damaged = false
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
    const wished = wish.current()
    const same = wished && wished.target?.wanted.manifest.sha256 === target.wanted.manifest.sha256
    journal.advance("committed", target, {}, () => {
      store.setRevApplied(same ? wished.desired.rev : target.rev)
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

  async function loadCurrent(slot: Slot): Promise<Manifest | undefined> {
    try {
      const { manifest, inspector } = await releases.load(slot)
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

  async function resumeTrial(current: Slot, target: Target): Promise<void> {
    journal.reenter("probation")
    const manifest = await loadCurrent(current)
    if (!manifest) {
      if (store.slot("current")?.manifest === current.manifest)
        rollBack("model_unloadable", "no previous model")
      return
    }
    const back = fallback()
    const warm = back && (await releases.load(back).catch(() => undefined))
    beginTrial(target, manifest, back && warm && { slot: back, inspector: warm.inspector })
  }

  return {
    activate,
    /** Called after each part, before the next is looked at. */
    observe,
    rollBack,
    finishRollBack,
    resumeTrial,
    loadCurrent,
    /** The station kept going down with the current model: back to the one before, or none at all. */
    standDown: async (why: string): Promise<void> => {
      if (fallback()) {
        rollBack("crash_loop", why)
        await Promise.all(loose)
      } else {
        live.swap("safe_mode")
        alarm("safe_mode", { reason: "crash_loop" })
      }
    },
    /** Whether the model on the line is on probation. */
    onTrial: (): boolean => trial !== undefined,
    /** 0..1 of the parts of the probation. */
    progress: (): number | undefined => progress,
    /** The current model's file is not what was signed, or gone. */
    isDamaged: (): boolean => damaged,
    /** Resolves when all loads and closings under way have ended. */
    settled: async (): Promise<void> => {
      await Promise.all(loose)
    },
    /** No load that ends from now on takes the line. */
    halt: (): void => {
      stopped = true
    },
    /** Takes the model off the line for good. */
    close: async (): Promise<void> => {
      retire(trial?.previous)
      retire(live.swap("no_model"))
      await Promise.all(loose)
    },
  }
}
