import type { IPublishPacket, MqttClient } from "mqtt"
import type { BrokerCheck, BrokerStatus } from "#contract/broker"
import { DeviceState, type HubState } from "#contract/fleet"
import { chunkSize, topicOf, topics } from "#contract/topics"
import type { Clock } from "#platform/clock"
import type { Log } from "#platform/log"
import { StartFailure } from "#platform/start-failure"
import { probeFailure } from "./broker-check.ts"
import { connectFailure, connectOnce, troubleOf } from "./broker-connection.ts"
import { probeBroker } from "./broker-probe.ts"
import { addressOf, type BrokerSettings, type Credentials, connectionOptions } from "./broker-settings.ts"
import { packetCaps, parseJson, routeOf } from "./mqtt.rules.ts"
import type { Session, Transport, TransportHandlers } from "./transport.ts"

/** A broker that is gone is asked again after about 1 s, then ever more rarely. */
const firstRetryMs = 1_000
const longestRetryMs = 15_000

/** Every topic that devices publish on, as filters for all of them. */
const upFilters = Object.values(topics)
  .filter(({ dir }) => dir === "up")
  .map(({ pattern }) => pattern.replace(/\{\w+\}/g, "+"))

type Live = { session: Session; end: () => void; id: string | undefined }

/**
 * `crux/v1` over a broker of the plant: the hub is one client among the others. The broker has acknowledged a message
 * long before it is committed, so the application's acknowledgement alone says "on disk"; what was lost with a
 * connection comes again and is answered `dup`. Who may publish where is the broker's to enforce, by the rights that
 * `crux broker acl` writes; here the topic says who speaks.
 *
 * Throws StartFailure when the broker refuses the hub or lacks what it needs. One that cannot be reached may come
 * later: people can label meanwhile, and stations keep what they see.
 */
