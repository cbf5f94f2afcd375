import { createHash } from "node:crypto"
import { createReadStream } from "node:fs"
import { mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises"
import { join } from "node:path"
import type { ObjectRef } from "#contract/release"
import { syncFolder, writeDurably } from "../files.ts"

export type Objects = Awaited<ReturnType<typeof openObjects>>

/** Content-addressed files of a station: manifests, indexes, models, check images. Named by SHA-256. */
export async function openObjects(folder: string) {
  const partial = join(folder, "partial")
  await mkdir(partial, { recursive: true })
  const pathOf = (sha256: string) => join(folder, sha256)
  const partialOf = (sha256: string) => join(partial, sha256)

  return {
    pathOf,
    /** Where an object grows while its chunks arrive. */
    partialOf,
    has: async ({ sha256, size }: ObjectRef): Promise<boolean> => {
      const found = await stat(pathOf(sha256)).catch(() => undefined)
      return found?.size === size
    },
    /** The bytes of a small object; undefined when it is missing or no longer matches its name. */
    read: async (sha256: string): Promise<Uint8Array | undefined> => {
      const bytes = await readFile(pathOf(sha256)).catch(() => undefined)
      return bytes && digestOf(bytes) === sha256 ? bytes : undefined
    },
    /** True when the stored file still is what its name says; reads all of it. */
    intact: async (sha256: string): Promise<boolean> =>
      (await digestOfFile(pathOf(sha256)).catch(() => undefined)) === sha256,
    put: (sha256: string, bytes: Uint8Array): Promise<void> => writeDurably(pathOf(sha256), bytes),
    /** Moves a complete, verified partial file into the store: fsync, rename, fsync of the folder. */
    adopt: async (sha256: string): Promise<void> => {
      const handle = await open(partialOf(sha256), "r+")
      try {
        await handle.sync()
      } finally {
        await handle.close()
      }
      await rename(partialOf(sha256), pathOf(sha256))
      await syncFolder(folder)
    },
    /** Deletes every object and partial file that is not in `keep`. */
    sweep: async (keep: ReadonlySet<string>): Promise<void> => {
      for (const at of [folder, partial]) {
        for (const name of await readdir(at)) {
          if (/^[0-9a-f]{64}(\.tmp)?$/.test(name) && !keep.has(name))
            await rm(join(at, name), { force: true })
        }
      }
    },
  }
}

export function digestOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex")
}

/** SHA-256 of a file, read in pieces. */
export async function digestOfFile(path: string): Promise<string> {
  const hash = createHash("sha256")
  for await (const piece of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(piece as Buffer)
  return hash.digest("hex")
}
