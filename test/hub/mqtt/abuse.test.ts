import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { connect as connectSocket, type Socket } from "node:net"
import { generate, type Packet } from "mqtt-packet"
import * as v from "valibot"
import type { Enrolment } from "#contract/fleet"
import { Security } from "#contract/security"
import { topicOf } from "#contract/topics"
import { createBroker } from "../../../hub/mqtt/broker.ts"
import { createLog } from "../../../hub/platform/log.ts"
import { readConfig } from "../../../hub/read-config.ts"
import { connectDevice, enrol, frameOf, until } from "../support/device.ts"
import { type Browser, startTestHub, type TestHub } from "../support/hub.ts"

// Nothing here is about speed; a busy machine may take its time.
setDefaultTimeout(60_000)

let hub: TestHub
let good: Enrolment
let bad: Enrolment
let engineer: Browser
beforeAll(async () => {
  const { mqtt } = readConfig({ environment: {}, flags: { "mqtt-port": "0" } }).config
  hub = await startTestHub({
    config: { mqtt: { ...mqtt, max_connections_per_address: 40, max_connects_per_second: 50 } },
  })
  good = await enrol(hub, "good")
  bad = await enrol(hub, "bad")
  engineer = await hub.as("engineer")
})
afterAll(() => hub.stop())

const security = async () => v.parse(Security, await (await engineer.get("/api/security")).json())
const counted = async (reason: string) =>
  (await security()).turned_away.find((one) => one.reason === reason)?.count ?? 0

async function raw(port = good.mqtt.port) {
  const socket: Socket = connectSocket(port, "127.0.0.1")
  let gone = false
  socket.on("error", () => {})
  socket.on("close", () => {
    gone = true
  })
  socket.on("data", () => {})
  await new Promise<void>((resolve) => {
    socket.once("connect", resolve)
    socket.once("close", () => resolve())
  })
  return { socket, gone: () => gone }
}

/** The broker has said something, or has ended the connection: on a busy machine either may come first. */
const answered = (socket: Socket) =>
  new Promise<void>((resolve) => {
    if (socket.destroyed) return resolve()
    socket.once("data", () => resolve())
    socket.once("close", () => resolve())
  })

/** mulberry32: the same corpus from the same seed, on every machine. */
function chance(seed: number) {
  let state = seed
  return (below: number) => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % below
  }
}

const connectPacket = ({ device, secret }: Enrolment) =>
  generate({
    cmd: "connect",
    clientId: device,
    protocolId: "MQTT",
    protocolVersion: 4,
    clean: true,
    keepalive: 30,
    username: device,
    password: Buffer.from(secret),
  })
const whole: Packet[] = [
  {
    cmd: "publish",
    topic: topicOf("event", { d: "bad" }),
    payload: "{}",
    qos: 1,
    messageId: 7,
    dup: false,
    retain: false,
  },
  {
    cmd: "publish",
    topic: topicOf("inspection", { d: "bad" }),
    payload: Buffer.alloc(300, 1),
    qos: 2,
    messageId: 8,
    dup: true,
    retain: false,
  },
  { cmd: "subscribe", messageId: 9, subscriptions: [{ topic: topicOf("hubState"), qos: 1 }] },
  { cmd: "unsubscribe", messageId: 10, unsubscriptions: [topicOf("hubState")] },
  { cmd: "puback", messageId: 11 },
  { cmd: "pubrel", messageId: 12 },
  { cmd: "pingreq" },
  { cmd: "disconnect" },
]
/** What no client of good faith sends. */
const shapes: ((random: (below: number) => number) => Buffer)[] = [
  // Noise.
  (random) => Buffer.from(Array.from({ length: 1 + random(400) }, () => random(256))),
  // A packet with a few bits turned.
  (random) => {
    const bytes = Buffer.from(generate(whole[random(whole.length)]!))
    for (let i = 0; i <= random(4); i++) {
      const at = random(bytes.length)
      bytes[at] = (bytes[at] ?? 0) ^ (1 << random(8))
    }
    return bytes
  },
  // A packet cut short, and another behind it.
  (random) => {
    const bytes = generate(whole[random(whole.length)]!)
    return Buffer.concat([bytes.subarray(0, 1 + random(bytes.length)), generate({ cmd: "pingreq" })])
  },
  // A remaining length of five bytes, and one of 256 MB.
  () => Buffer.from([0x30, 0x80, 0x80, 0x80, 0x80, 0x01]),
  () => Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f, 0, 3, 97, 47, 98]),
  // A topic longer than its packet, of no length, with a wildcard, with a zero byte, not UTF-8.
  () => Buffer.from([0x30, 4, 0xff, 0xff, 97, 98]),
  () => Buffer.from([0x30, 2, 0, 0]),
  () => Buffer.from([0x30, 3, 0, 1, 0x23]),
  () => Buffer.from([0x30, 3, 0, 1, 0]),
  () => Buffer.from([0x30, 4, 0, 2, 0xc3, 0x28]),
  // QoS 3, message id 0, reserved types and flags, a second CONNECT.
  () => Buffer.from([0x36, 5, 0, 1, 97, 0, 1]),
  () => Buffer.from([0x32, 5, 0, 1, 97, 0, 0]),
  (random) => Buffer.from([random(2) === 0 ? 0x00 : 0xf0, 0]),
  () => Buffer.from([0x81, 6, 0, 1, 0, 1, 97, 0]),
  () => connectPacket(bad),
  // A subscription to nothing, to a thousand levels, and to a name that objects inherit.
  () => Buffer.from([0x82, 2, 0, 1]),
  () => generate({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "a/".repeat(1000), qos: 0 }] }),
  () => generate({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "__proto__", qos: 0 }] }),
]

