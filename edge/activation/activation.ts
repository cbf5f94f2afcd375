import type { Reported, Slot } from "#contract/release"
import type { Log } from "#platform/log"
import { isLasting, maxStarts, recoveryFrom, type Target } from "./activation.rules.ts"
import type { ActivationStore } from "./activation.store.ts"
import type { Candidates } from "./candidate.ts"
import type { Journal } from "./journal.ts"
import { Refused, refusalFrom } from "./releases.ts"
import { targetFromEntry } from "./target.rules.ts"
import type { Trials } from "./trial.ts"
import type { Wish } from "./wish.ts"

export type ActivationDeps = {
  store: ActivationStore
  journal: Journal
  candidates: Candidates
  wish: Wish
  trials: Trials
  now: () => number
  /** Memory and machine for a candidate; resolves when they are free. */
  makeRoom: () => Promise<void>
  /** Something in the reported document has changed. */
  onChange: () => void
  log: Log
}

/**
 * Brings the station to the model the hub asks for, and back when that model does not hold. Everything before the
 * switch leaves the line alone.
 */
export function createActivation({
  store,
  journal,
  candidates,
  wish,
  trials,
  now,
  makeRoom,
  onChange,
  log,
}: ActivationDeps) {
  let progress: number | undefined
  let work: { target: Target; abort: AbortController } | undefined
  let settling: Promise<void> | undefined
  let stale = false
  let stopped = false

  /** Works towards the latest wish; a newer one replaces what is under way. */
  function settle(): void {
    stale = true
    const next = wish.current()?.target
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
    const wished = wish.current()
    if (!wished) return
    const { desired, target } = wished
    const last = store.last()
    if (!target || target.wanted.action === "hold") {
      const unfinished = last && recoveryFrom(last.state, 0) === "resume"
      if (unfinished) journal.advance("idle", target, { reason: "hold" })
      return applied(desired.rev)
    }
    const { sha256 } = target.wanted.manifest
    if (store.slot("current")?.manifest === sha256 && !trials.isDamaged()) {
      if (trials.onTrial()) return
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
    onChange()
  }

  async function install(target: Target): Promise<void> {
    const abort = new AbortController()
    work = { target, abort }
    try {
      await makeRoom()
      abort.signal.throwIfAborted()
      const { manifest, inspector } = await candidates.prepare(target, abort.signal)
      if (stopped) return await inspector.close()
      journal.advance("activating", target)
      trials.activate(target, manifest, inspector)
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

  /** Finds out where the last run ended and puts a model that may be trusted on the line, or none. */
  async function start(): Promise<void> {
    // On disk before any model is touched: a model that takes the station down is found out by counting.
    const starts = store.starts() + 1
    store.setStarts(starts)
    const last = store.last()
    const recovery = recoveryFrom(last?.state ?? "idle", starts)
    const target = last && targetFromEntry(last, wish.current()?.target)
    const current = store.slot("current")
    if (recovery === "roll_back") {
      if (last?.state === "rolling_back")
        trials.finishRollBack(target, last.reason ?? "crash_loop", last.detail ?? "")
      else trials.rollBack("crash_loop", `${starts} starts on probation`)
      await trials.settled()
    } else if (recovery === "probation" && current && target) {
      await trials.resumeTrial(current, target)
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
      await trials.standDown(`${starts} starts without a healthy stretch`)
      return
    }
    if (current) await trials.loadCurrent(current)
  }

  return {
    start,
    /** Whether nothing but the model on the line is loaded or on its way. */
    atRest: (): boolean => work === undefined && !trials.onTrial(),
    /** Takes a desired envelope as it came over the wire. */
    offer: (bytes: Uint8Array): void => {
      if (wish.take(bytes)) settle()
    },
    onProgress: (value: number): void => {
      progress = value
      onChange()
    },
    /** What the station says about itself; the reported document carries it. */
    report: (): Pick<Reported, "activation" | "slots" | "rev_seen" | "rev_applied"> => {
      const last = store.last()
      const [current, previous] = [store.slot("current"), store.slot("previous")]
      const done = progress ?? trials.progress()
      return {
        rev_seen: store.revSeen(),
        rev_applied: store.revApplied(),
        activation: {
          state: last?.state ?? "idle",
          ...(last?.line && { line: last.line }),
          ...(last?.release && { release: last.release }),
          ...(last?.manifest && { manifest: last.manifest }),
          ...(done !== undefined && { progress: done }),
          ...(last?.reason && { reason: last.reason }),
          ...(last?.detail && { detail: last.detail }),
          ...wish.refusal(),
          since: last?.at ?? 0,
        },
        slots: { ...(current && { current }), ...(previous && { previous }) },
      }
    },
    /** A clean stop is no crash: the count of starts is forgotten. */
    stop: async (): Promise<void> => {
      stopped = true
      trials.halt()
      work?.abort.abort(new Refused("failed", "superseded", "the station stops"))
      await settling
      store.setStarts(0)
      await trials.close()
    },
  }
}
