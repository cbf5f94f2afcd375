import { createHash } from "node:crypto"
import { createReadStream, existsSync, renameSync, writeFileSync } from "node:fs"
import { access, type FileHandle, mkdir, open, rename, rm, stat, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { chunkSize } from "#contract/topics"
import {
  createBlobReader,
  type Locate,
  missing,
  objectPath,
  objectsIn,
  orFull,
  type PackPlace,
  packsIn,
} from "./blob-reader.ts"
import { syncDirectory } from "./blobs.files.ts"
import { openPacks, type PunchHole } from "./packs.ts"

/** Longest object that goes into a pack; longer ones are worth a file of their own. */
const longestPacked = 2 * 1024 * 1024

/**
 * Content-addressed objects. Most are files: `blobs/sha256/ab/cdef…` under the data directory, named by the SHA-256 of their bytes.
 * When a put returns, bytes and name are on disk. Nothing is ever changed in place. Images of inspections lie many in one
 * file (packs.ts); who stores one keeps its place in the row that names it. Reading does not tell them apart.
 */
export type Blobs = {
  /** Stores bytes; returns their SHA-256. `sha256` may be given by a caller who has just computed it over these bytes. */
  readonly put: (bytes: Uint8Array, sha256?: string) => Promise<string>
  /**
   * Stores bytes that a row is about to name, in a pack when they are short. Returns the place for that row, undefined
   * when they became a file. `sha256` is of these bytes.
   */
  readonly append: (bytes: Uint8Array, sha256: string) => Promise<PackPlace | undefined>
  /** Tells the store how to find what lies in packs. */
  readonly attach: (locate: Locate) => void
  /** Removes a pack that no row names any more. */
  readonly dropPack: (pack: number) => Promise<void>
  /** Stores what a stream yields, without holding it in memory. */
  readonly putStream: (source: AsyncIterable<Uint8Array>) => Promise<{ sha256: string; size: number }>
  /** Stores a copy of a file. */
  readonly putFile: (path: string) => Promise<{ sha256: string; size: number }>
  /** Says that rows may be about to name this object: until `unpin` it is not removed. */
  readonly pin: (sha256: string) => void
  readonly unpin: (sha256: string) => void
  readonly isPinned: (sha256: string) => boolean
  /** Removes an object that no row names any more; a put of the same bytes waits for that. Not one that is pinned. */
  readonly remove: (sha256: string, place?: PackPlace) => Promise<void>
  /**
   * Path of the object's file, whether or not it is there. One that lies in a pack is copied to its file first: for
   * many of them, `file` does that without holding up everybody else.
   */
  readonly path: (sha256: string) => string
  /** The same, without blocking. */
  readonly file: (sha256: string) => Promise<string>
  /** The whole object, compared with its name. Throws `not_found`, also for one whose bytes have rotted. */
  readonly read: (sha256: string) => Promise<Uint8Array>
  readonly has: (sha256: string) => Promise<boolean>
  /** Length in bytes, or undefined when there is no such object. */
  readonly size: (sha256: string) => Promise<number | undefined>
  /** Chunk `index` of `chunkSize` bytes (the last one is shorter); empty past the end. Throws `not_found`. */
  readonly readChunk: (sha256: string, index: number) => Promise<Uint8Array>
  /** Reads the object again and compares its digest with its name. */
  readonly verify: (sha256: string) => Promise<boolean>
  /** Gives the store's file handles back. */
  readonly close: () => Promise<void>
}

const shards = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, "0"))

