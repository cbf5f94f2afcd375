import type { Socket } from "node:net"
import { TLSSocket } from "node:tls"
import { Aedes, type AuthenticateError, type Client, type PublishPacket } from "aedes"
import type { DoorCount, DoorReason } from "#contract/security"
import type { Clock } from "#platform/clock"
import type { Log } from "#platform/log"
import { createAdmission } from "./admission.ts"
import { createByteBudget } from "./byte-budget.ts"
import { createDoorkeeper, type DoorLimits } from "./doorkeeper.ts"
import { createListeners, type TlsCredentials } from "./listeners.ts"
import { mayLeaveWill, mayPublish, mayRead, maySubscribe, packetCaps } from "./mqtt.rules.ts"
import { createPace, type PaceLimits } from "./pace.ts"
import { guardPackets, PacketTooLong } from "./packet-guard.ts"
import { createReading } from "./reading.ts"
import { createSourceClients, type SourceHandlers } from "./source-clients.ts"
import { createTally } from "./tally.ts"
import type { Session, Transport, TransportHandlers } from "./transport.ts"

/** What stations may do, once they have proved who they are. */
export type BrokerPolicy = {
  /** Whether a client needs no proof. Never so for a hub. */
  readonly anonymous: boolean
  readonly mayPublish: typeof mayPublish
  readonly maySubscribe: typeof maySubscribe
  readonly mayLeaveWill: typeof mayLeaveWill
  /** Sessions live in memory only: a persistent one would promise what a restart breaks. */
  readonly persistentSessions: boolean
  /** Seconds; a client that asks for more, or for none, is refused. 0 allows all. */
  readonly keepaliveLimit: number
}
const devicePolicy: BrokerPolicy = {
  anonymous: false,
  mayPublish,
  maySubscribe,
  mayLeaveWill,
  persistentSessions: false,
  keepaliveLimit: 120,
}

/** Longest keepalive of a camera, in seconds: what its menu offers. */
const longestKeepalive = 1800

/** aedes' counterpart of `publish` to nobody: a message that was taken but must not fan out still needs its PUBACK. */
const sink = "crux/v1/sink"

/**
 * The embedded MQTT 3.1.1 broker. It stores nothing: sessions are clean, retained messages are republished by the hub
 * at start. aedes sends PUBACK when `authorizePublish` calls back, so committing there makes PUBACK mean "on disk".
 */
