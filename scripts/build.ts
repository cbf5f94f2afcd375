import { statSync } from "node:fs"
import { parseArgs } from "node:util"
import { freshBinary } from "./build/binary.ts"
import { targets } from "./build/target.ts"

/** bun run build [--target linux-x64|linux-arm64]: the binaries of CRUX in dist/, unless they are fresh. */
const { values } = parseArgs({ options: { target: { type: "string" } } })
const wanted = targets.filter((target) => !values.target || target.name === values.target)
if (wanted.length === 0) {
  console.error(`There is no target "${values.target}". There are: ${targets.map((t) => t.name).join(", ")}.`)
  process.exit(2)
}

for (const target of wanted) {
  const started = performance.now()
  const bytes = statSync(await freshBinary(target)).size
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  console.log(`${target.outfile}  ${target.name}  ${(bytes / 1e6).toFixed(0)} MB  ${seconds} s`)
}
