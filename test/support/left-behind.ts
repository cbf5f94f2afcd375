import { existsSync, readdirSync, rmSync } from "node:fs"
import { join } from "node:path"

/** Removes the folders in `root` that processes which have ended have left there: named `KIND-PROCESS-…`. */
export function removeLeftBehind(root: string, kind: string): void {
  for (const left of readdirSync(root)) {
    const owner = left.startsWith(`${kind}-`) ? /^\d+(?=-)/.exec(left.slice(kind.length + 1))?.[0] : undefined
    if (owner !== undefined && !existsSync(`/proc/${owner}`)) removeFolder(join(root, left))
  }
}

/** Another run may be at it, or a program that was not ours to end still writes there: no test has failed for that. */
export function removeFolder(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true, maxRetries: 5 })
  } catch (error) {
    console.warn(`${path} was not removed: ${error}`)
  }
}
