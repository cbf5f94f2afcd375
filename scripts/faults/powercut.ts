import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import { decodeFrame } from "#contract/cxf1"
import { prepareDataFolder } from "#platform/data-folder"
import { createLog } from "#platform/log"
import { openDatabase } from "#platform/migrate"
import { migrations } from "#platform/migrations"
import { openSqlite } from "#platform/sqlite.bun"
import { openOutbox } from "../../edge/outbox/outbox.ts"
import { prepareSchema } from "../../edge/schema.ts"
import { createRandom } from "../../edge/simulator/random.ts"
import type { Fault, Outcome } from "./fault.ts"
import { examine } from "./invariant.ts"
import { createLedger, type Ledger } from "./ledger.ts"
import { readyHub } from "./plant.ts"
import { createDisk } from "./powercut/disk.ts"
import { type DiskCall, readTrace, recording } from "./powercut/trace.ts"
import { hasStrace } from "./strace.ts"

const stations = ["line-1", "line-2"]

/** Where the states are laid out: syncing them costs nothing in memory, and proves nothing either. */
const memory = ["/dev/shm"].find((path) => existsSync(path))

/** One cut in this many is also given to the real program, which takes a second. */
const realStartEvery = 25

/** The power of a whole plant goes at many moments of one recorded run, and each state of its disks is started again. */
const blackout: Fault = {
  id: "F03",
  name: "power cut of hub and stations",
  quickRounds: 30,
  longRounds: 600,
  impossible: hasStrace,
  run: async ({ seed, rounds, folder }) => {
    const root = join(folder, "plant")
    for (const name of ["hub", ...stations]) mkdirSync(join(root, name), { recursive: true })
    const trace = join(folder, "trace")
    const parts = Math.min(400, 40 + rounds)
    const child = Bun.spawn(
      [
        ...recording(trace),
        process.execPath,
        join(import.meta.dir, "powercut/plant.child.ts"),
        root,
        String(seed),
        String(parts),
      ],
      { stdout: "ignore", stderr: "pipe", env: { ...process.env, UV_THREADPOOL_SIZE: "8" } },
    )
    const err = await new Response(child.stderr).text()
    if ((await child.exited) !== 0) throw new Error(`the plant did not run: ${err.slice(-500)}`)
    const calls = readTrace(readFileSync(trace, "latin1"), root)
    rmSync(trace)
    return cutOften({ calls, root, folder, seed, cuts: rounds })
  },
}

async function cutOften(options: {
  calls: readonly DiskCall[]
  root: string
  folder: string
  seed: number
  cuts: number
}): Promise<Outcome> {
  const { calls, root, folder, seed, cuts } = options
  const random = createRandom(`cuts-${seed}`)
  const places = Array.from({ length: cuts }, () => random.below(calls.length + 1)).toSorted((a, b) => a - b)
  const disk = createDisk(root)
  // The folders that an installer makes are certain; what a first start makes in them is not.
  for (const name of ["hub", ...stations]) {
    disk.apply({ kind: "mkdir", path: join(root, name), began: 0, ended: 0 })
    disk.apply({ kind: "sync", path: root, began: 1, ended: 1 })
  }
  const ledger = createLedger()
  const all = everMade(calls, root)
  const problems: string[] = []
  let [acknowledged, stored, lost, duplicates] = [0, 0, 0, 0]
  let done = 0
  for (const [round, place] of places.entries()) {
    for (; done < place; done++) {
      const call = calls[done]!
      disk.apply(call)
      for (const words of marksIn(call, root)) note(ledger, words)
    }
    const into = mkdtempSync(join(memory ?? folder, "crux-cut-"))
    disk.cut(into, random)
    const found = await startAgain(into, ledger, all, round % realStartEvery === 0)
    if (found.problems.length === 0) rmSync(into, { recursive: true })
    else problems.push(`what was left lies in ${into}`)
    acknowledged += found.acknowledged
    stored += found.stored
    lost += found.lost
    duplicates += found.duplicates
    problems.push(
      ...found.problems.map((problem) => `cut ${round} after call ${place} of ${calls.length}: ${problem}`),
    )
    // One state that can be looked at says more than many.
    if (problems.length > 0) break
  }
  return {
    done: `${cuts} cuts between ${calls.length} calls to the kernel; of what was not synced about half was lost, some of it torn`,
    acknowledged,
    stored,
    lost,
    duplicates,
    problems,
  }
}

/** What hub and stations do when they start on what the cut has left, and what they then hold. */
async function startAgain(folder: string, ledger: Ledger, all: Ledger, really: boolean) {
  const problems: string[] = []
  const held = new Set(all.entries.keys().filter((id) => !ledger.entries.has(id)))
  for (const name of stations) {
    const sqlite = openSqlite(join(folder, name, "edge.db"))
    prepareSchema(sqlite)
    const outbox = await openOutbox({
      sqlite,
      folder: join(folder, name, "outbox"),
      boot: "aftercut1",
      quota: 1e9,
      now: () => 0,
    })
    for (const { id } of sqlite.prepare<{ id: string }>("SELECT id FROM outbox").all()) {
      const message = await outbox.message(id)
      const made = ledger.entries.get(id)
      if (message && made?.image && decodeFrame(message).header.parts[0]?.sha256 !== made.image)
        problems.push(`${id} lies in the outbox of ${name} without its picture`)
      held.add(id)
    }
    sqlite.close()
  }
  const data = join(folder, "hub")
  if (really) {
    const hub = await readyHub(data)
    const { code } = await hub.stop()
    if (code !== 0) problems.push(`the hub ended with ${code}`)
  } else {
    const kept = prepareDataFolder(data)
    openDatabase({
      path: kept.database,
      backups: kept.backups,
      openSqlite,
      migrations,
      now: Date.now,
      log: createLog({ level: "error", subject: "hub", write: () => {}, now: Date.now }),
    }).close()
  }
  // Rows of parts that were just being made are no strangers.
  const known = createLedger()
  for (const [id, entry] of all.entries) known.entries.set(id, ledger.entries.get(id) ?? entry)
  const found = await examine(data, known, held)
  return { ...found, problems: [...problems, ...found.problems] }
}

type Words = readonly string[]

/** The lines that the plant has written about itself in this call. */
function marksIn(call: DiskCall, root: string): Words[] {
  if (call.kind !== "write" || call.path !== join(root, "marks")) return []
  return call.bytes
    .toString()
    .trimEnd()
    .split("\n")
    .map((line) => line.split(" "))
}

function note(ledger: Ledger, [word, id = "", device = "", partId = "", image = ""]: Words): void {
  if (word === "made") ledger.produced(id, { device, partId, image: image || null })
  else {
    const entry = ledger.entries.get(id)
    if (entry) entry.acknowledged = true
  }
}

function everMade(calls: readonly DiskCall[], root: string): Ledger {
  const ledger = createLedger()
  for (const call of calls)
    for (const words of marksIn(call, root)) if (words[0] === "made") note(ledger, words)
  return ledger
}

export const powerFaults: readonly Fault[] = [blackout]
