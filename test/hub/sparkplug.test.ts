import { afterAll, beforeAll, expect, test } from "bun:test"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import mqtt from "mqtt"
import { get } from "sparkplug-payload"
import { topicOf } from "#contract/topics"
import { asksForRebirth } from "../../hub/mirror/sparkplug.payload.ts"
import { connectDevice, enrol, frameOf, until } from "./support/device.ts"
import { startTestHub, type TestHub } from "./support/hub.ts"
import { type Mosquitto, startMosquitto } from "./support/mosquitto.ts"

/** Eclipse Tahu's own library: what it reads, other Sparkplug hosts read. */
const tahu = get("spBv1.0")!
let broker: Mosquitto
let site: TestHub
let host: mqtt.MqttClient
/** From the next start of the hub on. */
let waitFor: (id: string) => void
const heard: { kind: string; device?: string; payload: ReturnType<typeof tahu.decodePayload> }[] = []
const of = (kind: string) => heard.filter((message) => message.kind === kind)
const metricOf = (message: (typeof heard)[number], name: string) =>
  message.payload.metrics?.find((metric) => metric.name === name)?.value

beforeAll(async () => {
  broker = await startMosquitto()
  broker.addUser("scada", "a host of the plant")
  broker.addUser("crux-sparkplug", "a node of the plant")
  await broker.reload()
  host = await mqtt.connectAsync({
    protocol: "mqtts",
    host: "localhost",
    port: broker.port,
    ca: await Bun.file(broker.ca).text(),
    clientId: "scada",
    username: "scada",
    password: "a host of the plant",
    reconnectPeriod: 0,
  })
  host.on("message", (topic, bytes) => {
    const [, , kind = "", , device] = topic.split("/")
    if (kind === "NCMD" || topic.startsWith("spBv1.0/STATE/")) return
    heard.push({ kind, ...(device !== undefined && { device }), payload: tahu.decodePayload(bytes) })
  })
  await host.subscribeAsync("spBv1.0/#", { qos: 1 })
  const credentials = join(broker.folder, "sparkplug.credentials")
  writeFileSync(credentials, "crux-sparkplug:a node of the plant\n")
  const sparkplug = { group: "ulsan", node: "crux", host: "", credentials }
  site = await startTestHub({ config: { broker: broker.settings, sparkplug } })
  waitFor = (id) => {
    sparkplug.host = id
  }
}, 60_000)
afterAll(async () => {
  await site.stop()
  await host.endAsync()
  await broker.remove()
})

test("a Sparkplug host reads births, results by alias, and deaths, numbered without a gap", async () => {
  const birth = await until("the node's birth", () => of("NBIRTH")[0])
  expect(Number(birth.payload.seq)).toBe(0)
  expect(Number(metricOf(birth, "bdSeq"))).toBe(0)
  expect(metricOf(birth, "Node Control/Rebirth")).toBe(false)

  const identity = await enrol(site, "line-1")
  await broker.reload()
  const device = await connectDevice(identity, {
    protocol: "mqtts",
    host: "localhost",
    ca: identity.mqtt.ca!,
  })
  const state = (online: boolean) =>
    JSON.stringify({ v: 1, online, session: "abcd1234", ts: Date.now(), ...(!online && { why: "stop" }) })
  const stateTopic = topicOf("state", { d: "line-1" })
  await device.client.publishAsync(stateTopic, state(true), { qos: 1, retain: true })
  const born = await until("the station's birth", () => of("DBIRTH")[0])
  expect(born.device).toBe("line-1")
  const names = new Map(born.payload.metrics!.map(({ name, alias }) => [Number(alias), name]))
  expect(names.size).toBe(7)

  const { header, bytes } = frameOf(1)
  await device.sendBytes(bytes)
  await device.ackOf(header.id)
  const data = await until("the result", () => of("DDATA")[0])
  expect(data.payload.metrics!.every(({ name }) => !name)).toBe(true)
  const values = Object.fromEntries(data.payload.metrics!.map((m) => [names.get(Number(m.alias)), m.value]))
  expect(values).toMatchObject({ Verdict: "ng", Score: 0.93, Part: "part-1", Defects: "scratch" })
  expect(Number(values.Inspections)).toBe(1)
  expect(values.Product ?? null).toBeNull()

  await device.client.publishAsync(stateTopic, state(false), { qos: 1, retain: true })
  await until("the station's death", () => of("DDEATH")[0])
  await device.end()
  expect(heard.map(({ payload }) => Number(payload.seq))).toEqual(heard.map((_, i) => i % 256))
}, 60_000)

