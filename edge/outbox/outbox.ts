import { createHash } from "node:crypto"
import { unlink, unlinkSync } from "node:fs"
import { mkdir, readdir, readFile, rm } from "node:fs/promises"
import { dirname, join } from "node:path"
import { encodeFrame } from "#contract/cxf1"
import type { ImageMime, InspectionHeader } from "#contract/inspection"
import type { InspectionAck } from "#contract/topics"
import type { Sqlite } from "#platform/sqlite"
import { syncFolder, writeDurably } from "../files.ts"
import { createOutboxStore, headerOf, type OutboxRow } from "./outbox.store.ts"
import { pictureKind, rankOf, shedSteps } from "./shedding.rules.ts"

/** A part's record before it has its place in the sequence. */
export type Draft = Omit<InspectionHeader, "boot" | "seq" | "parts">
export type EncodedImage = { name: string; mime: ImageMime; bytes: Uint8Array; w: number; h: number }
export type OutboxDeps = {
  sqlite: Sqlite
  folder: string
  boot: string
  /** Bytes of images and records kept at most. */
  quota: number
  /** How far the hub's clock was ahead when a record of this boot got its number, milliseconds, as far as it is known by now. */
  clockOffsetAt?: (seq: number) => number | undefined
  now: () => number
}

/** What a record without images counts against the quota beyond its header: row, index entries, page slack. */
const rowOverhead = 512
/** What an image adds to its record's header at most. */
const partOverhead = 512

export type Outbox = Awaited<ReturnType<typeof openOutbox>>

/**
 * Records of inspected parts until the hub has them on disk. Rows in SQLite, images as files; what is in here
 * survives a kill at any instant. Bounded: over the quota the least valuable goes first, and is counted.
 */
