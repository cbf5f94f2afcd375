import type { MqttClient } from "mqtt"
import type { BrokerCheck } from "#contract/broker"
import { topicOf } from "#contract/topics"
import { certificateTimes, connectOnce } from "./broker-connection.ts"
import { type BrokerSettings, type Credentials, connectionOptions } from "./broker-settings.ts"
import { packetCaps } from "./mqtt.rules.ts"

/** Payload sizes tried, in bytes. A chunk of a model must pass, a long inspection should. */
const sizes = [300 * 1024, 1024 * 1024, 4 * 1024 * 1024, packetCaps.after - 1024] as const
/** On top of the broker's answer, for clusters in which a message may take another way than the answer. */
const graceMs = 500
const longestCheckMs = 30_000
const dayMs = 24 * 60 * 60_000
/** A device that must never exist: its topics are asked for and written to by those who have no right. */
const nobody = "zz-probe"

type Heard = { topic: string; payload: Buffer; qos: number; retain: boolean }

/**
 * Asks a broker for what the hub relies on, over a connection that is not used for anything else meanwhile. Leaves
 * nothing behind. Resolves with every check, in order; one that ends the connection has failed.
 */
export async function probeBroker({
  client,
  settings,
  now,
  nonce,
  device,
  patienceMs = 10_000,
}: {
  client: MqttClient
  settings: BrokerSettings
  now: () => number
  /** Random lower-case hex, 16 bytes: the probe's own topics. */
  nonce: string
  /** A device's credentials, to ask what devices may do. */
  device?: Credentials
  /** How long a message may take before it counts as dropped. */
  patienceMs?: number
}): Promise<{ checks: BrokerCheck[]; maxPayload: number }> {
  const ear = listenTo(client)
  const topic = `crux/v1/hub/probe/${nonce}`
  const checks: BrokerCheck[] = [connectCheck(client), clockCheck(client, now())]
  const add = (check: BrokerCheck["check"], state: BrokerCheck["state"], detail: string, value?: number) =>
    checks.push({ check, state, detail, ...(value !== undefined && { value }) })
  let maxPayload = 0

  const qos1 = async () => {
    const granted = (await client.subscribeAsync(topic, { qos: 1 }))[0]?.qos
    await client.publishAsync(topic, "qos1", { qos: 1 })
    const heard = await ear.first((m) => m.topic === topic, patienceMs)
    if (granted === 1 && heard?.qos === 1) return add("qos1", "ok", "messages are acknowledged and delivered")
    const rights = "give its user read and write on crux/v1/#"
    if (granted !== undefined && granted > 2)
      return add("qos1", "failed", `the hub may not subscribe under crux/v1: ${rights}`)
    if (heard) return add("qos1", "failed", `delivery is granted at QoS ${granted}, not 1`)
    add("qos1", "failed", `what the hub publishes under crux/v1 does not come back: ${rights}`)
  }

  const retained = async () => {
    await client.publishAsync(topic, "kept", { qos: 1, retain: true })
    await client.unsubscribeAsync(topic)
    ear.forget()
    await client.subscribeAsync(topic, { qos: 1 })
    const kept = await ear.first((m) => m.topic === topic && m.retain, patienceMs)
    await client.publishAsync(topic, "", { qos: 1, retain: true })
    if (kept) add("retained", "ok", "retained messages are kept")
    else add("retained", "failed", "retained messages are not kept: stations would not learn what to run")
  }

  const maxPacket = async () => {
    try {
      for (const size of sizes) {
        ear.forget()
        const passes = (m: Heard) => m.topic === topic && m.payload.length === size
        if (!(await attempt(client.publishAsync(topic, Buffer.alloc(size), { qos: 1 }), patienceMs))) break
        await fence(client)
        if (!(await ear.first(passes, graceMs))) break
        maxPayload = size
      }
    } finally {
      if (maxPayload === 0)
        add(
          "max_packet",
          "failed",
          `messages of ${sizes[0]} bytes do not pass; models travel in chunks that long`,
        )
      else if (maxPayload === sizes.at(-1)) add("max_packet", "ok", "messages of 8 MB pass", maxPayload)
      else add("max_packet", "warn", `messages longer than ${maxPayload} bytes do not pass`, maxPayload)
    }
    await client.unsubscribeAsync(topic)
  }

  const anonymous = async () => {
    checks.push(await strangerCheck({ client, ear, settings, patienceMs }))
  }
  const deviceRights = async () => {
    if (device) checks.push(await deviceCheck({ client, ear, settings, device, patienceMs }))
    else
      add("device_rights", "skipped", "name a device's credentials with --broker-probe to check its rights")
  }

  const ended = new Promise<never>((_, reject) => {
    client.once("close", () => reject(new Error("the connection was closed")))
  })
  ended.catch(() => {})
  const steps = [
    ["qos1", qos1],
    ["retained", retained],
    ["max_packet", maxPacket],
    ["anonymous", anonymous],
    ["device_rights", deviceRights],
  ] as const
  try {
    for (const [check, ask] of steps) {
      // A broker that does not offer something may answer with the end of the connection, or with nothing at all.
      const answered = await attempt(Promise.race([ask(), ended]), longestCheckMs)
      if (!checks.some((done) => done.check === check))
        add(check, "failed", "the broker ended the connection, or gave no answer, when it was asked for this")
      if (!answered || !client.connected) break
    }
    for (const [check] of steps)
      if (!checks.some((done) => done.check === check)) add(check, "skipped", "the connection had ended")
    return { checks, maxPayload }
  } finally {
    ear.stop()
  }
}

