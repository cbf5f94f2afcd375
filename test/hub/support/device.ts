import { createHash, randomBytes } from "node:crypto"
import mqtt, { type IClientOptions, type MqttClient } from "mqtt"
import { uuidv7 } from "uuidv7"
import * as v from "valibot"
import { encodeFrame } from "#contract/cxf1"
import { Enrolment } from "#contract/fleet"
import type { InspectionHeader } from "#contract/inspection"
import { AckMessage, type InspectionAck, topicOf } from "#contract/topics"
import type { TestHub } from "./hub.ts"
import { greyPng } from "./png.ts"

/** Makes a station known through the front door: code from an admin, secret for the code. */
export async function enrol(test: TestHub, device: string): Promise<Enrolment> {
  const admin = await test.as("admin")
  const invited = await admin.post("/api/enrolment-codes", { device, name: device, pre_approved: true })
  const { code } = (await invited.json()) as { code: string }
  const answer = await test.browser().post("/api/enrol", { code, device })
  if (answer.status !== 201) throw new Error(await answer.text())
  const { mqtt, ...enrolment } = v.parse(Enrolment, await answer.json())
  if (mqtt.ca !== test.hub.tls.trust.pem) return { ...enrolment, mqtt }
  // The tests of what is said go without TLS, as programs on the hub's machine may.
  return { ...enrolment, mqtt: { host: mqtt.host, port: test.hub.mqttPort() } }
}

export type TestDevice = Awaited<ReturnType<typeof connectDevice>>

/** A station's MQTT connection as the edge makes it, with everything it receives kept. */
export async function connectDevice(
  { device, secret, mqtt: { port, ca } }: Enrolment,
  options: Partial<IClientOptions> = {},
) {
  const client = mqtt.connect({
    host: "127.0.0.1",
    port,
    protocol: ca === undefined ? "mqtt" : "mqtts",
    ...(ca !== undefined && { ca, minVersion: "TLSv1.3" }),
    clientId: device,
    ...(secret !== "" && { username: device, password: secret }),
    clean: true,
    keepalive: 30,
    reconnectPeriod: 0,
    queueQoSZero: false,
    ...options,
  })
  const received: { topic: string; payload: Buffer; retain: boolean }[] = []
  client.on(
    "message",
    (topic, payload, packet) => void received.push({ topic, payload, retain: packet.retain }),
  )
  let closed = false
  client.on("close", () => {
    closed = true
  })
  await settled(client)
  await client.subscribeAsync([
    topicOf("desired", { d: device }),
    `crux/v1/d/${device}/down/#`,
    topicOf("hubState"),
  ])
  const acks = (): InspectionAck[] =>
    received
      .filter(({ topic }) => topic === topicOf("ack", { d: device }))
      .flatMap(({ payload }) => v.parse(AckMessage, JSON.parse(payload.toString())).acks)
  return {
    client,
    device,
    received,
    acks,
    closed: () => closed,
    /** Publishes bytes as an inspection; resolves at PUBACK. */
    sendBytes: (bytes: Uint8Array) =>
      client.publishAsync(topicOf("inspection", { d: device }), Buffer.from(bytes), { qos: 1 }),
    ackOf: (id: string) => until(`an ack of ${id}`, () => acks().find((ack) => ack.id === id)),
    end: () => client.endAsync(true),
  }
}

/** Resolves when connected; rejects with the broker's refusal. */
function settled(client: MqttClient): Promise<void> {
  return new Promise((resolve, reject) => {
    client.once("connect", () => resolve())
    client.once("error", (error) => {
      client.end(true)
      reject(error)
    })
    client.once("close", () => reject(new Error("the connection was closed")))
  })
}

/** Waits for a condition, at most 20 s: a busy machine is no failure. */
export async function until<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
  const deadline = performance.now() + 20_000
  for (;;) {
    const found = await look()
    if (found !== undefined && found !== false) return found
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** A real PNG of random grey pixels. */
export function noisePng(w: number, h: number): Uint8Array {
  const rows = Buffer.concat(
    Array.from({ length: h }, () => Buffer.concat([Buffer.from([0]), randomBytes(w)])),
  )
  return greyPng(w, h, rows, 0)
}

export const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex")

/** A frame of one part with one picture; `change` alters the header before it is encoded. */
export function frameOf(
  seq: number,
  change: (header: InspectionHeader) => InspectionHeader = (h) => h,
  image = noisePng(24, 16),
) {
  const header = change({
    v: 1,
    id: uuidv7(),
    boot: "testboot01",
    seq,
    ts: Date.now(),
    part_id: `part-${seq}`,
    verdict: { eval: "ng", score: 0.93, t_low: 0.4, t_high: 0.6 },
    findings: [{ kind: "scratch", score: 0.9, box: [2, 2, 8, 6] }],
    policy: { why_sent: "ng", image: "full" },
    parts: [{ name: "image", mime: "image/png", len: image.length, sha256: sha256(image), w: 24, h: 16 }],
  })
  const parts = header.parts.length === 0 ? [] : [image]
  return { header, image, bytes: encodeFrame({ header, parts }) }
}