export async function createBroker({
  handlers,
  clock,
  log,
  budgetBytes = 64 * 1024 * 1024,
  limits,
  pace: paceLimits,
  policy = devicePolicy,
  isReader = () => false,
  sources,
}: {
  handlers: Omit<TransportHandlers, "onReturned">
  clock: Clock
  log: Log
  budgetBytes?: number
  limits?: DoorLimits
  pace?: PaceLimits
  policy?: BrokerPolicy
  /** Who may read results, and nothing else. */
  isReader?: (name: string, password: Uint8Array) => boolean
  /** Cameras of other makers; without it there are none. */
  sources?: SourceHandlers
}) {
  const tally = createTally({ clock, log })
  const door = createDoorkeeper({ clock, ...(limits && { limits }) })
  const reading = createReading()
  const budget = createByteBudget({ limit: budgetBytes, reading })
  const pace = createPace({
    reading,
    onPaused: (client) => tally.note("too_fast", client.id),
    ...(paceLimits && { limits: paceLimits }),
  })
  /** Everyone who has been let in, by device: also who is not a session yet, and who is being replaced. */
  const admitted = new Map<string, Set<Client>>()
  /** Who may not speak any more, not even by a will or by what was read before the cut. */
  const cut = new WeakSet<Client>()
  const sessions = new Map<string, { client: Client; session: Session }>()
  const cameras = createSourceClients({ handlers: sources, budget, log })
  const readers = new WeakSet<Client>()

  const aedes = await Aedes.createBroker({
    // One frozen subscriber holds delivery slots until the drain timeout; with the default 100 the whole broker stood
    // still for 8 s, with thousands nobody noticed (measured).
    concurrency: 4000,
    drainTimeout: 8000,
    connectTimeout: 10_000,
    // Who is no camera is held to the policy's limit, below.
    keepaliveLimit: policy.keepaliveLimit === 0 ? 0 : longestKeepalive,
    queueLimit: 42,

    preConnect: (client, packet, done) => {
      const { clientId, clean, keepalive, will } = packet
      // MQTT-3.1.3-8; the one case of the Paho interoperability suite that aedes leaves open.
      if (!clientId && !clean) return refuse(client, 2, done)
      const camera = cameras.greet(packet)
      if (camera) return camera === "welcome" ? done(null, true) : refuse(client, 5, done)
      if (policy.keepaliveLimit > 0 && (!keepalive || keepalive > policy.keepaliveLimit))
        return refuse(client, 2, done)
      if (!clean && !policy.persistentSessions) return refuse(client, 2, done)
      if (will) {
        const { topic, qos = 0, retain = false } = will
        if (!policy.mayLeaveWill(clientId, { topic, qos, retain, payload: bytesOf(will.payload) }))
          return refuse(client, 5, done)
      }
      done(null, true)
    },

    authenticate: (client, username, password, done) => {
      const certificate = certificateOf(client)
      const proved = () =>
        certificate !== undefined
          ? certificate.trusted && handlers.isCertificateOf(client.id, certificate.fingerprint)
          : username === client.id && password && handlers.isSecretOf(client.id, password)
      // Greeted as a camera it was not held to a station's rules: it comes in as a camera or not at all.
      if (cameras.isName(username)) {
        if (cameras.admit(client, username, password)) return done(null, true)
      } else if (policy.anonymous || proved()) {
        admit(client)
        return done(null, true)
      } else if (username === client.id && password && isReader(client.id, password)) {
        readers.add(client)
        return done(null, true)
      }
      const address = addressOf(client)
      tally.note(certificate ? "wrong_certificate" : "wrong_secret", address, {
        device: client.id.slice(0, 64),
      })
      setTimeout(() => done(notAuthorized(), null), door.failed(address))
    },

    authorizePublish: (client, packet, done) => {
      const taken =
        client && cameras.isOne(client) ? cameras.take(client, packet) : takeMessage(client, packet)
      void taken.then(
        () => done(null),
        (error: unknown) => done(error instanceof Error ? error : new Error(String(error))),
      )
    },

    authorizeSubscribe: (client, subscription, done) => {
      const { topic } = subscription
      const may = readers.has(client)
        ? mayRead(topic)
        : !cameras.isOne(client) && policy.maySubscribe(client.id, topic)
      if (may) return done(null, subscription)
      tally.note("subscribe_not_allowed", client.id, { topic: topic.slice(0, 128) })
      done(null, null)
    },
  })

  const refuse = (client: Client, code: number, done: (error: Error | null, success: boolean) => void) => {
    tally.note("bad_connect", addressOf(client), { code })
    refuseConnect(client, code, done)
  }

  const admit = (client: Client) => {
    const device = client.id
    const all = admitted.get(device) ?? new Set()
    admitted.set(device, all.add(client))
    client.conn.once("close", () => {
      all.delete(client)
      if (all.size === 0 && admitted.get(device) === all) admitted.delete(device)
    })
  }

  const takeMessage = async (client: Client | null, packet: PublishPacket): Promise<void> => {
    // Only the wills of a broker cluster come without a client; we are one broker.
    if (!client) throw new Error("a message without a sender")
    if (cut.has(client)) throw new Error("a message of a device that has been cut off")
    if (readers.has(client)) throw new Error("a reader publishes nothing")
    const payload = bytesOf(packet.payload)
    const verdict = policy.mayPublish(client.id, { topic: packet.topic, retain: packet.retain })
    if ("refused" in verdict) {
      tally.note("publish_not_allowed", client.id, {
        topic: packet.topic.slice(0, 128),
        why: verdict.refused,
      })
      throw new Error(verdict.refused)
    }
    const live = sessions.get(client.id)
    const session = live?.client === client && !client.closed ? live.session : null
    if (session) pace.spend(client, payload.length)
    const release = budget.take(client, payload.length)
    try {
      const forward = await handlers.onMessage(client.id, verdict.name, payload, session)
      if (forward === null) {
        packet.topic = sink
        packet.retain = false
      }
      packet.payload = forward === null ? "" : bytesOf(forward)
    } finally {
      release()
    }
  }

  // A server without these listeners would end the process on the first broken socket.
  aedes.on("clientError", (client: Client, error: Error) => {
    const reason = doorReasonOf(error)
    if (reason) tally.note(reason, client.id, { error: error.message.slice(0, 128) })
    else log.info("client_error", { device: client.id, error: error.message })
    cameras.onError(client, error)
  })
  aedes.on("connectionError", (client: Client, error: Error) => {
    const reason = doorReasonOf(error)
    if (reason) tally.note(reason, addressOf(client), { error: error.message.slice(0, 128) })
    else log.info("connection_error", { address: addressOf(client), error: error.message })
  })
  ;(aedes as NodeJS.EventEmitter).on("error", (error: Error) =>
    log.error("broker_error", { error: error.message }),
  )

  // At "client" the connection is registered and not yet acknowledged, so the session exists before its first message.
  aedes.on("client", (client: Client) => {
    if (cameras.isOne(client)) return cameras.onConnected(client)
    if (readers.has(client)) return
    const device = client.id
    const older = sessions.get(device)
    if (older && older.client !== client) {
      // Two boxes with one identity, or a box whose old socket is not dead yet: the newest wins, and it is on record.
      log.warn("identity_taken_over", { device, address: addressOf(client) })
      older.client.close()
      handlers.onDisconnected(older.session)
      handlers.onTakenOver(device)
    }
    const session = sessionOf(client)
    sessions.set(device, { client, session })
    client.conn.once("close", () => {
      if (sessions.get(device)?.client !== client) return
      sessions.delete(device)
      handlers.onDisconnected(session)
    })
    handlers.onConnected(session)
  })

  const admission = createAdmission({
    letIn: (socket) => {
      socket.setNoDelay(true)
      guardPackets(aedes.handle(socket), packetCaps)
    },
  })
  const listeners = createListeners({ door, tally, log, accept: admission.enter })

  return {
    /** Starts to listen without encryption; port 0 picks a free one. Rejects when the port is taken. */
    listen: listeners.plain,
    /** Starts to listen with TLS 1.3. */
    listenTls: listeners.tls,
    /** New TLS connections see the new certificate. */
    renewTls: listeners.renew,
    /** What was turned away or slowed down since the start. */
    turnedAway: tally.counts,

    maxPayload: () => packetCaps.after,
    publishRetained: (topic: string, payload: string): Promise<void> =>
      new Promise((resolve, reject) => {
        const packet = { cmd: "publish", topic, payload, qos: 1, retain: true, dup: false } as const
        aedes.publish(packet, (error) => (error ? reject(error) : resolve()))
      }),

    session: (device: string): Session | undefined => sessions.get(device)?.session,
    sessions: (): Session[] => [...sessions.values()].map((s) => s.session),
    disconnect: (device: string): void => {
      for (const client of admitted.get(device) ?? []) {
        cut.add(client)
        client.close()
        // `close` waits for nothing, but a peer that does not read would keep its socket half open.
        client.conn.destroy()
      }
    },
    /** Closes every connection of a camera at once. */
    disconnectSource: cameras.disconnect,
    /** Bytes of messages being committed now, and their limit. */
    inFlight: () => ({ bytes: budget.used(), messages: budget.messages(), limit: budget.limit }),

    close: (): Promise<void> =>
      new Promise((resolve) => {
        listeners.close()
        admission.close()
        aedes.close(() => resolve())
      }),
  } satisfies Transport & {
    listen: (port: number, host: string) => Promise<{ port: number }>
    listenTls: (port: number, host: string, credentials: () => TlsCredentials) => Promise<{ port: number }>
    renewTls: () => void
    turnedAway: () => DoorCount[]
    disconnectSource: (source: string) => void
  }
}