/** Opens (or creates) the store under `dataDir` and sweeps files that a crash left half-written. */
export async function openBlobs({
  dataDir,
  punch,
}: {
  dataDir: string
  punch?: PunchHole | undefined
}): Promise<Blobs> {
  const root = objectsIn(dataDir)
  const scratch = join(dataDir, "blobs", "tmp")
  await rm(scratch, { recursive: true, force: true })
  await mkdir(scratch, { recursive: true })
  // All shards at once, so that no put has to create and sync a directory. Syncing them also settles renames of a
  // hub that died between rename and sync: what we see from here on is on disk.
  for (const shard of shards) await mkdir(join(root, shard), { recursive: true })
  // Kept open for the hub's life: 256 handles against an open and a close per image.
  const handles = new Map<string, FileHandle>()
  for (const shard of shards) {
    const handle = await open(join(root, shard), "r")
    await handle.sync()
    handles.set(shard, handle)
  }
  await syncDirectory(root)
  await syncDirectory(join(dataDir, "blobs"))
  await syncDirectory(dataDir)

  const packs = await openPacks({ folder: packsIn(dataDir), punch })
  let locate: Locate = () => undefined

  const syncShard = createCoalescedSync((shard) => handles.get(shard)!.sync())
  const putting = new Map<string, Promise<void>>()
  const appending = new Map<string, Promise<PackPlace>>()
  const removing = new Map<string, Promise<void>>()
  const pins = new Map<string, number>()
  let counter = 0

  const fileOf = (sha256: string) => objectPath(root, sha256)

  /** A name is visible before its directory is synced, so a second put of the same digest must wait for the first. */
  const once = (sha256: string, work: () => Promise<void>): Promise<void> => {
    const running = putting.get(sha256)
    if (running) return running
    const started = (removing.get(sha256) ?? Promise.resolve())
      .then(work)
      .finally(() => putting.delete(sha256))
    putting.set(sha256, started)
    return started
  }

  const settle = async (temporary: string, sha256: string) => {
    await rename(temporary, fileOf(sha256))
    await syncShard(sha256.slice(0, 2))
  }

  const writeTemporary = async (write: (file: FileHandle) => Promise<void>): Promise<string> => {
    const temporary = join(scratch, String(counter++))
    try {
      const file = await open(temporary, "wx", 0o600)
      try {
        await write(file)
        await file.datasync()
      } finally {
        await file.close()
      }
      return temporary
    } catch (cause) {
      await rm(temporary, { force: true })
      throw orFull(cause)
    }
  }

  const put = async (bytes: Uint8Array, sha256 = sha256Of(bytes)): Promise<string> => {
    // Not asked first whether it is there: it rarely is, and the same bytes over themselves do no harm.
    await once(sha256, async () => {
      const temporary = await writeTemporary((file) => writeAll(file, bytes))
      await settle(temporary, sha256)
    })
    return sha256
  }

  const putStream = async (source: AsyncIterable<Uint8Array>) => {
    const hash = createHash("sha256")
    let size = 0
    const temporary = await writeTemporary(async (file) => {
      for await (const piece of source) {
        hash.update(piece)
        size += piece.length
        await writeAll(file, piece)
      }
    })
    const sha256 = hash.digest("hex")
    await once(sha256, async () => {
      if (!(await exists(fileOf(sha256)))) await settle(temporary, sha256)
    })
    await rm(temporary, { force: true })
    return { sha256, size }
  }

  const append = async (bytes: Uint8Array, sha256: string): Promise<PackPlace | undefined> => {
    if (bytes.length > longestPacked) return void (await put(bytes, sha256))
    // The same picture may come twice at once: one place is enough.
    const running = appending.get(sha256)
    if (running) return running
    const started = packs
      .append(bytes, sha256)
      .catch((cause: unknown) => {
        throw orFull(cause)
      })
      .finally(() => appending.delete(sha256))
    appending.set(sha256, started)
    return started
  }

  /** A copy for those who need a file; the pack remains what is promised, so nothing is synced. */
  const unpack = (sha256: string): string => {
    const target = fileOf(sha256)
    const place = locate(sha256)
    if (!place || existsSync(target)) return target
    const temporary = join(scratch, String(counter++))
    writeFileSync(temporary, packs.readNow(place))
    renameSync(temporary, target)
    return target
  }

  const file = async (sha256: string): Promise<string> => {
    const target = fileOf(sha256)
    const place = locate(sha256)
    if (!place || (await exists(target))) return target
    const temporary = join(scratch, String(counter++))
    await writeFile(temporary, await packs.read(place))
    await rename(temporary, target)
    return target
  }

  const readPacked = async (place: PackPlace, from?: number, most?: number): Promise<Uint8Array> => {
    try {
      return await packs.read(place, from, most)
    } catch (cause) {
      throw missing(cause)
    }
  }

  return {
    put,
    append,
    attach: (how) => {
      locate = how
    },
    dropPack: packs.drop,
    putStream,
    putFile: (from) => putStream(createReadStream(from) as AsyncIterable<Uint8Array>),
    pin: (sha256) => void pins.set(sha256, (pins.get(sha256) ?? 0) + 1),
    unpin: (sha256) => {
      const left = (pins.get(sha256) ?? 1) - 1
      if (left === 0) pins.delete(sha256)
      else pins.set(sha256, left)
    },
    isPinned: (sha256) => pins.has(sha256),
    remove: (sha256, place) => {
      if (pins.has(sha256) || putting.has(sha256)) return Promise.resolve()
      const running = removing.get(sha256)
      if (running) return running
      const started = rm(fileOf(sha256), { force: true })
        .then(() => (place ? packs.free(place) : undefined))
        .finally(() => removing.delete(sha256))
      removing.set(sha256, started)
      return started
    },
    path: unpack,
    file,
    read: createBlobReader({ dataDir, locate: (sha256) => locate(sha256) }),
    has: async (sha256) => locate(sha256) !== undefined || (await exists(fileOf(sha256))),
    size: async (sha256) => {
      const place = locate(sha256)
      if (place) return place.size
      try {
        return (await stat(fileOf(sha256))).size
      } catch (cause) {
        if (errnoOf(cause) === "ENOENT") return undefined
        throw cause
      }
    },
    readChunk: async (sha256, index) => {
      const place = locate(sha256)
      if (place) return await readPacked(place, index * chunkSize, chunkSize)
      let file: FileHandle
      try {
        file = await open(fileOf(sha256), "r")
      } catch (cause) {
        throw missing(cause)
      }
      try {
        const bytes = new Uint8Array(chunkSize)
        const { bytesRead } = await file.read(bytes, 0, chunkSize, index * chunkSize)
        return bytes.subarray(0, bytesRead)
      } finally {
        await file.close()
      }
    },
    verify: async (sha256) => {
      const place = locate(sha256)
      if (place) return sha256Of(await readPacked(place)) === sha256
      const hash = createHash("sha256")
      try {
        for await (const piece of createReadStream(fileOf(sha256))) hash.update(piece as Uint8Array)
      } catch (cause) {
        throw missing(cause)
      }
      return hash.digest("hex") === sha256
    },
    close: async () => {
      await packs.close()
      for (const handle of handles.values()) await handle.close()
    },
  }
}