describe("malformed packets", () => {
  test("of a seeded corpus neither stop the hub, nor fill its memory, nor hold up another station's parts", async () => {
    const seed = Number(process.env.CRUX_SEED ?? 20_261)
    const random = chance(seed)
    const station = await connectDevice(good)
    const before = process.memoryUsage().rss
    // Every shape comes about ten times, from the seed another way each time.
    const rounds = 180
    for (let round = 0; round < rounds; round++) {
      // The test's clock moves on, so that the limit on connects is not what answers.
      hub.clock.pass(100)
      const { socket, gone } = await raw()
      // Half of them have been let in before they go wild.
      const letIn = random(2) === 0
      if (letIn) {
        socket.write(connectPacket(bad))
        await answered(socket)
      }
      for (let i = 0; i <= random(3); i++) {
        const shape = shapes[(round + i * 7) % shapes.length]!
        if (!gone()) socket.write(shape(random))
      }
      if (round % 20 === 0) {
        const { header, bytes } = frameOf(round + 1)
        await station.sendBytes(bytes)
        expect((await station.ackOf(header.id)).st).toBe("stored")
      }
      socket.destroy()
    }
    expect(station.closed()).toBe(false)
    // 180 connections, some of which announced 256 MB.
    expect(process.memoryUsage().rss - before).toBeLessThan(150 * 1024 * 1024)
    // The last ones are still being read.
    await until("malformed packets counted", async () => (await counted("malformed")) > 10)
    await until("long packets counted", async () => (await counted("packet_too_long")) > 5)
    await station.end()
    await until("all to be gone", async () => (await security()).connections === 0)
  }, 120_000)

  test("of every shape alone, from a station and from a stranger, leave the hub answering", async () => {
    for (const letIn of [true, false])
      for (const shape of shapes) {
        hub.clock.pass(1000)
        const { socket } = await raw()
        if (letIn) {
          socket.write(connectPacket(bad))
          await answered(socket)
        }
        socket.write(shape(chance(1)))
        socket.end()
      }
    const station = await connectDevice(good)
    const { header, bytes } = frameOf(5000)
    await station.sendBytes(bytes)
    expect((await station.ackOf(header.id)).st).toBe("stored")
    await station.end()
  }, 60_000)
})

describe("limits", () => {
  test("an address gets so many connections at one time, then so many a second, and both are counted", async () => {
    hub.clock.pass(60_000)
    const open = await Promise.all(Array.from({ length: 45 }, () => raw()))
    await until("five to be turned away", () => open.filter(({ gone }) => gone()).length === 5)
    expect(await counted("connections_per_address")).toBeGreaterThanOrEqual(5)
    for (const { socket } of open) socket.destroy()
    await until("room", async () => (await security()).connections === 0)
    // Bursts of five seconds' worth are normal after a power cut. The bucket fills with the clock, so a slow machine needs
    // more of them: as many as it takes.
    await until("one too many a second", async () => {
      await Promise.all(Array.from({ length: 35 }, async () => (await raw()).socket.destroy()))
      return (await counted("connects_per_second")) > 0
    })
    hub.clock.pass(60_000)
    await (await connectDevice(good)).end()
  }, 60_000)

  test("whoever connects and says nothing, or one byte at a time, is gone after ten seconds", async () => {
    hub.clock.pass(60_000)
    const silent = await raw()
    const silentTls = await raw(hub.hub.mqttTlsPort())
    const drip = await raw()
    const bytes = connectPacket(good)
    let at = 0
    const dripping = setInterval(() => {
      if (!drip.gone() && at < 12) drip.socket.write(bytes.subarray(at, ++at))
    }, 500)
    await until("all three to be cut", () => silent.gone() && drip.gone() && silentTls.gone())
    clearInterval(dripping)
    expect(await counted("no_connect")).toBeGreaterThanOrEqual(2)
    expect(await counted("handshake")).toBeGreaterThanOrEqual(1)
  }, 60_000)

  test("a station gone wild is slowed down, loses nothing, and another one does not notice", async () => {
    const taken: string[] = []
    const broker = await createBroker({
      clock: { now: Date.now },
      log: createLog({ level: "error", subject: "test", write: () => {}, now: Date.now }),
      pace: { messagesPerSecond: 50, bytesPerSecond: 1e6 },
      handlers: {
        isSecretOf: () => true,
        isCertificateOf: () => false,
        onMessage: async (device) => {
          taken.push(device)
          return null
        },
        onConnected: () => {},
        onDisconnected: () => {},
        onTakenOver: () => {},
      },
    })
    const { port } = await broker.listen(0, "127.0.0.1")
    const at = (identity: Enrolment) => connectDevice({ ...identity, mqtt: { host: "127.0.0.1", port } })
    const [wild, calm] = [await at(bad), await at(good)]
    // A burst of 200 is normal; what is above must wait its turn.
    const flood = Promise.all(
      Array.from({ length: 260 }, () =>
        wild.client.publishAsync(topicOf("event", { d: "bad" }), "x", { qos: 1 }),
      ),
    )
    for (let i = 0; i < 20; i++)
      await calm.client.publishAsync(topicOf("event", { d: "good" }), "x", { qos: 1 })
    await flood
    expect(taken.filter((device) => device === "bad")).toHaveLength(260)
    expect(taken.filter((device) => device === "good")).toHaveLength(20)
    const slowed = broker.turnedAway().filter(({ reason }) => reason === "too_fast")
    expect(slowed.map(({ last_from }) => last_from)).toEqual(["bad"])
    expect([wild.closed(), calm.closed()]).toEqual([false, false])
    await Promise.all([wild.end(), calm.end()])
    await broker.close()
  }, 60_000)
})