function sessionOf(client: Client): Session {
  return {
    device: client.id,
    address: addressOf(client),
    closed: () => client.closed,
    send: (topic, payload) =>
      new Promise((resolve) => {
        // aedes swallows write errors here; the caller asks `closed`.
        client.publish(
          {
            cmd: "publish",
            topic,
            payload: payload as Buffer | string,
            qos: 0,
            retain: false,
            dup: false,
          },
          () => resolve(),
        )
      }),
  }
}

function bytesOf(payload: Uint8Array | string): Buffer {
  if (typeof payload === "string") return Buffer.from(payload)
  return Buffer.from(payload.buffer, payload.byteOffset, payload.length)
}

function addressOf(client: Client): string {
  return (client.conn as Socket).remoteAddress ?? ""
}

/** The certificate a client has shown, if any; `trusted` when the hub's authority has signed it. */
function certificateOf(client: Client): { fingerprint: string; trusted: boolean } | undefined {
  const { conn } = client
  if (!(conn instanceof TLSSocket)) return undefined
  const shown = conn.getPeerCertificate() as { fingerprint256?: string } | null
  if (!shown?.fingerprint256) return undefined
  return {
    fingerprint: shown.fingerprint256.replaceAll(":", "").toLowerCase(),
    trusted: conn.authorized,
  }
}

/** Which of the broker's errors are somebody's doing; a lost connection is nobody's. */
function doorReasonOf(error: Error): DoorReason | undefined {
  if (error instanceof PacketTooLong) return "packet_too_long"
  if (error.message.startsWith("connect did not arrive")) return "no_connect"
  // mqtt-packet throws plain errors; those of sockets carry a code.
  return "code" in error || "errorCode" in error || /keep alive|drain|refused|close/i.test(error.message)
    ? undefined
    : "malformed"
}

function notAuthorized(): AuthenticateError {
  return Object.assign(new Error("not authorized"), { returnCode: 5 })
}

/** MQTT 3.1.1 has no reason text: the return code in CONNACK is all a client learns. */
function refuseConnect(
  client: Client,
  returnCode: number,
  done: (error: Error | null, success: boolean) => void,
): void {
  const refused = () => done(new Error(`connect refused, return code ${returnCode}`), false)
  client.conn.write(Buffer.from([0x20, 2, 0, returnCode]), refused)
}