function connectCheck(client: MqttClient): BrokerCheck {
  const socket = client.stream as { getProtocol?: () => string | null }
  const tls = socket.getProtocol?.()
  return tls
    ? { check: "connect", state: "ok", detail: `connected over ${tls}` }
    : {
        check: "connect",
        state: "warn",
        detail: "connected without TLS: everybody on the network can listen",
      }
}

/** A broker does not tell the time, its certificate bounds it. */
function clockCheck(client: MqttClient, now: number): BrokerCheck {
  const times = certificateTimes(client)
  if (!times)
    return { check: "clock", state: "skipped", detail: "without TLS there is nothing to compare with" }
  const days = Math.floor((times.to - now) / dayMs)
  if (now < times.from || days < 0)
    return {
      check: "clock",
      state: "failed",
      detail: "this machine's clock is outside the certificate's time",
    }
  const detail = `the clock is within the certificate's time, which ends in ${days} days`
  return { check: "clock", state: days < 30 ? "warn" : "ok", detail, value: days }
}

type Parts = { client: MqttClient; ear: Ear; settings: BrokerSettings; patienceMs: number }

/** Somebody without credentials must not reach `crux/v1`. */
async function strangerCheck({ client, ear, settings, patienceMs }: Parts): Promise<BrokerCheck> {
  const { username: _u, password: _p, cert: _c, key: _k, ...nameless } = settings
  let stranger: MqttClient
  try {
    stranger = await connectOnce({ ...connectionOptions(nameless), clientId: `crux-probe-${Date.now()}` })
  } catch {
    return { check: "anonymous", state: "ok", detail: "nobody is let in without credentials" }
  }
  const open = await trespass({ client, ear, intruder: stranger, patienceMs })
  await stranger.endAsync(true)
  return open.length === 0
    ? {
        check: "anonymous",
        state: "warn",
        detail: "clients without credentials are let in, but not to crux/v1",
      }
    : { check: "anonymous", state: "failed", detail: `without credentials anybody may ${open.join(", ")}` }
}

/** A device may do what stands in the contract, and nothing else. */
async function deviceCheck(parts: Parts & { device: Credentials }): Promise<BrokerCheck> {
  const { client, ear, settings, device, patienceMs } = parts
  const { cert: _c, key: _k, ...plain } = settings
  const d = device.username
  let intruder: MqttClient
  try {
    intruder = await connectOnce({ ...connectionOptions({ ...plain, ...device }), clientId: d })
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return { check: "device_rights", state: "failed", detail: `device ${d} is not let in: ${why}` }
  }
  try {
    const open = await trespass({ client, ear, intruder, own: d, patienceMs })
    if (open.length > 0)
      return { check: "device_rights", state: "failed", detail: `device ${d} may ${open.join(", ")}` }
    const missing = await ownRights({ client, ear, intruder, own: d, patienceMs })
    if (missing.length > 0)
      return { check: "device_rights", state: "failed", detail: `device ${d} may not ${missing.join(", ")}` }
    return { check: "device_rights", state: "ok", detail: "a device reaches its own topics and no others" }
  } finally {
    await intruder.endAsync(true)
  }
}

type Trespass = { client: MqttClient; ear: Ear; intruder: MqttClient; own?: string; patienceMs: number }

