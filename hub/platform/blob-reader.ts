import { createHash } from "node:crypto"
import { open, readFile } from "node:fs/promises"
import { join } from "node:path"
import { Problem } from "#contract/problem"

/** Where bytes lie: in which pack, from which byte on. */
export type PackPlace = { pack: number; at: number; size: number }
/** Where an object lies in a pack, as the database knows it; undefined for one that is a file, or is not here. */
export type Locate = (sha256: string) => PackPlace | undefined

/** Objects live below these folders of the data directory. */
export const objectsIn = (dataDir: string): string => join(dataDir, "blobs", "sha256")
export const packsIn = (dataDir: string): string => join(dataDir, "blobs", "packs")
export const packPath = (folder: string, pack: number): string =>
  join(folder, `${String(pack).padStart(8, "0")}.pack`)

const digestName = /^[0-9a-f]{64}$/
/** Path of an object's own file. The digest becomes a path: nothing but hex may pass. */
export function objectPath(root: string, sha256: string): string {
  if (!digestName.test(sha256)) throw new Problem("invalid", "digest", "not a SHA-256 in hex")
  return join(root, sha256.slice(0, 2), sha256.slice(2))
}

/** At most `most` bytes of what lies in a pack, from its byte `from` on. */
export async function readPack(
  folder: string,
  { pack, at, size }: PackPlace,
  from = 0,
  most = size,
): Promise<Uint8Array> {
  const file = await open(packPath(folder, pack), "r")
  try {
    const bytes = new Uint8Array(Math.max(0, Math.min(most, size - from)))
    let done = 0
    while (done < bytes.length) {
      const { bytesRead } = await file.read(bytes, done, bytes.length - done, at + from + done)
      if (bytesRead === 0) break
      done += bytesRead
    }
    return bytes.subarray(0, done)
  } finally {
    await file.close()
  }
}

/**
 * Reads whole objects of a data directory, also one that another process writes to: it opens nothing for long and changes
 * nothing. Every object is compared with its name. Throws `not_found`, also for one whose bytes have rotted.
 */
export function createBlobReader({ dataDir, locate }: { dataDir: string; locate: Locate }) {
  const [objects, packs] = [objectsIn(dataDir), packsIn(dataDir)]
  return async (sha256: string): Promise<Uint8Array> => {
    const place = locate(sha256)
    let bytes: Uint8Array
    try {
      bytes = place ? await readPack(packs, place) : await readFile(objectPath(objects, sha256))
    } catch (cause) {
      throw missing(cause)
    }
    // Disks return wrong bytes without a word; nobody may judge, train on or be shown another picture.
    if (createHash("sha256").update(bytes).digest("hex") !== sha256)
      throw new Problem(
        "not_found",
        "object",
        "the stored object is damaged: its bytes are not what was stored",
      )
    return bytes
  }
}

/** An error of the file system as the one people are told when a file is not there; others as they are. */
export function missing(cause: unknown): unknown {
  if (!(cause instanceof Error && "code" in cause && cause.code === "ENOENT")) return cause
  return new Problem("not_found", "object", "the store does not hold this object", {}, cause)
}

/** An error of the file system as the one people are told when the disk is full; others as they are. */
export function orFull(cause: unknown): unknown {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined
  if (code !== "ENOSPC" && code !== "EDQUOT") return cause
  return new Problem("unavailable", "disk_full", "the disk is full: make room for new images", {}, cause)
}
