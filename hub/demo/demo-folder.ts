import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { takeLock } from "#platform/lock"
import { openSqlite } from "#platform/sqlite.bun"

const prefix = "crux-demo-"
/** Held for as long as the demo lives, however it ends: the kernel drops it. */
const owner = "owner"

export type DemoFolder = { path: string; remove: () => void }

/** A temporary folder for one demo. What demos that were killed have left is removed first. */
export function makeDemoFolder(): DemoFolder {
  sweep()
  const path = mkdtempSync(join(tmpdir(), prefix))
  const lock = takeLock(join(path, owner), openSqlite, Date.now(), "demo")
  return {
    path,
    remove: () => {
      lock.release()
      rmSync(path, { recursive: true, force: true })
    },
  }
}

/** Only folders of this user whose demo is gone. One without the lock's file is just being made, or is not ours. */
function sweep(): void {
  for (const name of readdirSync(tmpdir())) {
    const path = join(tmpdir(), name)
    if (!name.startsWith(prefix) || !isMine(join(path, owner))) continue
    try {
      takeLock(join(path, owner), openSqlite, Date.now(), "demo").release()
      rmSync(path, { recursive: true, force: true })
    } catch {
      // It lives, or another demo is sweeping it just now: neither is a reason not to start.
    }
  }
}

function isMine(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false })
  return found?.isFile() === true && found.uid === process.getuid?.()
}
