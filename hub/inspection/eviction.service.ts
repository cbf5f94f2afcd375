import type { Storage } from "#contract/storage"
import { type Audit, theHub } from "#platform/audit"
import type { Blobs } from "#platform/blobs"
import type { Clock } from "#platform/clock"
import type { DiskSpace } from "#platform/disk-space"
import type { Events } from "#platform/events"
import type { Log } from "#platform/log"
import type { Sqlite } from "#platform/sqlite"
import { bytesToFree, smoothed, tightIn } from "./eviction.rules.ts"
import type { EvictionStore } from "./eviction.store.ts"
import type { InspectionStore } from "./inspection.store.ts"

/** What later domains must keep: of these parts, the ones whose pictures may not go. */
export type KeepPictures = (parts: readonly { id: string; sha256: string }[]) => ReadonlySet<string>

const horizonMs = 60 * 60_000
/** Candidates looked at, and given up, in one transaction: sockets are served between two of them. */
const batchSize = 50
/** Batches of one round at most; the next round goes on. */
const batchesPerRound = 40

/**
 * Makes room before it is needed, oldest first, and only of what has had its use: judged, undisputed, not held, in no
 * dataset, and old enough to have been trained on. What is given up stays known, is counted, and is on the audit trail.
 */
export function createEviction({
  db,
  store,
  inspections,
  blobs,
  disk,
  audit,
  clock,
  events,
  log,
  keeps,
  isTimeSettled = () => true,
  everyMs = 60_000,
  leastAgeMs = 14 * 24 * 60 * 60_000,
}: {
  db: Sqlite
  store: EvictionStore
  inspections: Pick<InspectionStore, "image" | "imagesWaiting">
  blobs: Blobs
  disk: DiskSpace
  audit: Audit
  clock: Clock
  events: Events
  log: Log
  keeps: readonly KeepPictures[]
  /** False while the clock may be wrong by much: then nothing is old enough. */
  isTimeSettled?: () => boolean
  everyMs?: number
  leastAgeMs?: number
}) {
  let last: { at: number; free: number } | undefined
  let bytesPerMs: number | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  let running: Promise<unknown> | undefined

  const isKept = (parts: readonly { id: string; sha256: string }[]) =>
    keeps.some((keep) => keep(parts).size > 0)

  /** Takes one batch of candidates out of the database. Returns what was taken, and where to go on; null at the end. */
  const giveUp = (after: { receivedAt: number; n: number }, needed: number) =>
    db.transaction(() => {
      const before = clock.now() - leastAgeMs
      const found = store.evictionCandidates(after, before, batchSize)
      let bytes = 0
      const given: { sha256: string; received_at: number }[] = []
      for (const candidate of found) {
        if (bytes >= needed) break
        if (isKept([candidate])) continue
        // All pictures of a part go together, each as far as no other part needs it.
        for (const { sha256, size } of [candidate, ...store.furtherImages(candidate.id, before)]) {
          // Two parts may show the same picture; the first one has taken it along.
          if (given.some((one) => one.sha256 === sha256) || blobs.isPinned(sha256)) continue
          if (isKept([{ id: candidate.id, sha256 }, ...store.showing(sha256)])) continue
          store.evict(sha256, clock.now())
          given.push({ sha256, received_at: candidate.received_at })
          bytes += size
        }
      }
      if (given.length > 0)
        audit.record({
          by: theHub,
          action: "image.evict",
          subject: "storage",
          before: null,
          after: {
            images: given.length,
            bytes,
            oldest: given[0]!.received_at,
            newest: given.at(-1)!.received_at,
          },
        })
      const end = found.at(-1)
      return {
        given,
        bytes,
        next: found.length < batchSize || !end ? null : { receivedAt: end.received_at, n: end.n },
      }
    })

  /** Removes files whose rows are gone; what a crash left over, too. */
  const removeFiles = async () => {
    const packs = new Set<number>()
    for (const { sha256, place } of store.evictedFiles()) {
      // Stored again meanwhile, by a part that shows the same picture: the file is that part's now. In a pack it lies at
      // another place then, and this one is free.
      const again = inspections.image(sha256) !== undefined
      if (!again || place) await blobs.remove(sha256, place)
      store.evictedFileGone(sha256)
      if (place) packs.add(place.pack)
    }
    for (const pack of packs) if (!store.isPackNeeded(pack)) await blobs.dropPack(pack)
  }

  const round = async (): Promise<{ images: number; bytes: number }> => {
    await removeFiles()
    const { free, marks } = await disk.look()
    const now = clock.now()
    if (last && now > last.at) bytesPerMs = smoothed(bytesPerMs, (last.free - free) / (now - last.at))
    last = { at: now, free }
    let needed = bytesToFree({ free, tight: marks.tight, bytesPerMs: bytesPerMs ?? 0 }, horizonMs)
    const done = { images: 0, bytes: 0 }
    // A clock that has jumped would make young pictures old; stations keep theirs until that is cleared up.
    let after: { receivedAt: number; n: number } | null = isTimeSettled() ? { receivedAt: 0, n: 0 } : null
    for (let i = 0; after && needed > 0 && i < batchesPerRound; i++) {
      const batch = giveUp(after, needed)
      await removeFiles()
      needed -= batch.bytes
      done.images += batch.given.length
      done.bytes += batch.bytes
      after = batch.next
    }
    // What was removed here must not look like a disk that empties by itself.
    last = { at: now, free: free + done.bytes }
    if (done.images > 0) {
      log.warn("images_evicted", done)
      events.announce("storage", done)
    }
    return done
  }

  const work = () => {
    running = round()
      .catch((error) => log.error("eviction_failed", { error: String(error) }))
      .finally(() => {
        timer = setTimeout(work, everyMs)
      })
  }

  return {
    start: work,
    stop: async (): Promise<void> => {
      await running
      clearTimeout(timer)
    },
    /** One look at the disk, and what it needs. */
    round,
    status: async (): Promise<Storage> => {
      const { level, total, free, marks } = await disk.look()
      const filling = { free, tight: marks.tight, bytesPerMs: bytesPerMs ?? 0 }
      return {
        total,
        free,
        level,
        marks,
        filling: Math.max(0, Math.round((bytesPerMs ?? 0) * 60 * 60_000)),
        tight_in_ms: tightIn(filling),
        evicted: store.evictedTotals(),
        waiting: inspections.imagesWaiting(),
      }
    },
  }
}
export type Eviction = ReturnType<typeof createEviction>
