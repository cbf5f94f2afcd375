import { randomUUID } from "node:crypto"
import { mkdir, open, readdir, readFile, rm } from "node:fs/promises"
import { join } from "node:path"
import { Problem } from "#contract/problem"
import { syncDirectory } from "#platform/blobs.files"

/**
 * Pictures that wait for their data, a file each: the image store keeps only what an inspection names, and a half has
 * none yet. `named` are the files that rows know; others are left of a crash.
 */
export function createHalfFiles({ folder, named }: { folder: string; named: () => readonly string[] }) {
  return {
    /** Stores bytes; returns the file's name when they are on disk. Throws `unavailable` when the disk is full. */
    put: async (bytes: Uint8Array): Promise<string> => {
      const name = `${randomUUID()}.bin`
      try {
        await mkdir(folder, { recursive: true, mode: 0o700 })
        const file = await open(join(folder, name), "wx", 0o600)
        try {
          await file.writeFile(bytes)
          await file.datasync()
        } finally {
          await file.close()
        }
        await syncDirectory(folder)
        return name
      } catch (cause) {
        await rm(join(folder, name), { force: true })
        const full =
          cause instanceof Error && "code" in cause && ["ENOSPC", "EDQUOT"].includes(String(cause.code))
        throw full ? new Problem("unavailable", "disk_full", "the disk is full", {}, cause) : cause
      }
    },
    read: (name: string): Promise<Uint8Array> => readFile(join(folder, name)),
    remove: (name: string): Promise<void> => rm(join(folder, name), { force: true }),
    /** Before anything new comes: files without a row go. */
    sweep: async (): Promise<void> => {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      const known = new Set(named())
      for (const name of await readdir(folder)) if (!known.has(name)) await rm(join(folder, name))
    },
  }
}
export type HalfFiles = ReturnType<typeof createHalfFiles>
