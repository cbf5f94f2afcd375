import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createHub } from "../hub/hub.ts"
import { bunPorts } from "../hub/ports.bun.ts"
import { readConfig } from "../hub/read-config.ts"

/**
 * bun scripts/openapi.ts [--check]: writes docs/openapi.json from the routes of a hub that is not started; with
 * --check compares instead, and fails when the committed file is stale.
 */
const target = join(import.meta.dirname, "../docs/openapi.json")
const data = mkdtempSync(join(tmpdir(), "crux-openapi-"))
const { config } = readConfig({ environment: {}, flags: { data, "log-level": "error" } })
const hub = await createHub(config, bunPorts())
const text = `${JSON.stringify(await hub.openApi(), null, 2)}\n`
await hub.stop()
rmSync(data, { recursive: true })

if (!process.argv.includes("--check")) {
  writeFileSync(target, text)
} else if (readFileSync(target, "utf8") !== text) {
  console.error("docs/openapi.json does not match the routes; run: bun scripts/openapi.ts")
  process.exit(1)
}
process.exit(0)
