import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { connect as connectSocket, type Socket } from "node:net"
import { generate } from "mqtt-packet"
import type { Device, Enrolment } from "#contract/fleet"
import type { List } from "#contract/list"
import { topicOf } from "#contract/topics"
import { connectDevice, enrol, frameOf, sha256, until } from "../support/device.ts"
import { startTestHub, type TestHub } from "../support/hub.ts"

let hub: TestHub
let one: Enrolment
let two: Enrolment

beforeAll(async () => {
  hub = await startTestHub()
  one = await enrol(hub, "line-1")
  two = await enrol(hub, "line-2")
})
afterAll(() => hub.stop())

const presenceOf = async (id: string) => {
  const answer = await (await hub.as("worker")).get("/api/devices")
  return ((await answer.json()) as List<Device>).items.find((d) => d.id === id)?.presence
}
const state = (session: string, online: boolean) =>
  JSON.stringify({
    v: 1,
    online,
    session,
    ts: Date.now(),
    ...(online ? { boot: "testboot01" } : { why: "lost" }),
  })
const stateTopic = topicOf("state", { d: "line-1" })
const will = (session: string) => ({
  will: { topic: stateTopic, payload: Buffer.from(state(session, false)), qos: 1 as const, retain: true },
})

describe("who is let in", () => {
  test("a wrong secret, a foreign name and an unknown device are refused", async () => {
    await expect(connectDevice({ ...one, secret: two.secret })).rejects.toThrow("Not authorized")
    await expect(connectDevice(one, { username: "line-2", password: two.secret })).rejects.toThrow(
      "Not authorized",
    )
    await expect(connectDevice({ ...one, device: "line-9" })).rejects.toThrow("Not authorized")
  })

  test("a session that outlives its connection, or has no name, is refused", async () => {
    await expect(connectDevice(one, { clean: false })).rejects.toThrow("Identifier rejected")
    await expect(connectDevice(one, { clean: false, clientId: "" })).rejects.toThrow()
  })

  test("a will on a foreign topic is refused before the secret is looked at", async () => {
    const foreign = {
      topic: topicOf("state", { d: "line-2" }),
      payload: Buffer.from(state("abcd1234", false)),
      qos: 1 as const,
      retain: true,
    }
    await expect(connectDevice(one, { will: foreign })).rejects.toThrow("Not authorized")
  })

  test("a revoked device is cut off at once and does not come back", async () => {
    const gone = await connectDevice(await enrol(hub, "line-7"))
    const secret = await enrol(hub, "line-8")
    const admin = await hub.as("admin")
    expect((await admin.send("DELETE", "/api/devices/line-7")).status).toBe(204)
    await until("the cut", () => gone.closed())
    expect((await admin.send("DELETE", "/api/devices/line-8")).status).toBe(204)
    await expect(connectDevice(secret)).rejects.toThrow("Not authorized")
    expect((await admin.send("DELETE", "/api/devices/line-8")).status).toBe(404)
  })

  test("the newest connection of an identity wins, and it is on record", async () => {
    const older = await connectDevice(one)
    const newer = await connectDevice(one)
    await until("the older to be closed", () => older.closed())
    const { header, bytes } = frameOf(1)
    await newer.sendBytes(bytes)
    expect((await newer.ackOf(header.id)).st).toBe("stored")
    expect(hub.log.some((line) => line.includes("identity_taken_over"))).toBe(true)
    await newer.end()
  })
})

describe("what a device may do", () => {
  test("publishing on a topic that is not its own ends its connection and nothing is stored", async () => {
    for (const topic of [
      topicOf("inspection", { d: "line-2" }),
      "$SYS/x",
      topicOf("desired", { d: "line-1" }),
    ]) {
      const client = await connectDevice(one)
      const { header, bytes } = frameOf(1)
      client.client.publish(topic, Buffer.from(bytes), { qos: 1 })
      await until(`the cut after ${topic}`, () => client.closed())
      expect(
        hub.hub.db.prepare("SELECT 1 FROM inspection WHERE id = $id").get({ id: header.id }),
      ).toBeUndefined()
    }
  })

  test("subscribing to others' topics, or to everything, is refused", async () => {
    const client = await connectDevice(one)
    for (const filter of ["#", topicOf("desired", { d: "line-2" }), topicOf("inspection", { d: "line-1" })]) {
      const granted = await client.client.subscribeAsync(filter).catch((error: Error) => error)
      expect(String(granted instanceof Error ? granted.message : granted[0]?.qos)).toMatch(
        /Unspecified error|128/,
      )
    }
    await client.end()
  })

  test("a message that does not fit its schema is kept as a refusal and the connection stays", async () => {
    const client = await connectDevice(one)
    await client.client.publishAsync(stateTopic, '{"v":1,"online":"perhaps"}', { qos: 1, retain: true })
    const { code } = hub.hub.db.prepare<{ code: string }>("SELECT code FROM refusal ORDER BY n DESC").get()!
    expect(code).toBe("schema")
    expect(client.closed()).toBe(false)
    await client.end()
  })
})

