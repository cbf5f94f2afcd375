import { Database } from "bun:sqlite"
import { cp, mkdtemp, readdir, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { selfCommand } from "#models/child"
import type { DemoFigures } from "../../hub/demo/figures.ts"
import type { BenchRow } from "./row.ts"

/** Longest the demo may take; then the benchmark fails instead of waiting. */
const longestDemoMs = 480_000
/** One part per station in this time: at 400 ms three stations and a trainer are more than two slow cores can do. */
const intervalMs = 1000
/** The demo's rollout proves the model with this many parts on the canary and then on the others. */
const probationParts = 6

/**
 * The whole loop in `crux demo --headless --quick`: from the first part with a new kind of defect to a model that knows it on
 * every station. Against what no software could save: the time until the parts were there and labelled, the trainer
 * alone, hub and stations ended, with the same bundle, the parts of the probation.
 */
export async function benchLoop(): Promise<BenchRow[]> {
  const folder = await mkdtemp(join(tmpdir(), "crux-bench-"))
  const [data, bundles] = [join(folder, "demo"), join(folder, "bundles")]
  try {
    const figures = await runDemo(data, bundles)
    const { job, waited } = loopOf(join(data, "hub", "hub.db"))
    const training = await trainAlone(join(bundles, job))
    const probation = (2 * probationParts * intervalMs) / 1000
    const reference = waited + training + probation
    const parts = [waited, training, probation].map((seconds) => seconds.toFixed(1)).join(" + ")
    return [
      {
        name: `loop time, ${figures.labels_used} labels, ${figures.stations} stations and hub on this machine`,
        value: figures.loop_seconds,
        unit: "s",
        reference,
        ratio: reference / figures.loop_seconds,
        against: `${parts} s: parts and their labels, the trainer alone, parts on probation`,
      },
    ]
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Runs the demo and keeps a copy of every job bundle, as the hub removes them with the jobs. */
async function runDemo(data: string, bundles: string): Promise<DemoFigures> {
  const options = ["--headless", "--json", "--quick", "--interval-ms", String(intervalMs), "--data", data]
  const demo = Bun.spawn([...selfCommand("demo"), ...options], { stdout: "pipe", stderr: "pipe" })
  const tooLong = setTimeout(() => demo.kill("SIGTERM"), longestDemoMs)
  const said = new Response(demo.stderr).text()
  const printed = new Response(demo.stdout).text()
  let running = true
  const copying = (async () => {
    const kept = new Set<string>()
    for (; running; await Bun.sleep(100)) await keepBundles(join(data, "hub", "training"), bundles, kept)
  })()
  const code = await demo.exited
  clearTimeout(tooLong)
  running = false
  await copying
  if (code !== 0) throw new Error(`the demo ended with ${code}:\n${(await said).slice(-2000)}`)
  return JSON.parse(await printed) as DemoFigures
}

/** Only whole bundles have a name without an ending; images in them are named by path and stay where they are. */
async function keepBundles(from: string, to: string, kept: Set<string>) {
  const names = await readdir(from).catch(() => [])
  for (const name of names.filter((name) => !name.includes(".") && !kept.has(name))) {
    kept.add(name)
    await cp(join(from, name), join(to, name), { recursive: true })
  }
}

/** The job that closed the loop, and the seconds from the first part with the new kind to the start of that job. */
function loopOf(path: string): { job: string; waited: number } {
  const db = new Database(path, { readonly: true })
  try {
    const loop = db
      .query<{ job: string; first_seen_at: number; created_at: number }, []>(
        `SELECT l.job, l.first_seen_at, j.created_at FROM learning_loop l JOIN training_job j ON j.id = l.job
         WHERE l.closed_at IS NOT NULL ORDER BY l.closed_at DESC LIMIT 1`,
      )
      .get()
    if (!loop) throw new Error("no loop has closed")
    return { job: loop.job, waited: (loop.created_at - loop.first_seen_at) / 1000 }
  } finally {
    db.close()
  }
}

async function trainAlone(bundle: string): Promise<number> {
  const started = performance.now()
  const child = Bun.spawn([...selfCommand("worker", "train"), bundle], { stdout: "ignore", stderr: "pipe" })
  const said = new Response(child.stderr).text()
  if ((await child.exited) !== 0) throw new Error(`the trainer failed:\n${(await said).slice(-2000)}`)
  return (performance.now() - started) / 1000
}
