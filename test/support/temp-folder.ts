import { afterAll } from "bun:test"
import { mkdtempSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { removeFolder, removeLeftBehind } from "./left-behind.ts"

/**
 * Loaded before each test file (bunfig.toml): whatever it puts into the system's folder for temporary files goes into a
 * folder of its own, which is removed at its end, also when it has failed. What a run that was killed has left is
 * removed by the next one.
 */
removeLeftBehind(tmpdir(), "crux-test")

const folder = mkdtempSync(join(tmpdir(), `crux-test-${process.pid}-`))
process.env.TMPDIR = folder
afterAll(() => removeFolder(folder))
