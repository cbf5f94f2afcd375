import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { streamRuntime } from "../../hub/cli/own-runtime.ts"
import type { BenchRow } from "./row.ts"

const tasks = 100_000
const mostSeconds = 5
const mostMemory = 200
const formats = ["yolo", "coco", "label-studio"] as const

type Told = { seconds: number; cpu_s: number; rss_mb: number; tasks: number; boxes: number }

/**
 * 100,000 labelled tasks with 300,000 boxes into an archive and out of it, each in a process of its own, beside Label
 * Studio's own converter on the same tasks where it is installed (`./scripts/test` does it), else beside 5 s.
 */
export async function benchExchange(): Promise<BenchRow[]> {
  const folder = await mkdtemp(join(tmpdir(), "crux-bench-"))
  try {
    const rows: BenchRow[] = []
    let memory = 0
    const official = await converter()
    for (const format of formats) {
      const written = await child(folder, "write", format)
      const read = await child(folder, "read", format)
      if (read.tasks !== tasks || read.boxes !== tasks * 3)
        throw new Error(`${format}: read ${JSON.stringify(read)}`)
      memory = Math.max(memory, written.rss_mb, read.rss_mb)
      rows.push(
        limited(`100,000 tasks out as ${format}`, written.seconds),
        limited(`and in again`, read.seconds),
      )
    }
    if (official) {
      // It reads the JSON that was written last; what lies in the archive must lie in a file.
      await run(["unzip", "-q", "-o", join(folder, "label-studio.zip"), "-d", folder])
      for (const format of ["YOLO", "COCO"] as const) {
        const theirs = JSON.parse(
          await run([official, join(import.meta.dir, "exchange.py"), folder, format]),
        ) as Told
        const ours = await child(folder, "write", format.toLowerCase())
        rows.push({
          name: `100,000 tasks out as ${format.toLowerCase()}, both in this run`,
          value: ours.seconds,
          unit: "s",
          reference: theirs.seconds,
          ratio: theirs.seconds / ours.seconds,
          against: `label-studio-sdk's converter (${Math.round(theirs.rss_mb)} MB at its most)`,
        })
      }
    }
    rows.push({
      name: "memory of an export or import at its most",
      value: memory,
      unit: "MB",
      reference: mostMemory,
      ratio: mostMemory / memory,
      against: `${mostMemory} MB, the most allowed`,
    })
    return rows
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const limited = (name: string, seconds: number): BenchRow => ({
  name,
  value: seconds,
  unit: "s",
  reference: mostSeconds,
  ratio: mostSeconds / seconds,
  against: `${mostSeconds} s, the most allowed`,
})

const child = async (folder: string, work: "write" | "read", format: string): Promise<Told> =>
  JSON.parse(
    await run([
      process.execPath,
      join(import.meta.dir, "exchange.child.ts"),
      folder,
      work,
      format,
      String(tasks),
    ]),
  ) as Told

async function run(command: string[]): Promise<string> {
  const started = Bun.spawn(command, {
    stdout: "pipe",
    stderr: "inherit",
    // What the hub gives its exports and imports.
    env: { ...streamRuntime, ...process.env },
  })
  const out = await new Response(started.stdout).text()
  if ((await started.exited) !== 0) throw new Error(`${command[0]} failed`)
  return out.trim().split("\n").at(-1) ?? ""
}

/** A Python that has Label Studio's converter. */
async function converter(): Promise<string | undefined> {
  const python = join(import.meta.dir, "../../.python-sdk/bin/python")
  if (!(await Bun.file(python).exists())) return undefined
  const tried = Bun.spawn([python, "-c", "import label_studio_sdk.converter"], {
    stdout: "ignore",
    stderr: "ignore",
  })
  return (await tried.exited) === 0 ? python : undefined
}

if (import.meta.main) console.table(await benchExchange())
