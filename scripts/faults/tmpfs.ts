import { mkdirSync, mkdtempSync, rmSync, statfsSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** Runs `use` with a disk of its own at `path`; `resize` gives it other limits, as mount says them. */
export async function onTmpfs<T>(
  path: string,
  limits: string,
  use: (resize: (limits: string) => void) => Promise<T>,
): Promise<T> {
  mkdirSync(path, { recursive: true })
  mount(["-t", "tmpfs", "-o", limits, "crux-faults", path])
  try {
    return await use((to) => mount(["-o", `remount,${to}`, "crux-faults", path]))
  } finally {
    Bun.spawnSync(["umount", "-l", path])
  }
}

function mount(args: string[]): void {
  const { success, stderr } = Bun.spawnSync(["mount", ...args])
  if (!success) throw new Error(`mount ${args.join(" ")}: ${stderr}`)
}

/** Leaves a disk without one free page. */
export function fill(path: string, resize: (limits: string) => void): void {
  for (let tries = 1; ; tries++) {
    const { blocks, bfree, bsize } = statfsSync(path)
    try {
      resize(`size=${Math.ceil(((blocks - bfree) * bsize) / 1024)}k`)
      return
    } catch (error) {
      // Whoever is writing just now has taken more meanwhile.
      if (tries === 100) throw error
    }
  }
}

/** Undefined where this user may mount. */
export function mayMount(): string | undefined {
  if (process.getuid?.() !== 0) return "only root may mount a disk of its own"
  const path = mkdtempSync(join(tmpdir(), "crux-mount-"))
  try {
    const mounted = Bun.spawnSync(["mount", "-t", "tmpfs", "none", path]).success
    if (mounted) Bun.spawnSync(["umount", path])
    return mounted ? undefined : "nothing can be mounted here"
  } finally {
    rmSync(path, { recursive: true })
  }
}
