import type { Socket } from "node:net"
import { TLSSocket } from "node:tls"
import { Aedes, type AuthenticateError, type Client, type PublishPacket } from "aedes"
import type { DoorReason } from "#contract/security"
import type { TopicName } from "#contract/topics"
import type { Clock } from "#platform/clock"
import type { Log } from "#platform/log"
import { createByteBudget } from "./byte-budget.ts"
import { createDoorkeeper, type DoorLimits } from "./doorkeeper.ts"
import { createListeners } from "./listeners.ts"
import { mayLeaveWill, mayPublish, maySubscribe, packetCaps } from "./mqtt.rules.ts"
import { createPace, type PaceLimits } from "./pace.ts"
import { guardPackets, PacketTooLong } from "./packet-guard.ts"
import { createReading } from "./reading.ts"
import { createTally } from "./tally.ts"

/** One live connection of one device. */
export type Session = {
  readonly device: string
  readonly address: string
  readonly closed: () => boolean
  /** Sends to this connection only, QoS 0. Resolves when the socket has taken it; check `closed` after. */
  readonly send: (topic: string, payload: Uint8Array | string) => Promise<void>
}

/** What the broker asks of the hub; all of it is about devices that have proved who they are. */
export type BrokerHandlers = {
  readonly isSecretOf: (device: string, secret: Uint8Array) => boolean
  /** By the SHA-256 (hex) of a certificate that the hub's authority has signed. */
  readonly isCertificateOf: (device: string, fingerprint: string) => boolean
  /**
   * Takes a permitted message before it is acknowledged (PUBACK follows the promise). Returns what may fan out in its
   * place: the payload, or null for nothing. `session` is null for the will of a connection that is gone.
   */
  readonly onMessage: (
    device: string,
    name: TopicName,
    payload: Buffer,
    session: Session | null,
  ) => Promise<Uint8Array | string | null>
  readonly onConnected: (session: Session) => void
  readonly onDisconnected: (session: Session) => void
  /** A connection has pushed out a living one of the same device; the newer one is announced next. */
  readonly onTakenOver: (device: string) => void
}

/** What clients may do, once they have proved who they are. */
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
}: {
  handlers: BrokerHandlers
  clock: Clock
  log: Log
  budgetBytes?: number
  limits?: DoorLimits
  pace?: PaceLimits
  policy?: BrokerPolicy
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

  const aedes = await Aedes.createBroker({
    // One frozen subscriber holds delivery slots until the drain timeout; with the default 100 the whole broker stood
    // still for 8 s, with thousands nobody noticed (measured).
    concurrency: 4000,
    drainTimeout: 8000,
    connectTimeout: 10_000,
    keepaliveLimit: policy.keepaliveLimit,
    queueLimit: 42,

    preConnect: (client, packet, done) => {
      const { clientId, clean, will } = packet
      // MQTT-3.1.3-8; the one case of the Paho interoperability suite that aedes leaves open.
      if (!clientId && !clean) return refuse(client, 2, done)
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
      const proved =
        certificate !== undefined
          ? certificate.trusted && handlers.isCertificateOf(client.id, certificate.fingerprint)
          : username === client.id && password && handlers.isSecretOf(client.id, password)
      if (proved || policy.anonymous) {
        admit(client)
        return done(null, true)
      }
      const address = addressOf(client)
      tally.note(certificate ? "wrong_certificate" : "wrong_secret", address, {
        device: client.id.slice(0, 64),
      })
      setTimeout(() => done(notAuthorized(), null), door.failed(address))
    },

    authorizePublish: (client, packet, done) => {
      void takeMessage(client, packet).then(
        () => done(null),
        (error: unknown) => done(error instanceof Error ? error : new Error(String(error))),
      )
    },

    authorizeSubscribe: (client, subscription, done) => {
      if (policy.maySubscribe(client.id, subscription.topic)) return done(null, subscription)
      tally.note("subscribe_not_allowed", client.id, { topic: subscription.topic.slice(0, 128) })
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

  const listeners = createListeners({
    door,
    tally,
    log,
    accept: (socket) => {
      socket.setNoDelay(true)
      guardPackets(aedes.handle(socket), packetCaps)
    },
  })

  return {
    /** Starts to listen without encryption; port 0 picks a free one. Rejects when the port is taken. */
    listen: listeners.plain,
    /** Starts to listen with TLS 1.3. */
    listenTls: listeners.tls,
    /** New TLS connections see the new certificate. */
    renewTls: listeners.renew,
    /** What was turned away or slowed down since the start. */
    turnedAway: tally.counts,

    /** Publishes to all who may read the topic, QoS 1, retained; an empty payload clears what was retained. */
    publishRetained: (topic: string, payload: string): Promise<void> =>
      new Promise((resolve, reject) => {
        const packet = { cmd: "publish", topic, payload, qos: 1, retain: true, dup: false } as const
        aedes.publish(packet, (error) => (error ? reject(error) : resolve()))
      }),

    session: (device: string): Session | undefined => sessions.get(device)?.session,
    sessions: (): Session[] => [...sessions.values()].map((s) => s.session),
    /** Closes a device's connections at once; nothing they have sent is taken any more, their will neither. */
    disconnect: (device: string): void => {
      for (const client of admitted.get(device) ?? []) {
        cut.add(client)
        client.close()
        // `close` waits for nothing, but a peer that does not read would keep its socket half open.
        client.conn.destroy()
      }
    },
    /** Bytes of messages being committed now, and their limit. */
    inFlight: () => ({ bytes: budget.used(), limit: budget.limit }),

    close: (): Promise<void> =>
      new Promise((resolve) => {
        listeners.close()
        aedes.close(() => resolve())
      }),
  }
}
export type Broker = Awaited<ReturnType<typeof createBroker>>

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