export async function openOutbox({
  sqlite,
  folder,
  boot,
  quota,
  clockOffsetAt = () => undefined,
  now,
}: OutboxDeps) {
  await mkdir(folder, { recursive: true })
  // The folder itself has a name that a power cut can take, and every image with it.
  await syncFolder(dirname(folder))
  const store = createOutboxStore(sqlite)
  sqlite.prepare("INSERT INTO boot (id, started) VALUES ($boot, $at)").run({ boot, at: now() })
  await recover()
  // Kept beside the rows: counting a backlog of a hundred thousand for every message would stop the station.
  let { bytes: used, depth, dead, deadBytes } = store.sums()
  let lastSeq = 0

  /**
   * After a kill or a power cut: images that were being encoded are lost, their records are not; a record whose file
   * is gone goes without it; files no record names are removed.
   */
  async function recover() {
    const files = new Set(await readdir(folder))
    const known = new Set<string>()
    const lost: OutboxRow[] = []
    for (const row of store.pictured()) {
      const names = headerOf(row).parts.map((part) => nameOf(row.id, part.name))
      if (names.every((name) => files.has(name))) for (const name of names) known.add(name)
      else lost.push(row)
    }
    sqlite.transaction(() => {
      const give = (rows: readonly OutboxRow[], kind: string) => {
        for (const row of rows) {
          const header = headerOf(row)
          // A record that waited for the shadow model alone has lost no picture.
          const wanted = header.policy.image !== "none"
          const bare = wanted ? withoutImages(header, kind) : header
          store.update(bare, sizeOf(bare))
          if (wanted) store.countShed(kind)
        }
      }
      give(store.unfinished(), "unfinished_image")
      give(lost, "lost_image")
    })
    const orphans = [...files].filter((file) => !known.has(file))
    await Promise.all(orphans.map((file) => rm(join(folder, file), { force: true })))
    if (orphans.length > 0) await syncFolder(folder)
  }

  const pathOf = (id: string, name: string) => join(folder, nameOf(id, name))

  function unlinkImages(header: InspectionHeader) {
    for (const part of header.parts) {
      // The row is already gone or without images: a file that stays behind is swept at the next start.
      try {
        unlinkSync(pathOf(header.id, part.name))
      } catch (error) {
        if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error
      }
    }
  }

  /** Records that are complete, but not on disk as such. */
  const completing = new Set<string>()

  /** Images of records the hub has, whose rows may come back from a power cut until the log is synced. */
  let leaving: string[] = []
  let sweeping: Promise<void> | undefined

  async function sweep(): Promise<void> {
    while (leaving.length > 0) {
      const paths = leaving
      leaving = []
      try {
        await sqlite.sync()
      } catch {
        // The rows may come back, so their images stay. What no row names is swept at the next start.
        continue
      }
      for (const path of paths) unlink(path, () => {})
    }
    sweeping = undefined
  }

  /** Writes what an answer means for its record; returns what that changes in the counts. */
  function decide({ id, st, code, retry_ms }: InspectionAck): () => void {
    const row = store.get(id)
    if (!row) return () => {}
    switch (st) {
      case "later":
        store.postpone(id, now() + (retry_ms ?? 5_000))
        return () => {}
      case "bad":
        if (!store.bury(id, code ?? "bad")) return () => {}
        return () => {
          depth -= 1
          dead += 1
          deadBytes += row.bytes
        }
      default:
        store.remove(id)
        return () => {
          forget(row)
          if (row.state === "dead") deadBytes -= row.bytes
          used -= row.bytes
          leaving.push(...headerOf(row).parts.map((part) => pathOf(id, part.name)))
        }
    }
  }

  /** Drops the least valuable until `needed` more bytes fit. False when nothing droppable is left. */
  function makeRoom(needed: number): boolean {
    for (const step of shedSteps) {
      while (used + needed > quota) {
        const row = store.victim(step)
        if (!row) break
        shedRow(row, step.kind, step.whole)
      }
    }
    return used + needed <= quota
  }

  function shedRow(row: OutboxRow, kind: string, whole: boolean) {
    const header = headerOf(row)
    const bare = withoutImages(header, kind)
    const bytes = whole ? 0 : sizeOf(bare)
    sqlite.transaction(() => {
      if (whole) store.remove(row.id)
      else store.update(bare, bytes)
      store.countShed(kind)
    })
    used += bytes - row.bytes
    if (row.state === "dead") deadBytes += bytes - row.bytes
    if (whole) forget(row)
    unlinkImages(header)
  }

  /** A record has left; what it took is counted off by the caller. */
  function forget(row: OutboxRow) {
    if (row.state === "dead") dead -= 1
    else depth -= 1
  }

  return {
    /**
     * Commits the records of parts in the order given, in one transaction; each gets its number in the boot's
     * sequence. `awaitsImage`: images follow by `attach` or `attachNone`; until then the record is not sent. `also` is
     * written in the same transaction.
     */
    add: (drafts: readonly { draft: Draft; awaitsImage: boolean }[], also = () => {}): void => {
      const needed = drafts.length * rowOverhead * 2
      if (used + needed > quota) makeRoom(needed)
      let added = 0
      let seq = lastSeq
      sqlite.transaction(() => {
        also()
        for (const { draft, awaitsImage } of drafts) {
          const header = { ...draft, boot, seq: store.takeSeq(boot), parts: [] }
          seq = header.seq
          const bytes = sizeOf(header)
          const rank = rankOf(draft.verdict.eval, draft.policy.why_sent)
          store.insert({ header, rank, state: awaitsImage ? "encoding" : "ready", bytes })
          added += bytes
        }
      })
      used += added
      depth += drafts.length
      lastSeq = seq
    },

    /** What became known of a part after its record was made. */
    amend: (id: string, known: Pick<Draft, "policy" | "shadow">): void => {
      const row = store.get(id)
      if (row?.state !== "encoding") return
      const header = { ...headerOf(row), ...known }
      const bytes = sizeOf(header)
      store.rewrite(header, bytes)
      used += bytes - row.bytes
    },

    /** Stores the images of a record, files before row. When they cannot be kept, the record goes without. */
    attach: async (id: string, images: readonly EncodedImage[]): Promise<void> => {
      const row = store.get(id)
      if (!row) return
      const header = headerOf(row)
      const size = images.reduce((sum, image) => sum + image.bytes.length, 0)
      const rank = rankOf(header.verdict.eval, header.policy.why_sent)
      const kind = pictureKind(rank, header.policy.image)
      const needed = size + images.length * partOverhead
      if (used + needed > quota && !makeRoom(needed)) {
        release(row, kind)
        return
      }
      // Reserved before the first await: images of several parts are written side by side.
      used += size
      try {
        for (const image of images) await writeDurably(pathOf(id, image.name), image.bytes)
      } catch (error) {
        used -= size
        if (!isNoSpace(error)) throw error
        release(row, "disk_full")
        return
      }
      const parts = images.map(({ name, mime, bytes, w, h }) => ({
        name,
        mime,
        len: bytes.length,
        sha256: createHash("sha256").update(bytes).digest("hex"),
        w,
        h,
      }))
      const full = { ...header, parts }
      // The disk is waited for beside the loop that takes in parts; until then the record is as good as unfinished.
      completing.add(id)
      try {
        sqlite.transactionAhead(() => store.update(full, sizeOf(full) + size))
        used += sizeOf(full) - row.bytes
        await sqlite.sync()
      } finally {
        completing.delete(id)
      }
    },

    /** The record goes without its images; `kind` says why and is counted. */
    attachNone: (id: string, kind: string): void => {
      const row = store.get(id)
      if (row) release(row, kind)
    },

    /** A record that may be sent now, none of `exclude`. */
    next: (lane: "oldest" | "newest", exclude: ReadonlySet<string>): OutboxRow | undefined =>
      store
        .ready(lane, now(), exclude.size + completing.size + 1)
        .find(({ id }) => !exclude.has(id) && !completing.has(id)),

    /** Milliseconds until the first record that was put off may go; undefined when none waits for its time. */
    dueIn: (): number | undefined => {
      const at = now()
      const due = store.soonest(at)
      return due === undefined ? undefined : due - at
    },

    /** The CXF1 message of a record. Images that vanished or no longer match their digest stay out, counted. */
    message: async (id: string): Promise<Uint8Array | undefined> => {
      const row = store.get(id)
      if (!row) return undefined
      const header = withClock(headerOf(row))
      const parts = await Promise.all(
        header.parts.map((part) => readPart(pathOf(id, part.name), part.sha256)),
      )
      const intact = parts.filter((part) => part !== undefined)
      if (intact.length === parts.length) return encodeFrame({ header, parts: intact })
      if (!store.get(id)) return undefined
      shedRow(row, "lost_image", false)
      return encodeFrame({ header: withoutImages(header, "lost_image"), parts: [] })
    },

    /** The message is larger than the broker takes: the record goes without its image. */
    strip: (id: string): void => {
      const row = store.get(id)
      if (row) shedRow(row, "over_packet", false)
    },

    /**
     * Acts on the hub's answers: only `stored` and `dup` let a record go. The disk is not waited for: a record that a power
     * cut brings back has its images yet, and the hub knows it.
     */
    settle: (acks: readonly InspectionAck[]): void => {
      const decided: (() => void)[] = []
      sqlite.transactionAhead(() => {
        for (const ack of acks) decided.push(decide(ack))
      })
      for (const count of decided) count()
      if (leaving.length > 0) sweeping ??= sweep()
    },

    /**
     * Records the hub has not confirmed; `oldest` is a trigger time or null. `dead`: records it has refused, kept for
     * a person and not counted as waiting.
     */
    totals: () => ({ depth, bytes: used - deadBytes, oldest: store.oldest(), dead, quota }),
    depth: (): number => depth,
    /** The last number given out in this start of the station. */
    sequence: () => ({ boot, seq: lastSeq }),
    /** How many of each kind were given up since the data folder exists. */
    shed: store.shed,
    countShed: store.countShed,
  }

  /** A record made before the hub was heard learns what its station has learned since. */
  function withClock(header: InspectionHeader): InspectionHeader {
    const known = header.clock_offset_ms !== undefined || header.boot !== boot
    const offset = known ? undefined : clockOffsetAt(header.seq)
    return offset === undefined ? header : { ...header, clock_offset_ms: offset }
  }

  function release(row: OutboxRow, kind: string) {
    const bare = withoutImages(headerOf(row), kind)
    sqlite.transaction(() => {
      store.update(bare, sizeOf(bare))
      store.countShed(kind)
    })
    used += sizeOf(bare) - row.bytes
  }
}

/** The record says itself what became of its picture, also to the hub. */
function withoutImages(header: InspectionHeader, kind: string): InspectionHeader {
  return { ...header, parts: [], policy: { ...header.policy, image: "none", no_image: kind } }
}

function nameOf(id: string, part: string): string {
  return `${id}~${part}`
}

function sizeOf(header: InspectionHeader): number {
  return JSON.stringify(header).length + rowOverhead
}

async function readPart(path: string, sha256: string): Promise<Uint8Array | undefined> {
  try {
    const bytes = await readFile(path)
    return createHash("sha256").update(bytes).digest("hex") === sha256 ? bytes : undefined
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined
    throw error
  }
}

function isNoSpace(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOSPC" || error.code === "EDQUOT")
}
