import { renameSync, rmSync } from "node:fs"
import { join } from "node:path"
import { prepare } from "../prepare.ts"
import { elfMachine } from "./elf.ts"
import { makeIfStale } from "./fingerprint.ts"
import { nativePackages } from "./natives.ts"
import { embedPlugin } from "./plugin.ts"
import type { Target } from "./target.ts"

const root = join(import.meta.dirname, "../..")

const SOURCES = ["edge", "hub", "models", "ui", "dist/ui", "dist/fonts", "scripts/build"]

/** Builds the binary unless the one in dist/ was made from the same sources. Returns its absolute path. */
export async function freshBinary(target: Target): Promise<string> {
  await prepare()
  await makeIfStale(target.outfile, SOURCES, () => buildBinary(target))
  return join(root, target.outfile)
}

/** Compiles `crux` for one machine with everything inside. */
async function buildBinary(target: Target): Promise<void> {
  const natives = await nativePackages(target)
  for (const { source } of natives.flatMap((each) => each.files)) {
    if (elfMachine(source) !== target.elfMachine) throw new Error(`${source} is not made for ${target.name}.`)
  }
  const outfile = join(root, target.outfile)
  // Beside the old one first: a running binary cannot be overwritten, and a failed build leaves the old one alone.
  const fresh = `${outfile}.${process.pid}`
  const result = await Bun.build({
    entrypoints: [join(root, "hub/main.ts")],
    target: "bun",
    // A .env or bunfig.toml lying in the folder somebody starts it from must not steer the program.
    compile: { target: target.bun, outfile: fresh, autoloadDotenv: false, autoloadBunfig: false },
    plugins: [embedPlugin(natives)],
    // Names stay: a stack trace from a plant must be readable.
    minify: { whitespace: true, syntax: true, identifiers: false },
    sourcemap: "linked",
    // Every child process starts from this file: without parsing it, a start takes 10 ms instead of 60 (2 cores).
    format: "esm",
    bytecode: true,
    define: { "process.env.NODE_ENV": '"production"' },
  })
  // The map is inside as well; the one beside it is left over.
  rmSync(`${fresh}.map`, { force: true })
  if (!result.success) throw new AggregateError(result.logs, `The bundle for ${target.name} failed.`)
  if (elfMachine(fresh) !== target.elfMachine) throw new Error(`${fresh} is not made for ${target.name}.`)
  renameSync(fresh, outfile)
}
