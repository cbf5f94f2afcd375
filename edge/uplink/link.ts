import { arch, platform, totalmem } from "node:os"
import mqtt from "mqtt"
import * as v from "valibot"
import type { DeviceState } from "#contract/fleet"
import { HubState } from "#contract/fleet"
import type { Reported } from "#contract/release"
import {
  AckMessage,
  type ChunkRequest,
  DeviceError,
  type DeviceEvent,
  SegmentAnswer,
  topicOf,
  topics,
  type VerdictMessage,
} from "#contract/topics"
import type { Log } from "#platform/log"
import type { Identity } from "../identity.ts"
import { reconnectDelay } from "./backoff.rules.ts"

export type LinkHandlers = {
  onUp: () => void
  onDown: () => void
  /** The retained wish, as the exact bytes that arrived. */
  onDesired: (envelope: Uint8Array) => void
  onAck: (message: AckMessage) => void
  onSegmentAnswer: (answer: SegmentAnswer) => void
  onChunk: (xfer: string, index: number, bytes: Uint8Array) => void
  /** Somebody has asked for an inspection over the hub's broker. */
  onTrigger: (payload: Uint8Array) => void
  onHubState: (state: HubState) => void
}
export type LinkDeps = {
  identity: Identity
  /** The identity with its newest certificate, asked at each connect. */
  renewed?: (() => Identity) | undefined
  boot: string
  software: string
  /** What lies in the model slots now. */
  slots: () => Reported["slots"]
  handlers: LinkHandlers
  /** Random lower-case hex. */
  randomHex: (bytes: number) => string
  /** Uniform in [0, 1). */
  random: () => number
  now: () => number
  log: Log
}

const keepaliveSeconds = 30
/** What inference runs on: onnxruntime's CPU provider is the one this program ships. */
const executionProviders = ["cpu"]
/** What this program can do beyond the protocol's first version. */
const caps = ["segments", "shadow"]

/**
 * One MQTT connection after the other. Sessions are clean and nothing is queued in here: what must survive lies in
 * the outbox. Reconnecting is ours, because MQTT.js waits a fixed second and replays its memory first.
 */
