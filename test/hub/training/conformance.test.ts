import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { selfCommand } from "#models/child"
import { runConformance } from "../../../hub/cli/trainer/conformance.ts"

setDefaultTimeout(600_000)

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "crux-conform-"))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const judge = (command: readonly string[]) =>
  runConformance({
    command,
    params: { side: 64, bank_rows: 50 },
    minutes: 5,
    verbose: false,
    say: () => {},
  })

describe("the conformance kit", () => {
  test.concurrent("finds that the reference trainer keeps every point of the contract", async () => {
    const points = await judge([...selfCommand("trainer", "run"), "--data", folder])
    // How far apart its heartbeats are is a matter of the machine, too.
    const broken = points.filter(({ kept, name }) => !kept && !name.startsWith("keeps its lease"))
    expect(broken).toEqual([])
    expect(points.length).toBeGreaterThan(15)
  })

  test.concurrent("finds a trainer that does not start, and one that can do nothing", async () => {
    const idle = `
      const [url, token] = process.argv.slice(-2)
      await fetch(url + "/trainer/v1/register", {
        method: "POST",
        headers: { authorization: "Bearer " + token, "content-type": "application/json" },
        body: JSON.stringify({ software: "idle", contract_versions: [1], recipes: [], gpus: [] }),
      })
      setInterval(() => {}, 1000)`
    const [dead, useless] = await Promise.all([
      judge([process.execPath, "-e", "process.exit(1)"]),
      judge([process.execPath, "-e", idle, "{hub}", "{token}"]),
    ])
    expect(dead).toMatchObject([{ name: "registers", kept: false }])
    expect(useless).toMatchObject([
      { name: "registers", kept: true },
      { name: "offers a recipe", kept: false },
    ])
  })
})
