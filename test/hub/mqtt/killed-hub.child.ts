import { createHub } from "../../../hub/hub.ts"
import { theHub } from "../../../hub/platform/audit.ts"
import { bunPorts } from "../../../hub/ports.bun.ts"
import { readConfig } from "../../../hub/read-config.ts"

/**
 * A hub to be killed: runs on the data folder of its first argument and enrols the device of its second. Prints one
 * JSON line with the port and, at first start, the device's secret.
 */
const [data = "", device = ""] = process.argv.slice(2)
const { config } = readConfig({
  flags: { data, "mqtt-port": "0", "http-port": "0", "log-level": "error" },
  environment: {},
})
const hub = await createHub(config, bunPorts())
await hub.start()
const { code } = hub.enrolment.createCode(theHub, device, device, { preApproved: true })
const proof = await hub.enrolment.enrol(code, device, "test")
const secret = "waiting" in proof ? "" : proof.secret
console.log(
  JSON.stringify({
    device,
    secret,
    mqtt: { host: "127.0.0.1", port: hub.mqttPort() },
    keys: hub.keys.trusted,
  }),
)