describe("presence", () => {
  test("a birth brings a device online, its will takes it offline", async () => {
    const client = await connectDevice(one, will("session1"))
    await client.client.publishAsync(stateTopic, state("session1", true), { qos: 1, retain: true })
    expect(await presenceOf("line-1")).toBe("online")
    client.client.stream.destroy()
    await until("offline", async () => (await presenceOf("line-1")) === "offline")
  })

  test("the will of a connection that was replaced does not take the new one offline", async () => {
    const older = await connectDevice(one, will("session2"))
    await older.client.publishAsync(stateTopic, state("session2", true), { qos: 1, retain: true })
    const newer = await connectDevice(one, will("session3"))
    await newer.client.publishAsync(stateTopic, state("session3", true), { qos: 1, retain: true })
    await until("the older to be closed", () => older.closed())
    expect(await presenceOf("line-1")).toBe("online")
    await newer.end()
  })
})

describe("bytes", () => {
  const raw = async (): Promise<Socket & { gone: () => boolean }> => {
    const socket = connectSocket(one.mqtt.port, "127.0.0.1")
    await new Promise((resolve) => socket.once("connect", resolve))
    let gone = false
    socket.on("close", () => {
      gone = true
    })
    socket.on("error", () => {})
    return Object.assign(socket, { gone: () => gone })
  }

  test("a CONNECT that announces 256 MB is cut off at its header", async () => {
    const socket = await raw()
    socket.write(Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f]))
    await until("the cut", () => socket.gone())
  })

  test("a CONNECT of 5 KB is cut off, one of 1 KB is heard", async () => {
    const connect = (username: string) =>
      generate({
        cmd: "connect",
        clientId: "line-1",
        protocolId: "MQTT",
        protocolVersion: 4,
        clean: true,
        keepalive: 30,
        username,
        password: Buffer.from("x"),
      })
    const long = await raw()
    let answered = false
    long.on("data", () => {
      answered = true
    })
    long.write(connect("x".repeat(5000)))
    await until("the cut", () => long.gone())
    expect(answered).toBe(false)
    const short = await raw()
    const connack = new Promise<Buffer>((resolve) => short.once("data", resolve))
    short.write(connect("x".repeat(1000)))
    expect((await connack)[0]).toBe(0x20)
    short.destroy()
  })

  test("a connected device may send 7 MB and not 9 MB", async () => {
    const client = await connectDevice(one)
    const image = new Uint8Array(7 * 1024 * 1024)
    image.set(frameOf(1).image)
    const { header, bytes } = frameOf(7000, (h) => h, image)
    await client.sendBytes(bytes)
    expect((await client.ackOf(header.id)).st).toBe("stored")
    expect(await hub.hub.blobs.size(sha256(image))).toBe(image.length)
    client.client.publish(topicOf("inspection", { d: "line-1" }), Buffer.alloc(9 * 1024 * 1024), { qos: 1 })
    await until("the cut", () => client.closed())
  })

  test("a device that has stopped reading does not hold up another one's inspections", async () => {
    const frozen = await connectDevice(two)
    frozen.client.stream.pause()
    // Some 4 MB for a socket nobody reads: more than the kernel takes.
    for (let i = 0; i < 200; i++)
      hub.hub.fleet.setDesired("line-2", {
        lines: {},
        floor: Object.fromEntries(Array.from({ length: 400 }, (_, k) => [`line-of-goods-${k}-${i}`, 1])),
        sampling: { audit: 0.1, image_ok: "none" },
      })
    const client = await connectDevice(one)
    for (let seq = 100; seq < 110; seq++) {
      const { header, bytes } = frameOf(seq)
      await client.sendBytes(bytes)
      expect((await client.ackOf(header.id)).st).toBe("stored")
    }
    frozen.client.stream.destroy()
    await client.end()
  })
})

test("a wish is signed, numbered upwards, retained, and there again after a restart of the hub", async () => {
  const wish = { lines: {}, floor: {}, sampling: { audit: 0.05, image_ok: "thumb" as const } }
  const first = hub.hub.fleet.setDesired("line-1", wish)
  const second = hub.hub.fleet.setDesired("line-1", wish)
  expect(second.rev).toBe(first.rev + 1)
  const received = async () => {
    const client = await connectDevice({ ...one, mqtt: { ...one.mqtt, port: hub.hub.mqttPort() } })
    const found = await until("the wish", () =>
      client.received.find(({ topic, retain }) => retain && topic === topicOf("desired", { d: "line-1" })),
    )
    await client.end()
    return found.payload
  }
  const { openEnvelope, parseEnvelope } = await import("#contract/dsse")
  const open = (payload: Buffer) =>
    JSON.parse(
      Buffer.from(
        openEnvelope(parseEnvelope(payload), "application/vnd.crux.desired.v1+json", one.keys.hub),
      ).toString(),
    )
  expect(open(await received())).toEqual(second)
  await hub.restart()
  expect(open(await received())).toEqual(second)
})