/** What somebody can do who must not. Delivery is asked, not the answer to SUBSCRIBE: brokers filter at either end. */
async function trespass({ client, ear, intruder, own, patienceMs }: Trespass): Promise<string[]> {
  const theirs = listenTo(intruder)
  const open: string[] = []
  const secret = topicOf("desired", { d: nobody })
  const image = topicOf("inspection", { d: own ?? nobody })
  await Promise.all(
    ["#", "crux/v1/#", secret, image].map((filter) =>
      intruder.subscribeAsync(filter, { qos: 1 }).catch(() => []),
    ),
  )
  await client.publishAsync(secret, "probe", { qos: 1 })
  await client.publishAsync(image, "probe", { qos: 1 })
  await attempt(fence(intruder), patienceMs)
  await theirs.first((m) => m.topic === secret || m.topic === image, graceMs)
  if (theirs.heard((m) => m.topic === secret)) open.push("read what another device is told to run")
  if (theirs.heard((m) => m.topic === image)) open.push("read inspections")

  const aims = [
    [topicOf("event", { d: nobody }), "publish as another device"],
    [topicOf("hubState"), "publish as the hub"],
    [topicOf("desired", { d: own ?? nobody }), "tell stations what to run"],
  ] as const
  const topics = aims.map(([topic]) => topic)
  await client.subscribeAsync([...topics], { qos: 1 })
  ear.forget()
  // The same text under every name; a station that hears it refuses it as no message of the protocol.
  for (const topic of topics) {
    const sent = await attempt(intruder.publishAsync(topic, "crux-probe", { qos: 1 }), patienceMs)
    if (!sent) break
  }
  const isAimed = (topic: string) => (m: Heard) => m.topic === topic && m.payload.toString() === "crux-probe"
  await fence(client)
  await ear.first((m) => topics.some((topic) => isAimed(topic)(m)), graceMs)
  for (const [topic, what] of aims) if (ear.heard(isAimed(topic))) open.push(what)
  await client.unsubscribeAsync([...topics])
  theirs.stop()
  return open
}

/**
 * Resolves when this connection has been given everything the broker had for it before: a broker answers in order, so
 * a slow one is not taken for one that denies.
 */
async function fence(client: MqttClient): Promise<void> {
  const topic = "crux/v1/hub/probe/fence"
  await client.subscribeAsync(topic, { qos: 1 }).catch(() => {})
  await client.unsubscribeAsync(topic)
}

/** What a device lacks of its own rights. */
async function ownRights({ client, ear, intruder, own = "", patienceMs }: Trespass): Promise<string[]> {
  const missing: string[] = []
  const event = topicOf("event", { d: own })
  await client.subscribeAsync(event, { qos: 1 })
  if (intruder.connected) await attempt(intruder.publishAsync(event, "crux-probe", { qos: 1 }), patienceMs)
  if (!(await ear.first((m) => m.topic === event, patienceMs))) missing.push("publish its own events")
  await client.unsubscribeAsync(event)

  const theirs = listenTo(intruder)
  const ack = topicOf("ack", { d: own })
  await attempt(intruder.subscribeAsync(`crux/v1/d/${own}/down/#`, { qos: 1 }), patienceMs)
  await client.publishAsync(ack, "crux-probe", { qos: 1 })
  if (!(await theirs.first((m) => m.topic === ack, patienceMs))) missing.push("read what is sent down to it")
  theirs.stop()
  return missing
}

/** False when it failed, or when no answer came: a broker may drop a connection that it thinks little of. */
async function attempt(work: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms)
  })
  const done = await Promise.race([work.then(() => true).catch(() => false), late])
  clearTimeout(timer)
  return done
}

type Ear = ReturnType<typeof listenTo>

/** Keeps what a connection hears. */
function listenTo(client: MqttClient) {
  let inbox: Heard[] = []
  const waiting = new Set<() => void>()
  const onMessage = (topic: string, payload: Buffer, packet: { qos: number; retain: boolean }) => {
    inbox.push({ topic, payload, qos: packet.qos, retain: packet.retain })
    for (const wake of [...waiting]) wake()
  }
  client.on("message", onMessage)
  return {
    heard: (is: (message: Heard) => boolean): Heard | undefined => inbox.find(is),
    forget: (): void => {
      inbox = []
    },
    /** The first message that fits, or undefined when none came in time or the connection ended. */
    first: (is: (message: Heard) => boolean, ms: number): Promise<Heard | undefined> =>
      new Promise((resolve) => {
        const done = (found: Heard | undefined) => {
          waiting.delete(look)
          client.off("close", stop)
          clearTimeout(timer)
          resolve(found)
        }
        const look = () => {
          const found = inbox.find(is)
          if (found) done(found)
        }
        const stop = () => done(undefined)
        const timer = setTimeout(stop, ms)
        client.once("close", stop)
        waiting.add(look)
        look()
      }),
    stop: (): void => {
      client.off("message", onMessage)
    },
  }
}
