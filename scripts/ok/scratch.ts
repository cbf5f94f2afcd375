import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { removeLeftBehind } from "../../test/support/left-behind.ts"

const inMemory = "/dev/shm"
/** Much more than was seen lying there at a time (some hundred megabytes): the same memory has to hold the programs too. */
const neededBytes = 8 * 1024 ** 3

/**
 * A new folder for what tests write: in memory where there is plenty, as hundreds of hubs that each sync every part wait for a
 * disk most of their time. That data survives a power cut is shown by playing the calls to the kernel back, not by this disk.
 * What a run that was killed has left is removed: it would take memory until the machine starts anew.
 */
export function makeScratch(kind: string): string {
  const roots = [...(isRoomy() ? [inMemory] : []), tmpdir()]
  for (const root of roots) {
    removeLeftBehind(root, kind)
    const folder = mkdtempSync(join(root, `${kind}-${process.pid}-`))
    if (root !== inMemory || canRunPrograms(folder)) return folder
    rmSync(folder, { recursive: true })
  }
  throw new Error("no folder for temporary files")
}

function isRoomy(): boolean {
  if (process.availableMemory() < neededBytes) return false
  try {
    const { bavail, bsize } = statfsSync(inMemory)
    return bavail * bsize >= neededBytes
  } catch {
    // Not every system has one.
    return false
  }
}

/** Tests build programs and run them; a folder in memory may be mounted without that right. */
function canRunPrograms(folder: string): boolean {
  const program = join(folder, "program")
  writeFileSync(program, "#!/bin/sh\nexit 0\n", { mode: 0o755 })
  const { status } = spawnSync(program)
  rmSync(program)
  return status === 0
}
