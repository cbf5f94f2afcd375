import { selfCommand } from "#models/child"
import { createHub } from "../../../hub/hub.ts"
import { theHub } from "../../../hub/platform/audit.ts"
import { bunPorts } from "../../../hub/ports.bun.ts"
import { readConfig } from "../../../hub/read-config.ts"
import { createProver } from "../../../hub/registry/prover.ts"
import { serveHttp } from "../../../hub/serve.bun.ts"
import { testPassword } from "../support/hub.ts"
import { engineerLogin } from "./real-hub.ts"

/**
 * A hub to be killed, with a short lease: on the data folder of its first argument, at the port of its second. With the
 * word "unproved" as its third it never comes to the end of a proof. Prints one JSON line when it serves.
 */
const [data = "", port = "0", how] = process.argv.slice(2)
const { config } = readConfig({
  flags: {
    data,
    "mqtt-port": "0",
    "http-port": port,
    "log-level": "error",
    "trainers-lease-seconds": "2",
    "auto-train-enabled": "false",
    "gate-max-p99-ms": "60000",
  },
  environment: {},
})
const prover = createProver({ command: selfCommand("worker", "infer"), timeoutMs: 120_000 })
const never = () => new Promise<never>(() => {})
const hub = await createHub(config, {
  ...bunPorts(),
  passwordCost: { N: 2 ** 4, r: 8, p: 1 },
  prover: how === "unproved" ? { ...prover, hear: never, judge: never } : prover,
})
await hub.start()
const known = { login: engineerLogin, name: "Engineer", role: "engineer", language: "en" } as const
await hub.users.create(theHub, { ...known, password: testPassword }).catch(() => undefined)
const served = serveHttp({ host: "127.0.0.1", port: Number(port), fetch: hub.fetch })
console.log(JSON.stringify({ port: served.port }))
