import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { createHub } from "../../hub/hub.ts"
import { openAsset } from "../../hub/platform/assets.ts"
import { systemClock } from "../../hub/platform/clock.ts"
import { systemIds } from "../../hub/platform/ids.ts"
import { openSqlite } from "../../hub/platform/sqlite.node.ts"
import { readConfig } from "../../hub/read-config.ts"

/** The part of Deno's own interface used here; the project is type-checked for Bun. */
declare const Deno: {
  serve(
    options: { hostname: string; port: number; onListen: (address: { port: number }) => void },
    handler: (request: Request) => Promise<Response>,
  ): { shutdown(): Promise<void> }
}

/**
 * The hub's composition root on Deno: node:sqlite below, Deno.serve above, nothing of the hub changed. Prints one JSON
 * line with its port and setup code; ends when its standard input does.
 */
const data = mkdtempSync(join(tmpdir(), "crux-deno-"))
const { config } = readConfig({ flags: { data, "mqtt-port": "0", "log-level": "warn" }, environment: {} })
const hub = await createHub(config, {
  openSqlite,
  openAsset,
  // The process that decodes pictures runs on Bun.
  imaging: {
    thumbnail: () => Promise.reject(new Error("no decoder here")),
    tiles: () => Promise.reject(new Error("no decoder here")),
    close: async () => {},
  },
  trainer: () => ({ ended: Promise.resolve("no trainer here"), kill: () => {} }),
  prover: {
    judge: async () => [],
    hear: async () => [],
    judgeBlank: async () => [],
    show: async () => [],
    look: () => Promise.reject(new Error("no runtime here")),
    stamp: () => Promise.reject(new Error("no runtime here")),
    shrink: () => Promise.reject(new Error("no decoder here")),
  },
  clock: systemClock,
  ids: systemIds,
  writeLog: (line) => void process.stderr.write(`${line}\n`),
  version: "0.0.0-deno",
})
await hub.start()
const server = Deno.serve(
  {
    hostname: "127.0.0.1",
    port: 0,
    onListen: ({ port }) => console.log(JSON.stringify({ port, setupCode: hub.sessions.newSetupCode() })),
  },
  (request) => hub.fetch(request),
)
process.stdin.resume()
process.stdin.once("end", async () => {
  await server.shutdown()
  await hub.stop()
  rmSync(data, { recursive: true })
  process.exit(0)
})
