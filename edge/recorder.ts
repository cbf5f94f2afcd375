import type { InspectionHeader, ShadowLook } from "#contract/inspection"
import type { Sampling } from "#contract/release"
import { disagrees } from "#contract/shadow"
import type { Log } from "#platform/log"
import { encodeImage } from "./encode.ts"
import type { HourlyCapsStore } from "./hourly-caps.store.ts"
import type { Picture } from "./inspector.ts"
import type { Draft, Outbox } from "./outbox/outbox.ts"
import { createHourlyCaps, policyFor } from "./sampling.rules.ts"
import type { HubClock } from "./uplink/hub-clock.ts"

export type RecorderDeps = {
  outbox: Outbox
  sampling: () => Sampling
  /** What the hour's caps have counted, over restarts. */
  kept: HourlyCapsStore
  hubClock: Pick<HubClock, "offset" | "mark">
  now: () => number
  /** Uniform in [0, 1). */
  random: () => number
  log: Log
  /** Something new lies in the outbox. */
  onStored: () => void
}

/** Pictures waiting for the encoder at most; more would be memory without end when the line outruns it. */
const maxEncoding = 8

/** Records kept in memory while the disk takes none; older ones are then lost and counted. */
const maxWaiting = 10_000
const retryMs = 1_000

type Look = Promise<ShadowLook>
type Waiting = {
  draft: Draft
  awaitsImage: boolean
  picture: Picture | undefined
  /** What the shadow model will have said, and the draw that decides together with it. */
  shadow?: { look: Look; draw: number }
}

export type Recorder = ReturnType<typeof createRecorder>

/**
 * Takes parts from the inspection loop and puts them into the outbox beside it: the row is committed right after
 * the verdict went out, images are encoded while the next part is inspected.
 */
export function createRecorder(deps: RecorderDeps) {
  const { outbox, sampling, kept, hubClock, now, random, log, onStored } = deps
  let waiting: Waiting[] = []
  let flushing = false
  const encoding = new Set<Promise<void>>()
  /** At most one: the shadow model takes no part while it is at another. */
  const looking = new Set<Promise<void>>()
  const caps = createHourlyCaps(kept.read())

  /** One transaction for all parts since the last: an fsync a part would be the slowest step at high rates. */
  function flush(): boolean {
    flushing = false
    const batch = waiting
    waiting = []
    try {
      hubClock.mark(outbox.sequence().seq + 1)
      const counted = caps.unsaved()
      outbox.add(batch, counted && (() => kept.replace(counted)))
    } catch (error) {
      retryLater(batch, error)
      return false
    }
    for (const { draft, picture, shadow } of batch) {
      if (picture && shadow) track(afterLook(draft, picture, shadow))
      else if (picture) startEncoding(draft, picture)
    }
    onStored()
    return true
  }

  /** A full disk must not stop the line: records wait in memory without their pictures until there is room. */
  function retryLater(batch: readonly Waiting[], error: unknown) {
    const bare = batch.map(({ draft }) => ({
      draft: { ...draft, policy: { ...draft.policy, image: "none" as const } },
      awaitsImage: false,
      picture: undefined,
    }))
    const all = [...bare, ...waiting]
    waiting = all.slice(-maxWaiting)
    const lost = all.length - waiting.length
    log.error("outbox_full", { waiting: waiting.length, lost, why: String(error) })
    flushing = true
    setTimeout(flush, retryMs)
  }

  function startEncoding(draft: Draft, picture: Picture) {
    if (encoding.size >= maxEncoding) {
      goWithout(draft.id, "encoder_busy")
      return
    }
    const work = encode(draft, picture).finally(() => encoding.delete(work))
    encoding.add(work)
  }

  function track(look: Promise<void>) {
    const tracked = look.finally(() => looking.delete(tracked))
    looking.add(tracked)
  }

  /** The record is on disk since the verdict; what the shadow model says decides how much is kept of the picture. */
  async function afterLook(draft: Draft, picture: Picture, { look, draw }: NonNullable<Waiting["shadow"]>) {
    const shadow = await look
    const policy = keptOf(draft.verdict, picture, draw, disagrees(draft.verdict, shadow.verdict))
    try {
      outbox.amend(draft.id, { policy, shadow })
      if (policy.image !== "none") return startEncoding({ ...draft, policy }, picture)
      await outbox.attach(draft.id, [])
      onStored()
    } catch (error) {
      // On a full disk it stays as it is; the next start finds it unfinished and sends it.
      log.error("record_unfinished", { id: draft.id, why: String(error) })
    }
  }

  async function encode(draft: Draft, picture: Picture) {
    try {
      await outbox.attach(draft.id, await encodeImage(picture, draft.policy.image))
    } catch (error) {
      log.error("image_lost", { id: draft.id, why: String(error) })
      goWithout(draft.id, "unreadable_image")
    }
    onStored()
  }

  function goWithout(id: string, kind: string) {
    try {
      outbox.attachNone(id, kind)
    } catch (error) {
      // On a full disk the record stays as it is; the next start finds it unfinished and sends it without.
      log.error("record_unfinished", { id, why: String(error) })
    }
  }

  function countShed(kind: string) {
    try {
      outbox.countShed(kind)
    } catch (error) {
      log.error("shed_not_counted", { kind, why: String(error) })
    }
  }

  function keptOf(
    verdict: InspectionHeader["verdict"],
    picture: Picture | undefined,
    draw: number,
    differs = false,
  ) {
    const rules = sampling()
    const policy = policyFor(verdict, rules, draw, differs)
    if (!picture) return { ...policy, image: "none" as const }
    if (policy.image === "none" || caps.take(policy.why_sent, rules, now())) return policy
    countShed(`hourly_${policy.why_sent}`)
    return { ...policy, image: "none" as const }
  }

  return {
    /**
     * Returns at once; the record is on disk by the next turn of the event loop. `look` is what the shadow model will
     * say; only whether the record is complete waits for it.
     */
    record: (
      seen: Omit<InspectionHeader, "boot" | "seq" | "parts" | "policy" | "clock_offset_ms">,
      picture: Picture | undefined,
      look?: Look,
    ): void => {
      const draw = random()
      const offset = hubClock.offset()
      const part = { ...seen, ...(offset !== undefined && { clock_offset_ms: offset }) }
      if (look && picture) {
        // The hour's caps are asked once it is known why the picture is kept.
        const policy = policyFor(part.verdict, sampling(), draw)
        waiting.push({ draft: { ...part, policy }, awaitsImage: true, picture, shadow: { look, draw } })
      } else {
        const policy = keptOf(part.verdict, picture, draw)
        const awaitsImage = policy.image !== "none"
        waiting.push({ draft: { ...part, policy }, awaitsImage, picture: awaitsImage ? picture : undefined })
      }
      if (flushing) return
      flushing = true
      setImmediate(flush)
    },
    /** Resolves when everything recorded so far is on disk, or when the disk takes no more. */
    drain: async (): Promise<void> => {
      while (waiting.length > 0 || encoding.size > 0 || looking.size > 0) {
        if (waiting.length > 0 && !flush()) return
        await Promise.all(looking)
        await Promise.all(encoding)
      }
    },
  }
}
