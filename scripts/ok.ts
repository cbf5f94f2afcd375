import { readFileSync, writeFileSync } from "node:fs"
import { availableParallelism } from "node:os"
import { join } from "node:path"
import { removeFolder } from "../test/support/left-behind.ts"
import { type Counts, countJUnit, countsLine, failedFiles, slowestFiles } from "./ok/counts.ts"
import { makeScratch } from "./ok/scratch.ts"
import { timingsOf } from "./ok/timings.ts"
import { prepare } from "./prepare.ts"

/**
 * bun run ok: every check of the project. One line per step with its time, the output of what failed, and at the end
 * "N passed, N failed", where a check without tests of its own counts as one.
 */
const root = join(import.meta.dirname, "..")

type Step = { readonly name: string; readonly run: () => Promise<Counts & { readonly output: string }> }

/** A check that either passes or fails: a program of the project's own packages, run by this Bun. */
function check(name: string, script: string, args: readonly string[]): Step {
  return {
    name,
    run: async () => {
      const { code, output } = await spawn([join(root, script), ...args])
      return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, output }
    },
  }
}

/** One run of `bun test`, with its report. */
async function runTests(
  args: readonly string[],
): Promise<Counts & { output: string; failedIn: string[]; slowest: string }> {
  const folder = makeScratch("crux-ok")
  const report = join(folder, "report.xml")
  const timings = join(folder, "timings.json")
  try {
    writeFileSync(timings, timingsOf([...new Bun.Glob("test/**/*.test.ts").scanSync(root)]))
    const { code, output } = await spawn(
      [
        "test",
        // Generous: a busy machine is no failure, only a hanging test is.
        "--timeout=30000",
        "--only-failures",
        "--reporter=junit",
        `--reporter-outfile=${report}`,
        `--timings=${timings}`,
        ...args,
      ],
      { TMPDIR: folder },
    )
    const xml = readReport(report)
    const counts = countJUnit(xml)
    // A crash, or an error outside of any test, fails the run without failing a test.
    const failed = code !== 0 && counts.failed === 0 ? 1 : counts.failed
    const slowest = slowestFiles(xml, 12).map(({ file, seconds }) => `${seconds.toFixed(0)} s ${file}`)
    return { passed: counts.passed, failed, output, failedIn: failedFiles(xml), slowest: slowest.join(", ") }
  } finally {
    // With everything that programs started by tests have left there.
    removeFolder(folder)
  }
}

/** More failing files than this are no matter of a busy machine. */
const mostUnsteady = 3

const tests: Step = {
  name: "tests",
  run: async () => {
    // A process per file: what one leaves behind, or a crash of native code, cannot touch another's tests.
    const parallel = `--parallel=${Math.max(2, Math.floor(availableParallelism() / 2))}`
    const first = await runTests([parallel])
    console.log(`slowest: ${first.slowest}`)
    const again = first.failedIn
    if (again.length === 0 || again.length > mostUnsteady) return first
    // Hundreds of real programs share the machine: a file that fails beside the others is judged alone, and named.
    console.log(`${first.output}\n\nnot steady, judged alone: ${again.join(" ")}`)
    const second = await runTests(again.map((file) => `./${file}`))
    if (second.passed + second.failed === 0) return first
    const mended = Math.max(0, first.failed - second.failed)
    return { passed: first.passed + mended, failed: second.failed, output: second.output }
  },
}

const steps: readonly Step[] = [
  check("format and lint", "node_modules/@biomejs/biome/bin/biome", ["ci", "--colors=off", "."]),
  check("types", "node_modules/typescript/bin/tsc", ["--noEmit", "--pretty", "false"]),
  check("docs/openapi.json is fresh", "scripts/openapi.ts", ["--check"]),
  check("docs/asyncapi.json is fresh", "scripts/asyncapi.ts", ["--check"]),
  tests,
]

async function spawn(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<{ code: number; output: string }> {
  const child = Bun.spawn([process.execPath, ...args], {
    cwd: root,
    stdout: "pipe",
    stderr: "pipe",
    env: { ...process.env, NO_COLOR: "1", ...env },
  })
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  return { code, output: `${out}${err}`.trim() }
}

/** No report at all means that the run died early. */
function readReport(path: string): string {
  try {
    return readFileSync(path, "utf8")
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return ""
    throw error
  }
}

/** Runs all steps, also after one has failed: who fixes a type wants to see the failing test as well. */
async function runAll(): Promise<Counts> {
  let total: Counts = { passed: 0, failed: 0 }
  for (const step of steps) {
    const started = performance.now()
    const { passed, failed, output } = await step.run()
    const seconds = ((performance.now() - started) / 1000).toFixed(1).padStart(6)
    console.log(`${failed === 0 ? "ok  " : "FAIL"} ${seconds} s  ${step.name}`)
    if (failed > 0) console.log(`${output}\n`)
    total = { passed: total.passed + passed, failed: total.failed + failed }
  }
  return total
}

await prepare()
const total = await runAll()
console.log(countsLine(total))
process.exit(total.failed === 0 ? 0 : 1)
