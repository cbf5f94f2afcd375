import type { ShadowLook, ShadowState, Verdict } from "#contract/inspection"
import type { DesiredShadow, ShadowReport } from "#contract/release"
import { disagrees } from "#contract/shadow"
import type { DeviceEvent } from "#contract/topics"
import type { Log } from "#platform/log"
import {
  healthyParts,
  isLasting,
  maxFailures,
  maxStarts,
  refusalOfManifest,
  type Target,
} from "../activation/activation.rules.ts"
import type { ActivationStore } from "../activation/activation.store.ts"
import { Refused, type Releases, refusalFrom } from "../activation/releases.ts"
import type { Wish } from "../activation/wish.ts"
import { type Inspector, type Picture, reasonOf } from "../inspector.ts"

export type ShadowDeps = {
  wish: Wish
  store: ActivationStore
  releases: Releases
  /** Whether the model on the line is committed, and no other is on its way. */
  atRest: () => boolean
  /** Free memory and disk of this machine in MiB. */
  room: () => Promise<{ ram_mb: number; disk_mb: number }>
  /** Uniform in [0, 1). */
  random: () => number
  now: () => number
  onChange: () => void
  onEvent: (event: DeviceEvent) => void
  log: Log
}

type Wanted = { rev: number; line: string; running: string; shadow: DesiredShadow }
type Loaded = { wanted: Wanted; digest: string; inspector: Inspector; healthy: number; failures: number }

const nothing = { looked: 0, differed: 0, failed: 0, skipped: 0 }

export type Shadow = ReturnType<typeof createShadow>

/**
 * A second signed model that looks at a share of the frames when the line has been told, one at a time, in a process
 * of the lowest priority. It decides nothing. It gives way to every model that is to run, and one that keeps failing, or
 * takes the station down, is given up until the hub asks anew.
 */
