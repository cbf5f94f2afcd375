import { afterAll, beforeAll, expect, test } from "bun:test"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import mqtt from "mqtt"
import * as v from "valibot"
import { topicOf } from "#contract/topics"
import { UnsResult, UnsState } from "#contract/uns"
import { faultOfPath } from "../../hub/mirror/uns.rules.ts"
import { tempFolder } from "../edge/support/kit.ts"
import { connectDevice, enrol, frameOf, sha256, until } from "./support/device.ts"
import { startTestHub, type TestHub } from "./support/hub.ts"
import { startMosquitto } from "./support/mosquitto.ts"

const path = "uns/acme/ulsan/press/{line}/vision/{device}"
const result = "uns/acme/ulsan/press/main/vision/line-1/result"
let site: TestHub
beforeAll(async () => {
  const readers = join(tempFolder(), "readers")
  writeFileSync(readers, "scada:reads results only\n")
  site = await startTestHub({ config: { uns: { path }, mqtt: { readers } } })
})
afterAll(() => site.stop())

const read = async (filter: string, more: Partial<mqtt.IClientOptions> = {}) => {
  const client = await mqtt.connectAsync({
    host: "127.0.0.1",
    port: site.hub.mqttPort(),
    clientId: "scada",
    username: "scada",
    password: "reads results only",
    reconnectPeriod: 0,
    ...more,
  })
  const heard = new Map<string, string>()
  client.on("message", (topic, payload) => void heard.set(topic, payload.toString()))
  const granted = await client.subscribeAsync(filter, { qos: 1 }).catch(() => [])
  return { client, heard, granted: granted.map(({ qos }) => qos) }
}

test("the last result and the presence of each station stand in the unified namespace, for who comes later too", async () => {
  const device = await connectDevice(await enrol(site, "line-1"))
  const birth = { v: 1, online: true, session: "abcd1234", ts: Date.now() }
  await device.client.publishAsync(topicOf("state", { d: "line-1" }), JSON.stringify(birth), {
    qos: 1,
    retain: true,
  })
  const { header, bytes, image } = frameOf(1)
  await device.sendBytes(bytes)
  await device.ackOf(header.id)

  const late = await read("uns/#")
  const text = await until("the result", () => late.heard.get(result))
  expect(v.parse(UnsResult, JSON.parse(text))).toMatchObject({
    id: header.id,
    device: "line-1",
    ts: header.ts,
    part_id: "part-1",
    verdict: header.verdict,
    findings: [{ kind: "scratch", score: 0.9 }],
    image: sha256(image),
  })
  const state = await until("the state", () => late.heard.get(result.replace("/result", "/state")))
  expect(v.parse(UnsState, JSON.parse(state))).toMatchObject({ device: "line-1", presence: "online" })
  await device.end()
  await late.client.endAsync()
})

test("a reader reads results and nothing else, and publishes nothing", async () => {
  const { client, granted } = await read("crux/v1/#")
  expect(granted.every((qos) => qos > 2)).toBe(true)
  let cut = false
  client.on("close", () => {
    cut = true
  })
  client.publish("uns/acme/x", "forged", { qos: 1 })
  await until("the cut", () => cut)
  await expect(read("uns/#", { password: "something else" })).rejects.toThrow("Not authorized")
  await expect(read("uns/#", { clientId: "line-1" })).rejects.toThrow("Not authorized")
})

test("with a broker of the plant the mirror is there, and mosquitto's MQTT 5 client reads it", async () => {
  const broker = await startMosquitto()
  const hub = await startTestHub({
    config: { uns: { path }, broker: broker.settings },
  })
  broker.addUser("scada", "reads results only")
  const identity = await enrol(hub, "line-1")
  await broker.reload()
  const device = await connectDevice(identity, {
    protocol: "mqtts",
    host: "localhost",
    ca: identity.mqtt.ca!,
  })
  const { header, bytes } = frameOf(1)
  await device.sendBytes(bytes)
  await device.ackOf(header.id)
  const sub = Bun.spawn(
    [
      ...["mosquitto_sub", "-V", "mqttv5", "--cafile", broker.ca, "-h", "localhost", "-p", `${broker.port}`],
      ...["-u", "scada", "-P", "reads results only", "-i", "scada", "-t", result, "-C", "1", "-W", "20"],
    ],
    { stdout: "pipe" },
  )
  const heard = JSON.parse(await new Response(sub.stdout).text()) as unknown
  expect(v.parse(UnsResult, heard).id).toBe(header.id)
  await device.end()
  await hub.stop()
  await broker.remove()
}, 60_000)

test("paths that would mix stations up or leave the namespace are refused at start", async () => {
  expect(faultOfPath(path)).toBeUndefined()
  expect(faultOfPath("uns/acme/vision")).toContain("{device}")
  expect(faultOfPath("crux/v1/{device}")).toContain("uns/")
  expect(faultOfPath("uns/+/{device}")).toContain('"+"')
  await expect(startTestHub({ config: { uns: { path: "uns/#" } } })).rejects.toThrow("unified namespace")
})