test("the rebirth command is answered with all births, and nothing else is a command", async () => {
  const before = of("NBIRTH").length
  const command = tahu.encodePayload({
    timestamp: Date.now(),
    metrics: [{ name: "Node Control/Rebirth", type: "Boolean", value: true }],
  })
  expect(asksForRebirth(command)).toBe(true)
  await host.publishAsync("spBv1.0/ulsan/NCMD/crux", "not protobuf at all", { qos: 1 })
  await host.publishAsync("spBv1.0/ulsan/NCMD/crux", Buffer.from(command), { qos: 1 })
  const birth = await until("another birth", () => of("NBIRTH")[before])
  expect(Number(birth.payload.seq)).toBe(0)
  expect(Number(metricOf(birth, "bdSeq"))).toBe(0)
  const refusal = tahu.encodePayload({
    timestamp: Date.now(),
    metrics: [{ name: "Node Control/Rebirth", type: "Boolean", value: false }],
  })
  expect(asksForRebirth(refusal)).toBe(false)
})

test("a new connection is a new birth, and the node's death carries the number of its birth", async () => {
  await broker.stop()
  await broker.start()
  host.reconnect()
  await until("the host", () => host.connected)
  await host.subscribeAsync("spBv1.0/#", { qos: 1 })
  const birth = await until("a new birth", () => of("NBIRTH").find((b) => Number(metricOf(b, "bdSeq")) === 1))
  expect(Number(birth.payload.seq)).toBe(0)
  await site.hub.stop()
  site.hub.stop = async () => {}
  const death = await until("the death", () => of("NDEATH").find((d) => Number(metricOf(d, "bdSeq")) === 1))
  expect(death.payload.seq ?? null).toBeNull()
}, 60_000)

test("numbers of births go on over a restart of the hub, and a node with a primary host waits for it", async () => {
  waitFor("mes")
  const births = of("NBIRTH").length
  await site.restart()
  await until("the wait", () => site.log.some((line) => line.includes("sparkplug_waits_for_host")))
  const say = (online: boolean, timestamp: number) =>
    host.publishAsync("spBv1.0/STATE/mes", JSON.stringify({ online, timestamp }), { qos: 1, retain: true })
  await host.publishAsync("spBv1.0/STATE/mes", "online", { qos: 1 })
  await say(false, 1_000)
  expect(of("NBIRTH").length).toBe(births)
  await say(true, 2_000)
  const birth = await until("the birth", () => of("NBIRTH")[births])
  expect(Number(metricOf(birth, "bdSeq"))).toBe(2)
  // The will of an older connection of the host, come late.
  await say(false, 1_500)
  await say(true, 2_500)
  const deaths = of("NDEATH").length
  await say(false, 3_000)
  const death = await until("the death", () => of("NDEATH")[deaths])
  expect(Number(metricOf(death, "bdSeq"))).toBe(2)
  await say(true, 4_000)
  const again = await until("a birth with the next number", () => of("NBIRTH")[births + 1])
  expect(Number(metricOf(again, "bdSeq"))).toBe(3)
}, 60_000)

test("without a broker of the plant there is no Sparkplug, and the start says so", async () => {
  const sparkplug = { group: "ulsan", node: "crux", host: "", credentials: "" }
  await expect(startTestHub({ config: { sparkplug } })).rejects.toThrow("needs a broker of the plant")
})