export function createShadow(deps: ShadowDeps) {
  const { wish, store, releases, atRest, random, now, log } = deps
  let loaded: Loaded | undefined
  let status: { state: ShadowState; reason?: string; since: number } | undefined
  let counts = nothing
  let wanted: Wanted | undefined
  /** The wish that came to nothing; the same one is not tried again in this run. */
  let givenUp: { rev: number; manifest: string } | undefined
  let busy = false
  let stale = false
  let settling: Promise<void> | undefined
  let fetching: AbortController | undefined
  let stopped = false

  function wantedNow(): Wanted | undefined {
    const target: Target | undefined = wish.current()?.target
    const shadow = target?.wanted.shadow
    if (!target || !shadow || shadow.manifest.sha256 === target.wanted.manifest.sha256) return undefined
    return { rev: target.rev, line: target.line, running: target.wanted.manifest.sha256, shadow }
  }

  const isSame = (a: Wanted | undefined, b: Wanted | undefined) =>
    a?.shadow.manifest.sha256 === b?.shadow.manifest.sha256

  function become(state: ShadowState, reason?: string) {
    if (status?.state === state && status.reason === reason) return
    status = { state, since: now(), ...(reason !== undefined && { reason }) }
    deps.onChange()
  }

  /** Works towards what the hub wants, as far as the line is at rest. */
  function settle(): void {
    stale = true
    // A fetch of what nobody wants any more might never end.
    if (fetching && !isSame(wantedNow(), wanted)) abortFetch()
    if (settling || stopped) return
    settling = (async () => {
      // Whoever calls is in the middle of a step of its own.
      await Promise.resolve()
      while (stale && !stopped) {
        stale = false
        await settleOnce()
      }
    })()
      .catch((error: unknown) => log.error("shadow_unsettled", { why: String(error) }))
      .finally(() => {
        settling = undefined
      })
  }

  async function settleOnce(): Promise<void> {
    const next = wantedNow()
    if (!isSame(next, wanted)) {
      await putAway()
      counts = nothing
      status = undefined
    }
    wanted = next
    if (!next) return deps.onChange()
    if (loaded) {
      loaded.wanted = next
      return
    }
    if (givenUp?.manifest === next.shadow.manifest.sha256 && givenUp.rev === next.rev) return
    if (!atRest()) return become("waiting", "line_busy")
    // A start after a crash belongs to the model on the line, until that one has shown that it holds.
    if (store.starts() > 1) return become("waiting", "line_unproven")
    await load(next)
  }

  async function load(next: Wanted): Promise<void> {
    const { manifest: ref, release } = next.shadow
    const starts = store.shadowStarts(ref.sha256)
    if (starts >= maxStarts)
      return giveUp(next, "crash_loop", `the station went down ${starts} times with it`)
    const abort = new AbortController()
    fetching = abort
    become("fetching")
    try {
      const manifest = await releases.manifest(ref, abort.signal)
      const target = { line: next.line, wanted: { release } }
      const station = { floor: store.floor(next.line), ...(await deps.room()) }
      const refusal = refusalOfManifest(manifest, target, station)
      if (refusal) throw new Refused("rejected", refusal, `release ${manifest.release} of ${manifest.line}`)
      await releases.sweep(ref.sha256, next.running)
      await releases.fetchAll(manifest, { signal: abort.signal })
      await releases.adopt(manifest)
      abort.signal.throwIfAborted()
      // On disk before it is loaded: a model that takes the station down is found out by counting.
      store.setShadowStarts(ref.sha256, starts + 1)
      const inspector = await releases.tested(manifest, { latency: false, background: true })
      if (abort.signal.aborted || stopped || !atRest()) {
        await inspector.close()
        store.setShadowStarts(ref.sha256, starts)
        stale = true
        return
      }
      loaded = { wanted: next, digest: manifest.model.sha256, inspector, healthy: 0, failures: 0 }
      counts = nothing
      become("running")
      tell("shadow_running", "info", next, {})
    } catch (error) {
      if (abort.signal.aborted || stopped) return
      store.setShadowStarts(ref.sha256, starts)
      const { reason, detail } = refusalFrom(error)
      giveUp(next, reason, detail)
      // What lies with the station may pass; the next change of anything tries again.
      if (!isLasting(reason)) givenUp = undefined
    } finally {
      fetching = undefined
    }
  }

  function giveUp(next: Wanted, reason: string, detail: string) {
    givenUp = { rev: next.rev, manifest: next.shadow.manifest.sha256 }
    become("failed", reason)
    log.warn("shadow_failed", { reason, detail })
    tell("shadow_failed", "warn", next, { reason, detail: detail.slice(0, 300) })
  }

  function tell(
    kind: string,
    level: DeviceEvent["level"],
    { line, shadow }: Wanted,
    more: DeviceEvent["detail"],
  ) {
    deps.onEvent({ v: 1, ts: now(), kind, level, detail: { line, release: shadow.release, ...more } })
  }

  const abortFetch = () => fetching?.abort(new Refused("failed", "superseded", "another model goes first"))

  /** No frame goes to it from now on; resolves when its process has ended. */
  async function putAway(): Promise<void> {
    abortFetch()
    const gone = loaded
    loaded = undefined
    if (!gone) return
    store.setShadowStarts(gone.wanted.shadow.manifest.sha256, 0)
    await gone.inspector.close()
  }

  async function lookWith(
    on: Loaded,
    picture: Picture,
    champion: Verdict,
    product: string | undefined,
  ): Promise<ShadowLook> {
    const { line, shadow } = on.wanted
    const model = { line, release: shadow.release, digest: on.digest }
    const verdict = await on.inspector
      .inspect(picture, product)
      .then((judgement) => judgement.verdict)
      .catch((error: unknown): Verdict => ({ eval: "undecidable", code: reasonOf(error) }))
      .finally(() => {
        busy = false
      })
    note(on, verdict, champion)
    return { model, verdict }
  }

  function note(on: Loaded, verdict: Verdict, champion: Verdict) {
    const failed = verdict.code !== undefined
    counts = {
      ...counts,
      looked: counts.looked + 1,
      differed: counts.differed + (disagrees(champion, verdict) ? 1 : 0),
      failed: counts.failed + (failed ? 1 : 0),
    }
    on.failures = failed ? on.failures + 1 : 0
    on.healthy += failed ? 0 : 1
    if (on.healthy === healthyParts) store.setShadowStarts(on.wanted.shadow.manifest.sha256, 0)
    deps.onChange()
    if (on.failures < maxFailures || loaded !== on) return
    giveUp(on.wanted, verdict.code ?? "failed", `${maxFailures} failures in a row`)
    putAway().catch((error: unknown) => log.error("shadow_not_ended", { why: String(error) }))
  }

  return {
    settle,
    /**
     * Lets the shadow model look at a part that is already decided and signalled. Undefined where it does not: it is not
     * drawn, not there, or still at another. What is returned never rejects.
     */
    look: (picture: Picture, champion: Verdict, product?: string): Promise<ShadowLook> | undefined => {
      if (status?.state === "waiting") settle()
      if (!loaded || champion.code !== undefined || random() >= loaded.wanted.shadow.share) return undefined
      if (busy) {
        counts = { ...counts, skipped: counts.skipped + 1 }
        return undefined
      }
      busy = true
      return lookWith(loaded, picture, champion, product)
    },
    /** A model that is to run comes: memory and machine are its own. Resolves when this one has gone. */
    giveWay: async (): Promise<void> => {
      await putAway()
      if (status?.state === "running" || status?.state === "fetching") become("waiting", "line_busy")
    },
    /** For the reported document. */
    report: (): { shadow?: ShadowReport } => {
      if (!wanted || !status) return {}
      const { line, shadow } = wanted
      const { release, share, manifest } = shadow
      return { shadow: { line, release, manifest: manifest.sha256, share, ...status, ...counts } }
    },
    stop: async (): Promise<void> => {
      stopped = true
      await putAway()
      await settling
    },
  }
}
