import { Database } from "bun:sqlite"
import { afterAll, describe, expect, test } from "bun:test"
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createRandom } from "../../edge/simulator/random.ts"
import { createDisk } from "../../scripts/faults/powercut/disk.ts"
import { readTrace, recording } from "../../scripts/faults/powercut/trace.ts"
import { powerFaults } from "../../scripts/faults/powercut.ts"
import { hasStrace } from "../../scripts/faults/strace.ts"
import { testFaults } from "./support.ts"

const folder = mkdtempSync(join(tmpdir(), "crux-sloppy-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** How many of the parts that the sloppy program claimed to have on disk are not there, over all cuts. */
async function lostBy(care: "full" | "normal" | "rename", cuts = 60): Promise<number> {
  const root = join(folder, care)
  mkdirSync(root)
  const trace = join(folder, `${care}.trace`)
  const program = [process.execPath, join(import.meta.dir, "sloppy.child.ts"), root, care]
  expect(await Bun.spawn([...recording(trace), ...program]).exited).toBe(0)
  const calls = readTrace(readFileSync(trace, "latin1"), root)
  const random = createRandom(care)
  let lost = 0
  for (let cut = 0; cut < cuts; cut++) {
    const disk = createDisk(root)
    let claimed = 0
    for (const call of calls.slice(0, random.below(calls.length + 1))) {
      disk.apply(call)
      if (call.kind === "write" && call.path.endsWith("/marks")) claimed = Number(call.bytes.toString())
    }
    const into = join(folder, "cut")
    rmSync(into, { recursive: true, force: true })
    mkdirSync(into)
    disk.cut(into, random)
    for (let n = 1; n <= claimed; n++) if (!has(into, care, n)) lost += 1
  }
  return lost
}

function has(root: string, care: string, n: number): boolean {
  if (care === "rename") {
    const path = join(root, `part-${n}`)
    return existsSync(path) && readFileSync(path, "utf8") === `part ${n} `.repeat(200)
  }
  if (!existsSync(join(root, "some.db"))) return false
  const db = new Database(join(root, "some.db"))
  try {
    return db.query("SELECT 1 FROM part WHERE n = ?").get(n) !== null
  } catch (error) {
    // The table itself may be what the cut has taken.
    if (error instanceof Error && error.message.includes("no such table")) return false
    throw error
  } finally {
    db.close()
  }
}

describe.skipIf(hasStrace() !== undefined)("the power cut that is only played", () => {
  test("takes what SQLite says it takes: nothing with FULL, committed rows with NORMAL", async () => {
    expect(await lostBy("full")).toBe(0)
    expect(await lostBy("normal")).toBeGreaterThan(0)
  }, 120_000)

  test("takes files that were put into place without a sync", async () => {
    expect(await lostBy("rename")).toBeGreaterThan(0)
  }, 60_000)
})

testFaults(powerFaults)
