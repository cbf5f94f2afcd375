import { createBroker } from "../hub/mqtt/broker.ts"
import { systemClock } from "../hub/platform/clock.ts"
import { createLog } from "../hub/platform/log.ts"

/**
 * The hub's broker with a policy that lets everybody do everything, for conformance suites:
 * `bun scripts/open-broker.ts [PORT]`. Prints the port and runs until it is stopped. See docs/interoperability.md.
 */
const broker = await createBroker({
  clock: systemClock,
  log: createLog({ level: "warn", subject: "broker", write: console.error, now: systemClock.now }),
  policy: {
    anonymous: true,
    mayPublish: () => ({ name: "event" }),
    // The suite looks for one filter that is refused.
    maySubscribe: (_device, filter) => !filter.startsWith("test/nosubscribe"),
    mayLeaveWill: () => true,
    persistentSessions: true,
    keepaliveLimit: 0,
  },
  handlers: {
    isSecretOf: () => true,
    isCertificateOf: () => false,
    onMessage: async (_device, _name, payload) => payload,
    onConnected: () => {},
    onDisconnected: () => {},
    onTakenOver: () => {},
  },
})
const { port } = await broker.listen(Number(process.argv[2] ?? 1883), "127.0.0.1")
console.log(JSON.stringify({ port }))
process.once("SIGTERM", () => void broker.close().then(() => process.exit(0)))
