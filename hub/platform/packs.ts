import { closeSync, mkdirSync, openSync, readdirSync, readSync } from "node:fs"
import { type FileHandle, open, rm } from "node:fs/promises"
import { dirname } from "node:path"
import { type PackPlace, packPath, readPack } from "./blob-reader.ts"
import { syncDirectory } from "./blobs.files.ts"

/** Frees the blocks of a part of a file on disk and leaves its length; false where the system cannot. */
export type PunchHole = (descriptor: number, at: number, size: number) => boolean

/** What a record begins with: magic, length, SHA-256; so that a pack can be read without its database. */
const magic = 0x31505843
const head = 40
/** A pack that has grown to this is followed by the next one. */
const fullAt = 256 * 1024 * 1024
/** Bytes of one write at most: what comes after it may be synced with it, and need not wait for it. */
const batchBytes = 8 * 1024 * 1024
/** Pieces one call of the system takes (IOV_MAX). */
const piecesAtOnce = 1024

type Waiting = {
  bytes: Uint8Array
  sha256: string
  resolve: (place: PackPlace) => void
  reject: (cause: unknown) => void
}

/** The one that is being written; after a failure nothing more goes into it. */
type Pack = { number: number; file: FileHandle; end: number; failure?: { cause: unknown } }

/**
 * Append-only files with many small objects each: one sync for all that wait, and no new name on disk for each. A pack
 * is never written again after a restart or a failed write, so what is at its end when the power goes is nobody's.
 */
export async function openPacks({ folder, punch }: { folder: string; punch?: PunchHole | undefined }) {
  mkdirSync(folder, { recursive: true })
  // A power cut may take the folder's own name, and every pack with it.
  await syncDirectory(dirname(folder))
  const existing = readdirSync(folder).flatMap((name) => /^(\d{8})\.pack$/.exec(name)?.[1] ?? [])
  let last = Math.max(0, ...existing.map(Number))
  let current: Pack | undefined
  const waiting: Waiting[] = []
  let writing: Promise<void> | undefined
  /** In the file, and not known to be on disk. */
  let written: { batch: readonly Waiting[]; places: readonly PackPlace[] }[] = []
  let syncing: Promise<void> | undefined

  const path = (pack: number) => packPath(folder, pack)

  const openNext = async (): Promise<Pack> => {
    last += 1
    const file = await open(path(last), "wx+", 0o600)
    // Its name must be on disk before anything in it is called stored.
    await syncDirectory(folder)
    return { number: last, file, end: 0 }
  }

  const retire = async () => {
    const file = current?.file
    current = undefined
    // What it holds has been synced or is nobody's: a close that fails takes nothing from anyone.
    await file?.close().catch(() => {})
  }

  const takeBatch = (): Waiting[] => {
    let bytes = 0
    const count = waiting.findIndex((one) => {
      bytes += one.bytes.length
      return bytes > batchBytes
    })
    return waiting.splice(0, count === -1 ? waiting.length : Math.max(1, count))
  }

  /** Puts a batch behind what is there. Returns where its objects lie; they are not on disk yet. */
  const writeBatch = async (pack: Pack, batch: readonly Waiting[]): Promise<PackPlace[]> => {
    const pieces: Uint8Array[] = []
    const start = pack.end
    const places = batch.map(({ bytes, sha256 }) => {
      const record = Buffer.alloc(head)
      record.writeUInt32LE(magic, 0)
      record.writeUInt32LE(bytes.length, 4)
      record.write(sha256, 8, "hex")
      pieces.push(record, bytes)
      const place = { pack: pack.number, at: pack.end + head, size: bytes.length }
      pack.end += head + bytes.length
      return place
    })
    await writePieces(pack.file, pieces, start)
    return places
  }

  /** A failed sync has said nothing about what was written, and will not the next time either: another file. */
  const fail = (pack: Pack, batch: readonly Waiting[], cause: unknown): void => {
    pack.failure ??= { cause }
    for (const { reject } of batch) reject(cause)
  }

  /** Each sync is for all that was written before it began; what is being written meanwhile is for the next. */
  const syncAll = async (pack: Pack): Promise<void> => {
    while (written.length > 0) {
      const batches = written
      written = []
      try {
        if (pack.failure) throw pack.failure.cause
        await pack.file.datasync()
        for (const { batch, places } of batches) batch.forEach(({ resolve }, i) => void resolve(places[i]!))
      } catch (cause) {
        for (const { batch } of batches) fail(pack, batch, cause)
      }
    }
    syncing = undefined
  }

  /** Writes what comes, while what was written before is being synced: neither waits for the other. */
  const writeAll = async () => {
    while (waiting.length > 0) {
      const batch = takeBatch()
      try {
        if (current && (current.failure || current.end >= fullAt)) {
          await syncing
          await retire()
        }
        current ??= await openNext()
      } catch (cause) {
        for (const { reject } of batch) reject(cause)
        continue
      }
      const pack = current
      try {
        const places = await writeBatch(pack, batch)
        written.push({ batch, places })
        syncing ??= syncAll(pack)
      } catch (cause) {
        fail(pack, batch, cause)
      }
    }
    // Without a wait after the last look: who comes now starts the work again. A failed pack is retired by them.
    writing = undefined
  }

  return {
    /** Resolves once the bytes are on disk. They must not change until then. */
    append: (bytes: Uint8Array, sha256: string): Promise<PackPlace> =>
      new Promise((resolve, reject) => {
        waiting.push({ bytes, sha256, resolve, reject })
        // After this turn, in which more may come.
        writing ??= Promise.resolve().then(writeAll)
      }),
    read: (place: PackPlace, from?: number, most?: number): Promise<Uint8Array> =>
      readPack(folder, place, from, most),
    /** For the rare caller that needs the bytes at once. */
    readNow: ({ pack, at, size }: PackPlace): Uint8Array => {
      const descriptor = openSync(path(pack), "r")
      try {
        const bytes = new Uint8Array(size)
        return bytes.subarray(0, readSync(descriptor, bytes, 0, size, at))
      } finally {
        closeSync(descriptor)
      }
    },
    /** Gives the room of one object back to the disk, as far as whole blocks go. */
    free: async ({ pack, at, size }: PackPlace): Promise<void> => {
      if (!punch) return
      const file = await open(path(pack), "r+").catch(() => undefined)
      if (!file) return
      try {
        punch(file.fd, at, size)
      } finally {
        await file.close()
      }
    },
    /** Removes a pack that nothing is left of. Not the one that is being written. */
    drop: async (pack: number): Promise<void> => {
      if (pack !== current?.number) await rm(path(pack), { force: true })
    },
    close: async (): Promise<void> => {
      await writing
      await syncing
      await retire()
    },
  }
}

/** Writes all of them, one after the other, from a position on; a call may take less than it was given. */
async function writePieces(file: FileHandle, pieces: readonly Uint8Array[], position: number): Promise<void> {
  let left = pieces.filter((piece) => piece.length > 0)
  let at = position
  while (left.length > 0) {
    const { bytesWritten } = await file.writev(left.slice(0, piecesAtOnce), at)
    at += bytesWritten
    let taken = bytesWritten
    let whole = 0
    while (whole < left.length && left[whole]!.length <= taken) taken -= left[whole++]!.length
    left = left.slice(whole)
    if (taken > 0) left[0] = left[0]!.subarray(taken)
  }
}
