import { createHash } from "node:crypto"
import { unlinkSync } from "node:fs"
import { mkdir, readdir, readFile, rm } from "node:fs/promises"
import { join } from "node:path"
import { encodeFrame } from "#contract/cxf1"
import type { ImageMime, InspectionHeader } from "#contract/inspection"
import type { InspectionAck } from "#contract/topics"
import type { Sqlite } from "#platform/sqlite"
import { syncFolder, writeDurably } from "../files.ts"
import { createOutboxStore, headerOf, type OutboxRow } from "./outbox.store.ts"
import { rankOf, shedSteps } from "./shedding.rules.ts"

/** A part's record before it has its place in the sequence. */
export type Draft = Omit<InspectionHeader, "boot" | "seq" | "parts">
export type EncodedImage = { name: string; mime: ImageMime; bytes: Uint8Array; w: number; h: number }
export type OutboxDeps = {
  sqlite: Sqlite
  folder: string
  boot: string
  /** Bytes of images and records kept at most. */
  quota: number
  now: () => number
}

/** What a record without images counts against the quota beyond its header: row, index entries, page slack. */
const rowOverhead = 512

export type Outbox = Awaited<ReturnType<typeof openOutbox>>

/**
 * Records of inspected parts until the hub has them on disk. Rows in SQLite, images as files; what is in here
 * survives a kill at any instant. Bounded: over the quota the least valuable goes first, and is counted.
 */
export async function openOutbox({ sqlite, folder, boot, quota, now }: OutboxDeps) {
  await mkdir(folder, { recursive: true })
  const store = createOutboxStore(sqlite)
  sqlite.prepare("INSERT INTO boot (id, started) VALUES ($boot, $at)").run({ boot, at: now() })
  await recover()
  let used = store.allBytes()

  /** Images that were being encoded when the power went are lost; their records are not. */
  async function recover() {
    sqlite.transaction(() => {
      for (const row of store.unfinished()) {
        const header = headerOf(row)
        store.update(withoutImages(header), row.bytes)
        store.countShed("unfinished_image")
      }
    })
    const known = store.idsWithImages()
    const files = await readdir(folder)
    const orphans = files.filter((file) => file.endsWith(".tmp") || !known.has(file.split("~")[0] ?? ""))
    await Promise.all(orphans.map((file) => rm(join(folder, file), { force: true })))
    if (orphans.length > 0) await syncFolder(folder)
  }

  const pathOf = (id: string, name: string) => join(folder, `${id}~${name}`)

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
    const bare = withoutImages(header)
    const bytes = whole ? 0 : sizeOf(bare)
    sqlite.transaction(() => {
      if (whole) store.remove(row.id)
      else store.update(bare, bytes)
      store.countShed(kind)
    })
    used += bytes - row.bytes
    unlinkImages(header)
  }

  return {
    /**
     * Commits the records of parts in the order given, in one transaction; each gets its number in the boot's
     * sequence. `awaitsImage`: images follow by `attach` or `attachNone`; until then the record is not sent.
     */
    add: (drafts: readonly { draft: Draft; awaitsImage: boolean }[]): void => {
      const needed = drafts.length * rowOverhead * 2
      if (used + needed > quota) makeRoom(needed)
      let added = 0
      sqlite.transaction(() => {
        for (const { draft, awaitsImage } of drafts) {
          const header = { ...draft, boot, seq: store.takeSeq(boot), parts: [] }
          const bytes = sizeOf(header)
          const rank = rankOf(draft.verdict.eval, draft.policy.why_sent)
          store.insert({ header, rank, state: awaitsImage ? "encoding" : "ready", bytes })
          added += bytes
        }
      })
      used += added
    },

    /** Stores the images of a record, files before row. When they cannot be kept, the record goes without. */
    attach: async (id: string, images: readonly EncodedImage[]): Promise<void> => {
      const row = store.get(id)
      if (!row) return
      const header = headerOf(row)
      const size = images.reduce((sum, image) => sum + image.bytes.length, 0)
      const kind = rankOf(header.verdict.eval, header.policy.why_sent) === 2 ? "ng_image" : "ok_image"
      if (used + size > quota && !makeRoom(size)) {
        release(header, kind)
        return
      }
      // Reserved before the first await: images of several parts are written side by side.
      used += size
      try {
        for (const image of images) await writeDurably(pathOf(id, image.name), image.bytes)
      } catch (error) {
        used -= size
        if (!isNoSpace(error)) throw error
        release(header, "disk_full")
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
      store.update(full, sizeOf(full) + size)
      used += sizeOf(full) - row.bytes
    },

    /** The record goes without its images; `kind` says why and is counted. */
    attachNone: (id: string, kind: string): void => {
      const row = store.get(id)
      if (row) release(headerOf(row), kind)
    },

    /** A record that may be sent now, none of `exclude`. */
    next: (lane: "oldest" | "newest", exclude: ReadonlySet<string>): OutboxRow | undefined =>
      store.ready(lane, now(), exclude.size + 1).find((row) => !exclude.has(row.id)),

    /** The CXF1 message of a record. Images that vanished or no longer match their digest stay out, counted. */
    message: async (id: string): Promise<Uint8Array | undefined> => {
      const row = store.get(id)
      if (!row) return undefined
      const header = headerOf(row)
      const parts = await Promise.all(
        header.parts.map((part) => readPart(pathOf(id, part.name), part.sha256)),
      )
      const intact = parts.filter((part) => part !== undefined)
      if (intact.length === parts.length) return encodeFrame({ header, parts: intact })
      if (!store.get(id)) return undefined
      shedRow(row, "lost_image", false)
      return encodeFrame({ header: withoutImages(header), parts: [] })
    },

    /** The message is larger than the broker takes: the record goes without its image. */
    strip: (id: string): void => {
      const row = store.get(id)
      if (row) shedRow(row, "over_packet", false)
    },

    /** Acts on the hub's answer: only `stored` and `dup` let a record go. */
    settle: (ack: InspectionAck): void => {
      const row = store.get(ack.id)
      if (!row) return
      if (ack.st === "later") store.postpone(ack.id, now() + (ack.retry_ms ?? 5_000))
      else if (ack.st === "bad") store.bury(ack.id, ack.code ?? "bad")
      else {
        store.remove(ack.id)
        used -= row.bytes
        unlinkImages(headerOf(row))
      }
    },

    /** Records the hub has not confirmed; `oldest` is a trigger time or null. Dead letters are not in it. */
    totals: store.totals,
    /** How many of each kind were given up since the data folder exists. */
    shed: store.shed,
    countShed: store.countShed,
  }

  function release(header: InspectionHeader, kind: string) {
    const bare = withoutImages(header)
    sqlite.transaction(() => {
      store.update(bare, sizeOf(bare))
      store.countShed(kind)
    })
  }
}

function withoutImages(header: InspectionHeader): InspectionHeader {
  return { ...header, parts: [], policy: { ...header.policy, image: "none" } }
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