export async function createBrokerClient({
  settings,
  probeDevice,
  handlers,
  isInService,
  epoch,
  clock,
  randomHex,
  log,
  budgetBytes = 64 * 1024 * 1024,
}: {
  settings: BrokerSettings
  probeDevice?: Credentials
  handlers: TransportHandlers
  /** The broker may know devices that the hub has revoked. */
  isInService: (device: string) => boolean
  epoch: string
  clock: Clock
  /** Random lower-case hex. */
  randomHex: (bytes: number) => string
  log: Log
  budgetBytes?: number
}) {
  const address = addressOf(settings)
  const sessions = new Map<string, Live>()
  const waiting: (() => void)[] = []
  let used = 0
  let underWay = 0
  let client: MqttClient | undefined
  let subscribed = false
  let subscribing = false
  let stopped = false
  let failures = 0
  let timer: ReturnType<typeof setTimeout> | undefined
  let maxPayload = packetCaps.after
  let since = clock.now()
  let losses = 0
  let trouble: string | undefined
  let probe: { at: number; checks: BrokerCheck[] } | undefined
  const unknown = new Set<string>()

  const goodbye = (): Buffer => {
    const state: HubState = {
      v: 1,
      online: false,
      epoch,
      ts: clock.now(),
      max_packet: maxPayload,
      chunk: chunkSize,
    }
    return Buffer.from(JSON.stringify(state))
  }

  /** One attempt, with the probe until it has passed once. Rejects with StartFailure or what the network said. */
  const connect = async (): Promise<void> => {
    const options = { clientId: "crux-hub", ...connectionOptions(settings) }
    if (!probe || probe.checks.some(({ state }) => state === "failed")) {
      // Without a will: a broker that keeps nothing would not even let that in, and could not say why.
      const asking = await connectOnce(options)
      asking.on("error", () => {})
      try {
        await checkFitness(asking)
      } finally {
        await asking.endAsync(true)
      }
    }
    const attempt = await connectOnce({
      ...options,
      // Stations that see it keep their parts until the hub is back.
      will: { topic: topicOf("hubState"), payload: goodbye(), qos: 1, retain: true },
    })
    attempt.on("error", (error) => log.warn("broker_error", { error: error.message }))
    if (stopped) return void attempt.end(true)
    if (!attempt.connected) throw new Error("the connection was closed")
    client = attempt
    failures = 0
    trouble = undefined
    since = clock.now()
    attempt.handleMessage = (packet, done) => take(packet as IPublishPacket, done)
    attempt.once("close", () => onClose(attempt))
    log.info("broker_connected", { address })
    if (subscribing) await subscribe(attempt)
  }

  const checkFitness = async (attempt: MqttClient): Promise<void> => {
    const { checks, maxPayload: passed } = await probeBroker({
      client: attempt,
      settings,
      now: clock.now,
      nonce: randomHex(16),
      ...(probeDevice && { device: probeDevice }),
    })
    probe = { at: clock.now(), checks }
    maxPayload = passed
    for (const { check, state, detail } of checks) {
      const level = state === "failed" ? "error" : state === "warn" ? "warn" : "info"
      log[level]("broker_check", { check, state, detail })
    }
    const failure = probeFailure(address, checks)
    if (failure) throw failure
  }

  const retry = (error: unknown) => {
    trouble = error instanceof Error ? error.message : String(error)
    log.warn("broker_unreachable", { address, error: trouble })
    if (stopped) return
    const wait = Math.min(longestRetryMs, firstRetryMs * 2 ** Math.min(failures, 10))
    failures += 1
    timer = setTimeout(() => connect().catch(retry), wait * (0.5 + Math.random() / 2))
  }

  const onClose = (mine: MqttClient) => {
    if (client !== mine) return
    client = undefined
    subscribed = false
    since = clock.now()
    losses += 1
    mine.end(true)
    // Nobody's session survives: who is still there is born again when the broker is back.
    for (const device of [...sessions.keys()]) endSession(device)
    retry(new Error("the connection was lost"))
  }

  const subscribe = async (mine: MqttClient): Promise<void> => {
    const granted = await mine.subscribeAsync([...upFilters], { qos: 1 })
    const refused = granted.find(({ qos }) => qos > 2)
    if (refused) throw new Error(`the broker refuses the subscription to ${refused.topic}`)
    subscribed = true
    await handlers.onReturned()
  }

  const endSession = (device: string) => {
    const live = sessions.get(device)
    if (!live) return
    sessions.delete(device)
    live.end()
    handlers.onDisconnected(live.session)
  }

  const openSession = (device: string): Live => {
    let closed = false
    const session: Session = {
      device,
      address: "",
      closed: () => closed,
      send: (topic, payload) =>
        new Promise((resolve) => {
          if (closed || !client) return resolve()
          // What is lost here is asked for again.
          client.publish(topic, payload as Buffer | string, { qos: 0 }, () => resolve())
        }),
    }
    const live: Live = {
      session,
      id: undefined,
      end: () => {
        closed = true
      },
    }
    sessions.set(device, live)
    handlers.onConnected(session)
    return live
  }

  /** Bounds what is being committed: above the budget the broker's next message is not read. */
  const take = (packet: IPublishPacket, done: (error?: Error) => void) => {
    const payload = packet.payload as Buffer
    used += payload.length
    underWay += 1
    void dispatch(packet.topic, payload, packet.retain)
      .catch((error: unknown) =>
        log.error("message_failed", { topic: packet.topic.slice(0, 128), error: String(error) }),
      )
      .finally(() => {
        used -= payload.length
        underWay -= 1
        while (used < budgetBytes / 2 && waiting.length > 0) waiting.shift()?.()
      })
    if (used > budgetBytes) waiting.push(done)
    else done()
  }

  const dispatch = async (topic: string, payload: Buffer, retained: boolean): Promise<void> => {
    const route = routeOf(topic)
    if (!route?.device || topics[route.name].dir !== "up") return
    // An empty retained message is how MQTT clears a topic; and what must not be retained is nobody's message.
    if (payload.length === 0 || (retained && !topics[route.name].retain)) return
    const { name, device } = route
    if (!isInService(device)) {
      if (!unknown.has(device)) log.warn("device_not_in_service", { device })
      unknown.add(device)
      return
    }
    unknown.delete(device)
    const state = name === "state" ? parseJson(DeviceState, payload) : undefined
    let live = sessions.get(device)
    // The broker repeats what devices said last: of those that have gone nothing new is known.
    if (retained && !live && !state?.online) return
    if (state?.online && live?.id !== undefined && live.id !== state.session) {
      // A new connection of the device; the will of the old one may still come and is known as such by its session.
      endSession(device)
      live = undefined
    }
    if (!live && (state === undefined || state.online)) live = openSession(device)
    if (state?.online && live) live.id = state.session
    await handlers.onMessage(device, name, payload, live?.session ?? null)
    if (state && !state.online && live && live.id === state.session) endSession(device)
  }

  try {
    await connect()
  } catch (error) {
    if (error instanceof StartFailure) throw error
    if (troubleOf(error) !== "unreachable") throw connectFailure(address, error)
    retry(error)
  }

  return {
    /** Begins to listen to devices; before, and while the broker is away, nothing is published either. */
    open: async (): Promise<void> => {
      subscribing = true
      if (client) await subscribe(client)
    },
    maxPayload: () => maxPayload,
    publishRetained: async (topic: string, payload: string): Promise<void> => {
      // What is missed now is published when the broker is back.
      if (client && subscribed) await client.publishAsync(topic, payload, { qos: 1, retain: true })
    },
    session: (device: string) => sessions.get(device)?.session,
    sessions: () => [...sessions.values()].map(({ session }) => session),
    disconnect: (device: string): void => {
      endSession(device)
      if (!client || !subscribed) return
      // Or the broker would tell at the next start that it is there.
      for (const name of ["state", "reported"] as const)
        client.publish(topicOf(name, { d: device }), "", { qos: 1, retain: true })
    },
    inFlight: () => ({ bytes: used, messages: underWay, limit: budgetBytes }),
    status: (): BrokerStatus => ({
      kind: "external",
      connected: client !== undefined,
      since,
      sessions: sessions.size,
      address,
      losses,
      ...(trouble !== undefined && { trouble }),
      ...(probe && { probe }),
    }),
    close: async (): Promise<void> => {
      stopped = true
      clearTimeout(timer)
      const mine = client
      client = undefined
      for (const device of [...sessions.keys()]) endSession(device)
      await mine?.endAsync(false, {})
    },
  } satisfies Transport & { open: () => Promise<void>; status: () => BrokerStatus }
}
