import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { version } from "../hub/cli/version.command.ts"
import { asyncApiDocument } from "../hub/http/asyncapi.ts"

/** bun scripts/asyncapi.ts [--check]: writes docs/asyncapi.json from the contract; --check fails when it is stale. */
const target = join(import.meta.dirname, "../docs/asyncapi.json")
const text = `${JSON.stringify(asyncApiDocument(version), null, 2)}\n`

if (!process.argv.includes("--check")) {
  writeFileSync(target, text)
} else if (readFileSync(target, "utf8") !== text) {
  console.error("docs/asyncapi.json does not match the contract; run: bun scripts/asyncapi.ts")
  process.exit(1)
}
