import { createHash } from "node:crypto"
import { createWriteStream } from "node:fs"
import { mkdir, readdir, rename, rm, stat, utimes } from "node:fs/promises"
import { join } from "node:path"
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import { orFull } from "./blob-reader.ts"
import type { Clock } from "./clock.ts"
import type { Ids } from "./ids.ts"

/** A file that nobody has asked for in this long is forgotten. */
const keptMs = 24 * 3_600_000
const digestName = /^[0-9a-f]{64}$/

/**
 * Files that somebody has sent to be looked at and may never want: each under the SHA-256 of its bytes, for a day after it
 * was last asked for. Whoever decides to keep one copies it to the store of objects. Nothing here is promised to survive.
 */
export function createShelf({ folder, clock, ids }: { folder: string; clock: Clock; ids: Ids }) {
  const pathOf = (sha256: string) => join(folder, sha256)
  const touch = async (path: string): Promise<boolean> => {
    const now = clock.now() / 1000
    return await utimes(path, now, now).then(
      () => true,
      () => false,
    )
  }
  return {
    /** Lays a file down, whatever its length. */
    async put(source: AsyncIterable<Uint8Array>): Promise<{ sha256: string; size: number }> {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      const partial = join(folder, `${ids.uuid()}.partial`)
      const hash = createHash("sha256")
      let size = 0
      async function* counted() {
        for await (const piece of source) {
          hash.update(piece)
          size += piece.length
          yield piece
        }
      }
      try {
        await pipeline(Readable.from(counted()), createWriteStream(partial, { mode: 0o600 }))
        const sha256 = hash.digest("hex")
        await rename(partial, pathOf(sha256))
        await touch(pathOf(sha256))
        return { sha256, size }
      } catch (error) {
        await rm(partial, { force: true })
        throw orFull(error)
      }
    },
    /** Path of a file that lies here, for a day from now on; undefined when it does not. */
    async path(sha256: string): Promise<string | undefined> {
      if (!digestName.test(sha256)) return undefined
      return (await touch(pathOf(sha256))) ? pathOf(sha256) : undefined
    },
    /** For one that has been kept elsewhere, or is not wanted. */
    drop: (sha256: string): Promise<void> => rm(pathOf(sha256), { force: true }),
    /** Forgets what nobody has asked for in a day, and what a stopped hub had half taken. */
    async sweep(): Promise<void> {
      const names = await readdir(folder).catch(() => [])
      for (const name of names) {
        const path = join(folder, name)
        const at = await stat(path).then(
          ({ mtimeMs }) => mtimeMs,
          () => undefined,
        )
        if (at !== undefined && clock.now() - at > keptMs) await rm(path, { force: true })
      }
    },
  }
}
export type Shelf = ReturnType<typeof createShelf>
