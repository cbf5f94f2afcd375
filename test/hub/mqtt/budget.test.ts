import { expect, test } from "bun:test"
import mqtt from "mqtt"
import { topicOf } from "#contract/topics"
import { systemClock } from "#platform/clock"
import { createLog } from "#platform/log"
import { createBroker } from "../../../hub/mqtt/broker.ts"

const log = createLog({ level: "error", subject: "test", write: () => {}, now: Date.now })

test("senders that ignore credit are paused at the byte budget, and every message is still taken", async () => {
  const budgetBytes = 400_000
  const size = 20_000
  let inFlight = 0
  let most = 0
  let taken = 0
  const broker = await createBroker({
    clock: systemClock,
    log,
    budgetBytes,
    handlers: {
      isSecretOf: () => true,
      isCertificateOf: () => false,
      onTakenOver: () => {},
      onConnected: () => {},
      onDisconnected: () => {},
      // A disk that takes its time.
      onMessage: async (_device, _name, payload) => {
        inFlight += payload.length
        most = Math.max(most, inFlight)
        await new Promise((resolve) => setTimeout(resolve, 5))
        inFlight -= payload.length
        taken += 1
        return null
      },
    },
  })
  const { port } = await broker.listen(0, "127.0.0.1")
  const devices = ["line-1", "line-2", "line-3", "line-4", "line-5"]
  await Promise.all(
    devices.map(async (device) => {
      const client = await mqtt.connectAsync({
        host: "127.0.0.1",
        port,
        clientId: device,
        username: device,
        password: "x",
        keepalive: 30,
        reconnectPeriod: 0,
      })
      const topic = topicOf("inspection", { d: device })
      await Promise.all(
        Array.from({ length: 60 }, () => client.publishAsync(topic, Buffer.alloc(size), { qos: 1 })),
      )
      await client.endAsync()
    }),
  )
  expect(taken).toBe(devices.length * 60)
  // What a socket had already read when it was paused still comes: some more than the budget, not all there is.
  expect(most).toBeLessThanOrEqual((devices.length * 60 * size) / 2)
  expect(broker.inFlight().bytes).toBe(0)
  await broker.close()
})
