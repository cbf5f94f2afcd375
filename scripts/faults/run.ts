import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Fault, Verdict } from "./fault.ts"

/** Runs one fault in a folder of its own; the folder stays when the promise was broken, so that it can be looked at. */
export async function runFault(fault: Fault, seed: number, rounds: number): Promise<Verdict> {
  const folder = mkdtempSync(join(tmpdir(), `crux-${fault.id.toLowerCase()}-`))
  const begin = performance.now()
  const outcome = await fault.run({ seed, rounds, folder }).catch((error: unknown) => ({
    done: "it did not get to its end",
    acknowledged: 0,
    stored: 0,
    lost: 0,
    duplicates: 0,
    problems: [error instanceof Error ? (error.stack ?? error.message) : String(error)],
  }))
  if (outcome.problems.length === 0) rmSync(folder, { recursive: true, force: true })
  return { ...outcome, fault, seed, seconds: (performance.now() - begin) / 1000 }
}