/** SHA-256 in lower-case hex. */
export function sha256Of(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex")
}

/**
 * Syncs of one shard that are asked for while one is running share the next one: a sync only vouches for what was
 * renamed before it began. Under load this turns one journal commit per image into one per batch.
 */
function createCoalescedSync(syncNow: (shard: string) => Promise<void>): (shard: string) => Promise<void> {
  const running = new Map<string, Promise<void>>()
  const waiting = new Map<string, Promise<void>>()
  const start = (shard: string): Promise<void> => {
    const sync = syncNow(shard).finally(() => running.delete(shard))
    running.set(shard, sync)
    return sync
  }
  return (shard) => {
    const current = running.get(shard)
    if (!current) return start(shard)
    let next = waiting.get(shard)
    if (!next) {
      const begin = () => {
        waiting.delete(shard)
        return start(shard)
      }
      // A failed sync is the failure of those who waited for it; the next one is tried on its own.
      next = current.then(begin, begin)
      waiting.set(shard, next)
    }
    return next
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  let at = 0
  while (at < bytes.length) at += (await file.write(bytes, at, bytes.length - at)).bytesWritten
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch (cause) {
    if (errnoOf(cause) === "ENOENT") return false
    throw cause
  }
}

function errnoOf(cause: unknown): string | undefined {
  return cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : undefined
}