export function createLink(deps: LinkDeps) {
  const { identity, handlers, log, now } = deps
  const d = identity.device
  let client: mqtt.MqttClient | undefined
  let session = ""
  let up = false
  let subscribed = false
  /** Behind a broker of the plant the hub may be away while the connection is not. */
  let hubOnline = true
  let stopped = true
  let failures = 0
  let timer: ReturnType<typeof setTimeout> | undefined
  const chunkTopic = new RegExp(`^${topicOf("chunk", { d, xfer: "([a-z0-9]+)", i: "(\\d+)" })}$`)

  function state(online: boolean, why?: "stop" | "lost"): DeviceState {
    const { boot, software: sw } = deps
    const machine = { hw: `${arch()} ${platform()}`, ram_mb: Math.round(totalmem() / 2 ** 20) }
    return {
      v: 1,
      online,
      session,
      ...(why ? { why } : { ...machine, eps: executionProviders, slots: deps.slots(), caps }),
      boot,
      sw,
      ts: now(),
    }
  }

  function connect() {
    session = deps.randomHex(8)
    subscribed = false
    hubOnline = true
    const attempt = mqtt.connect({
      ...securityOf(deps.renewed?.() ?? identity),
      host: identity.mqtt.host,
      port: identity.mqtt.port,
      clientId: d,
      clean: true,
      keepalive: keepaliveSeconds,
      connectTimeout: 10_000,
      reconnectPeriod: 0,
      queueQoSZero: false,
      will: {
        topic: topicOf("state", { d }),
        payload: Buffer.from(JSON.stringify(state(false, "lost"))),
        qos: 1,
        retain: true,
      },
    })
    client = attempt
    attempt.on("connect", () => void onConnect(attempt))
    attempt.on("message", (topic, payload, { retain }) => onMessage(topic, payload, retain))
    attempt.on("error", (error) => log.warn("link_error", { why: error.message, ...adviceOn(error) }))
    attempt.on("close", () => onClose(attempt))
  }

  async function onConnect(mine: mqtt.MqttClient) {
    try {
      const subscriptions = [topicOf("hubState"), topicOf("desired", { d }), `crux/v1/d/${d}/down/#`]
      const granted = await mine.subscribeAsync(subscriptions, { qos: 1 })
      const refused = granted.find((one) => one.qos > 2)
      if (refused) throw new Error(`the broker refuses ${refused.topic}`)
      // The birth comes last: a hub that starts anew after it is heard, and one that answers it finds us listening.
      await send("state", state(true))
    } catch (error) {
      log.warn("link_error", { why: String(error) })
      return void mine.end(true)
    }
    if (client !== mine) return
    subscribed = true
    failures = 0
    followHub()
  }

  /** Only with subscriptions and a hub behind them: what is sent without would be answered by nobody. */
  function followHub() {
    const now = subscribed && hubOnline
    if (now === up) return
    up = now
    if (up) {
      log.info("link_up", { session })
      handlers.onUp()
    } else {
      log.warn("link_down", { connected: subscribed })
      handlers.onDown()
    }
  }

  function onClose(mine: mqtt.MqttClient) {
    if (client !== mine) return
    client = undefined
    subscribed = false
    followHub()
    mine.end(true)
    mine.removeAllListeners()
    // MQTT.js may still fail a socket that is being torn down; without a listener that would end the program.
    mine.on("error", () => {})
    if (stopped) return
    timer = setTimeout(connect, reconnectDelay(failures, deps.random()))
    failures += 1
  }

  function onMessage(topic: string, payload: Buffer, retained: boolean) {
    try {
      if (topic === topicOf("ack", { d })) return handlers.onAck(parse(AckMessage, payload))
      if (topic === topicOf("segmentAnswer", { d }))
        return handlers.onSegmentAnswer(parse(SegmentAnswer, payload))
      if (topic === topicOf("error", { d })) {
        const { code, detail, topic: about, id } = parse(DeviceError, payload)
        return log.warn("refused_by_hub", { about, code, detail, id })
      }
      const chunk = chunkTopic.exec(topic)
      if (chunk) return handlers.onChunk(chunk[1] ?? "", Number(chunk[2]), payload)
      // A kept trigger would be of a part that has long gone by.
      if (topic === topicOf("trigger", { d })) return retained ? undefined : handlers.onTrigger(payload)
      // An empty retained message is how MQTT clears a topic: no wish, nothing to refuse.
      if (payload.length === 0) return
      if (topic === topicOf("desired", { d })) return handlers.onDesired(payload)
      if (topic === topicOf("hubState")) {
        const state = parse(HubState, payload)
        hubOnline = state.online
        followHub()
        return handlers.onHubState(state)
      }
    } catch (error) {
      log.warn("message_refused", { topic, why: error instanceof Error ? error.message : String(error) })
    }
  }

  async function send(
    name: "state" | "reported" | "event" | "chunkGet" | "inspection" | "segment" | "verdict",
    payload: Uint8Array | DeviceState | Reported | DeviceEvent | ChunkRequest | VerdictMessage,
    place: Record<string, string> = {},
  ): Promise<boolean> {
    if (!client) return false
    const { qos, retain } = topics[name]
    const bytes =
      payload instanceof Uint8Array
        ? Buffer.from(payload.buffer, payload.byteOffset, payload.length)
        : JSON.stringify(payload)
    await client.publishAsync(topicOf(name, { ...place, d }), bytes, { qos, retain })
    return true
  }

  /** Sends without waiting; a message lost with its connection is the sender's business. False when offline. */
  function post(...message: Parameters<typeof send>): boolean {
    if (!up) return false
    send(...message).catch((error: unknown) =>
      log.debug("not_sent", { name: message[0], why: String(error) }),
    )
    return true
  }

  return {
    start: (): void => {
      stopped = false
      connect()
    },
    connected: (): boolean => up,
    post,
    /** Sends, and resolves when the broker has taken it; false when offline. Rejects when the connection is lost. */
    deliver: async (...message: Parameters<typeof send>): Promise<boolean> =>
      up ? await send(...message) : false,
    /** Says that this session is up, again. */
    birth: (): boolean => post("state", state(true)),
    /** Publishes `offline, stop` and disconnects; the will is then not sent. */
    stop: async (): Promise<void> => {
      stopped = true
      clearTimeout(timer)
      const mine = client
      if (!mine) return
      // The birth may be out before this side has been told that it is up: whoever is connected says goodbye.
      const connected = mine.connected
      if (connected)
        await Promise.race([send("state", state(false, "stop")).catch(() => false), Bun.sleep(2_000)])
      await mine.endAsync(!connected)
    },
  }
}

/** What a person must do whom the bare message of TLS does not tell it. */
function adviceOn(error: Error): { advice?: string } {
  const code = "code" in error ? String(error.code) : ""
  if (!/SELF_SIGNED|UNABLE_TO_(GET|VERIFY)|CERT_SIGNATURE/.test(code)) return {}
  return {
    advice:
      "the broker shows a certificate of another authority than this station was enrolled with; parts are kept here. If the authority was changed on purpose, enrol this station with a new code",
  }
}

/**
 * At the hub TLS 1.3 with the pinned authority and no other; the proof is the device's own key, or its secret. A broker
 * of the plant says `tls`: it may be older (TLS 1.2), and its certificate may come from an authority that the machine
 * knows. With neither it is the unencrypted port of a hub on the same machine, or of such a broker.
 */
function securityOf({ device, secret, certificate, key, mqtt: { tls, ca } }: Identity) {
  const password = { username: device, password: secret }
  if (tls !== true && ca === undefined) return { protocol: "mqtt" as const, ...password }
  const secured = {
    protocol: "mqtts",
    minVersion: tls === true ? "TLSv1.2" : "TLSv1.3",
    rejectUnauthorized: true,
    ...(ca !== undefined && { ca }),
  } as const
  return certificate !== undefined && key !== undefined
    ? { ...secured, cert: certificate, key }
    : { ...secured, ...password }
}

function parse<S extends v.GenericSchema>(schema: S, payload: Uint8Array): v.InferOutput<S> {
  return v.parse(schema, JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload)))
}
