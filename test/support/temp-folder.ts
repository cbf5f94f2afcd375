import { afterAll } from "bun:test"
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

/**
 * Loaded before each test file (bunfig.toml): whatever it puts into the system's folder for temporary files goes into a
 * folder of its own, which is removed at its end, also when it has failed. What a run that was killed has left is
 * removed by the next one.
 */
const name = /^crux-test-(\d+)-/
for (const left of readdirSync(tmpdir())) {
  const owner = name.exec(left)?.[1]
  if (owner !== undefined && !existsSync(`/proc/${owner}`)) remove(join(tmpdir(), left))
}

const folder = mkdtempSync(join(tmpdir(), `crux-test-${process.pid}-`))
process.env.TMPDIR = folder
afterAll(() => remove(folder))

function remove(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true })
  } catch (error) {
    // Another run may be at it, or a program that was not ours to end still writes there: no test has failed for that.
    console.warn(`${path} was not removed: ${error}`)
  }
}
