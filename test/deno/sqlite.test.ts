import { describe, expect, test } from "bun:test"
import { text } from "node:stream/consumers"
import { sqliteSuite } from "../hub/platform/sqlite.suite.ts"
import { spawnDeno } from "./deno.ts"

/** One run of the suite under Deno; each check is reported here under its own name. */
async function runUnderDeno(): Promise<Map<string, string | undefined>> {
  const child = spawnDeno("sqlite.deno.ts")
  const [out, err, code] = await Promise.all([text(child.stdout), text(child.stderr), child.exited])
  if (code !== 0) throw new Error(`Deno ended with ${code}: ${err}`)
  const reports = out
    .trim()
    .split("\n")
    .map((line): { name: string; error?: string } => JSON.parse(line))
  return new Map(reports.map((report) => [report.name, report.error]))
}

describe("SQLite on Deno", () => {
  const reports = runUnderDeno()
  for (const name of Object.keys(sqliteSuite)) {
    test(name, async () => {
      const errors = await reports
      expect(errors.has(name)).toBe(true)
      expect(errors.get(name)).toBeUndefined()
    })
  }
})
