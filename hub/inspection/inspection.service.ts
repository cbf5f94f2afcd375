import type { InspectionView, QueueReason, StoredImage } from "#contract/labelling"
import type { List } from "#contract/list"
import { Problem } from "#contract/problem"
import type { Actor, Audit } from "#platform/audit"
import type { Blobs } from "#platform/blobs"
import type { Clock } from "#platform/clock"
import type { Sqlite } from "#platform/sqlite"
import type { Priority } from "./inspection.rules.ts"
import type { AppliedLabel, InspectionFilter, InspectionStore, ListPosition } from "./inspection.store.ts"

/** Makes a small picture of an image file; runs in a child process, because decoding foreign bytes may crash. */
export type MakeThumbnail = (image: Uint8Array, max: number) => Promise<{ bytes: Uint8Array; mime: string }>

/** Longest sides a thumbnail is made at; a request gets the next one up. */
const thumbnailSides = [160, 320, 640, 1280] as const

/** What has been inspected, and the images. */
export function createInspections({
  db,
  store,
  evictedAt,
  audit,
  clock,
  blobs,
  thumbnail,
  tile,
}: {
  db: Sqlite
  store: InspectionStore
  /** When a picture was given up to make room. */
  evictedAt: (sha256: string) => number | undefined
  audit: Audit
  clock: Clock
  blobs: Blobs
  thumbnail: MakeThumbnail
  tile: (sha256: string, level: number, x: number, y: number) => Promise<Uint8Array>
}) {
  const making = new Map<string, Promise<{ bytes: Uint8Array; mime: string }>>()

  const image = (sha256: string): StoredImage => {
    const found = store.image(sha256)
    if (found) return found
    if (evictedAt(sha256) !== undefined)
      throw new Problem(
        "not_found",
        "image_evicted",
        "this image was given up to make room on the disk; its record and labels are kept",
      )
    throw new Problem("not_found", "image", "there is no such image")
  }

  const makeThumbnail = async (sha256: string, max: number) => {
    const made = await thumbnail(await blobs.read(sha256), max)
    const thumb = await blobs.put(made.bytes)
    store.insertThumbnail({ sha256, max, thumb, mime: made.mime })
    return made
  }

  return {
    /** Throws `not_found`. */
    get: (id: string): InspectionView => {
      const view = store.view(id)
      if (!view)
        throw new Problem("not_found", "inspection", "there is no such inspection", { inspection: id })
      return view
    },

    /** Newest first. `cursor` is the `next` of the page before. Throws `invalid` for one that is not ours. */
    list: (filter: InspectionFilter, cursor: string | undefined, limit: number): List<InspectionView> => {
      const after = cursor === undefined ? undefined : positionOf(cursor)
      // One more than asked for tells whether there is another page.
      const found = store.list(filter, after, limit + 1)
      const page = found.slice(0, limit)
      const last = page.at(-1)?.at
      return {
        items: page.map(({ view }) => view),
        next: found.length > limit && last ? `${last.receivedAt}-${last.n}` : null,
      }
    },

    count: () => store.count(),

    /** Keeps a part's pictures, whatever the disk says. Throws `not_found`. */
    hold: (by: Actor, id: string, reason: string): void => {
      if (!store.view(id))
        throw new Problem("not_found", "inspection", "there is no such inspection", { inspection: id })
      db.transaction(() => {
        if (!store.hold(id, by, clock.now(), reason)) return
        audit.record({
          by,
          action: "inspection.hold",
          subject: `inspection:${id}`,
          before: null,
          after: { reason },
        })
      })
    },
    /** Ends a hold. */
    release: (by: Actor, id: string): void =>
      db.transaction(() => {
        if (!store.release(id)) return
        audit.record({
          by,
          action: "inspection.release",
          subject: `inspection:${id}`,
          before: null,
          after: null,
        })
      }),

    /** Bytes and type of a stored image. Throws `not_found`. */
    image: async (sha256: string): Promise<{ bytes: Uint8Array; mime: string }> => {
      const { mime } = image(sha256)
      return { bytes: await blobs.read(sha256), mime }
    },

    /** A picture no larger than about `max` pixels on its longer side, made once and kept. Throws `not_found`. */
    thumbnail: async (sha256: string, max: number): Promise<{ bytes: Uint8Array; mime: string }> => {
      const stored = image(sha256)
      const side = thumbnailSides.find((s) => s >= max) ?? thumbnailSides.at(-1)!
      if (Math.max(stored.w, stored.h) <= side) return { bytes: await blobs.read(sha256), mime: stored.mime }
      const kept = store.thumbnail(sha256, side)
      if (kept) return { bytes: await blobs.read(kept.thumb_sha256), mime: kept.mime }
      // Ten tablets that open the same screen must not start ten decoders.
      const key = `${sha256}:${side}`
      const running = making.get(key) ?? makeThumbnail(sha256, side).finally(() => making.delete(key))
      making.set(key, running)
      return running
    },

    /** A tile of a large image; the first one of an image waits until all are made. Throws `not_found`. */
    tile: async (sha256: string, level: number, x: number, y: number) => ({
      bytes: await tile(image(sha256).sha256, level, x, y),
      mime: "image/jpeg",
    }),

    /** For labelling, inside its transaction: the newest revision (null: withdrawn) and the place in the queue. */
    applyLabel: (id: string, label: AppliedLabel, queue: Priority | null): void =>
      store.applyLabel(id, label, queue),

    /** Parts waiting for a person, by reason. */
    waiting: (): { reason: QueueReason; waiting: number }[] => store.waiting(),
  }
}
export type Inspections = ReturnType<typeof createInspections>

function positionOf(cursor: string): ListPosition {
  const found = /^(\d{1,16})-(\d{1,16})$/.exec(cursor)
  if (!found) throw new Problem("invalid", "cursor", "this cursor is not one of this list")
  return { receivedAt: Number(found[1]), n: Number(found[2]) }
}
