import type { Enrolment } from "#contract/fleet"
import { createHub } from "../../hub/hub.ts"
import { theHub } from "../../hub/platform/audit.ts"
import { bunPorts } from "../../hub/ports.bun.ts"
import { readConfig } from "../../hub/read-config.ts"

/**
 * A hub that watches itself: `storm.child.ts DATA DEVICES`. Lets that many devices in at one time where the settings
 * say how many. Prints its enrolments, then, for each byte on its standard input, how it has fared.
 */
export type StormHub = { secrets: string[]; port: number }
export type StormReport = { connected: number; stallMs: number; residentMiB: number }

const [data = "", devices = "1"] = process.argv.slice(2)
const flags = {
  data,
  "mqtt-port": "0",
  "log-level": "error",
  "mqtt-max-connections": "12000",
  "mqtt-max-connections-per-address": "12000",
  "mqtt-max-connects-per-second": "5000",
}
const { config } = readConfig({ flags, environment: {} })
const hub = await createHub(config, bunPorts())
await hub.start()
const secrets: Enrolment["secret"][] = []
for (let i = 0; i < Number(devices); i++) {
  const { code } = hub.enrolment.createCode(theHub, `bench-${i}`, `bench-${i}`, { preApproved: true })
  const proof = await hub.enrolment.enrol(code, `bench-${i}`, "bench")
  if ("waiting" in proof) throw new Error("a pre-approved code waits for nobody")
  secrets.push(proof.secret)
}
let stallMs = 0
let last = performance.now()
setInterval(() => {
  stallMs = Math.max(stallMs, performance.now() - last - 10)
  last = performance.now()
}, 10)
console.log(JSON.stringify({ secrets, port: hub.mqttPort() } satisfies StormHub))
process.stdin.on("data", () => {
  const connected = hub.fleet.list().filter(({ presence }) => presence === "online").length
  const residentMiB = process.memoryUsage().rss / 2 ** 20
  console.log(JSON.stringify({ connected, stallMs, residentMiB } satisfies StormReport))
})
process.stdin.once("end", async () => {
  await hub.stop()
  process.exit(0)
})
