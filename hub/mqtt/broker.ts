import { createServer, type Socket } from "node:net"
import { Aedes, type AuthenticateError, type Client, type PublishPacket } from "aedes"
import type { Clock } from "#platform/clock"
import type { Log } from "#platform/log"
import { createByteBudget } from "./byte-budget.ts"
import { createDoorkeeper } from "./doorkeeper.ts"
import { mayLeaveWill, mayPublish, mayRead, maySubscribe, packetCaps } from "./mqtt.rules.ts"
import { guardPackets } from "./packet-guard.ts"
import { createSourceClients, type SourceHandlers } from "./source-clients.ts"
import type { Session, Transport, TransportHandlers } from "./transport.ts"

/** Longest keepalive of a station, in seconds, and of a camera. */
const stationKeepalive = 120
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
  door = createDoorkeeper({ clock }),
  isReader = () => false,
  sources,
}: {
  handlers: Omit<TransportHandlers, "onReturned">
  clock: Clock
  log: Log
  budgetBytes?: number
  door?: ReturnType<typeof createDoorkeeper>
  /** Who may read results, and nothing else. */
  isReader?: (name: string, password: Uint8Array) => boolean
  /** Cameras of other makers; without it there are none. */
  sources?: SourceHandlers
}) {
  const budget = createByteBudget({ limit: budgetBytes })
  const sessions = new Map<string, { client: Client; session: Session }>()
  const cameras = createSourceClients({ handlers: sources, budget, log })
  const readers = new WeakSet<Client>()

  const aedes = await Aedes.createBroker({
    // One frozen subscriber holds delivery slots until the drain timeout; with the default 100 the whole broker stood
    // still for 8 s, with thousands nobody noticed (measured).
    concurrency: 4000,
    drainTimeout: 8000,
    connectTimeout: 10_000,
    // Stations keep to 120 s, below; a camera's interval is what its menu offers.
    keepaliveLimit: longestKeepalive,
    queueLimit: 42,

    preConnect: (client, packet, done) => {
      const { clientId, clean, will } = packet
      // MQTT-3.1.3-8; the one case of the Paho interoperability suite that aedes leaves open.
      if (!clientId && !clean) return refuseConnect(client, 2, done)
      const camera = cameras.greet(packet)
      if (camera) return camera === "welcome" ? done(null, true) : refuseConnect(client, 5, done)
      if (!packet.keepalive || packet.keepalive > stationKeepalive) return refuseConnect(client, 2, done)
      // Sessions live in memory only: a persistent one would promise what a restart breaks.
      if (!clean) return refuseConnect(client, 2, done)
      if (will) {
        const { topic, qos = 0, retain = false } = will
        if (!mayLeaveWill(clientId, { topic, qos, retain, payload: bytesOf(will.payload) }))
          return refuseConnect(client, 5, done)
      }
      done(null, true)
    },

    authenticate: (client, username, password, done) => {
      if (cameras.admit(client, username, password)) return done(null, true)
      if (username === client.id && password && handlers.isSecretOf(client.id, password))
        return done(null, true)
      if (username === client.id && password && isReader(client.id, password)) {
        readers.add(client)
        return done(null, true)
      }
      const wait = door.failed(addressOf(client))
      log.warn("connect_refused", { device: client.id.slice(0, 64), address: addressOf(client) })
      setTimeout(() => done(notAuthorized(), null), wait)
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
        : !cameras.isOne(client) && maySubscribe(client.id, topic)
      if (may) return done(null, subscription)
      log.warn("subscribe_refused", { device: client.id, topic: subscription.topic.slice(0, 128) })
      done(null, null)
    },
  })

  const takeMessage = async (client: Client | null, packet: PublishPacket): Promise<void> => {
    // Only the wills of a broker cluster come without a client; we are one broker.
    if (!client) throw new Error("a message without a sender")
    if (readers.has(client)) throw new Error("a reader publishes nothing")
    const payload = bytesOf(packet.payload)
    const verdict = mayPublish(client.id, { topic: packet.topic, retain: packet.retain })
    if ("refused" in verdict) {
      log.warn("publish_refused", {
        device: client.id,
        topic: packet.topic.slice(0, 128),
        why: verdict.refused,
      })
      throw new Error(verdict.refused)
    }
    const live = sessions.get(client.id)
    const session = live?.client === client && !client.closed ? live.session : null
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
    log.info("client_error", { device: client.id, error: error.message })
    cameras.onError(client, error)
  })
  aedes.on("connectionError", (client: Client, error: Error) =>
    log.info("connection_error", { address: addressOf(client), error: error.message }),
  )
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

  const server = createServer((socket: Socket) => {
    const leave = door.enter(socket.remoteAddress ?? "")
    if (!leave) return void socket.destroy()
    socket.once("close", leave)
    socket.setNoDelay(true)
    const client = aedes.handle(socket)
    guardPackets(client, packetCaps)
  })
  server.on("error", (error) => log.error("listener_error", { error: error.message }))

  return {
    /** Starts to listen; port 0 picks a free one. Rejects when the port is taken. */
    listen: (port: number, host: string): Promise<{ port: number }> =>
      new Promise((resolve, reject) => {
        server.once("error", reject)
        server.listen(port, host, () => {
          server.off("error", reject)
          const address = server.address()
          resolve({ port: typeof address === "object" && address ? address.port : port })
        })
      }),

    maxPayload: () => packetCaps.after,
    publishRetained: (topic: string, payload: string): Promise<void> =>
      new Promise((resolve, reject) => {
        const packet = { cmd: "publish", topic, payload, qos: 1, retain: true, dup: false } as const
        aedes.publish(packet, (error) => (error ? reject(error) : resolve()))
      }),

    session: (device: string): Session | undefined => sessions.get(device)?.session,
    sessions: (): Session[] => [...sessions.values()].map((s) => s.session),
    disconnect: (device: string): void => {
      sessions.get(device)?.client.close()
    },
    /** Closes every connection of a camera at once. */
    disconnectSource: cameras.disconnect,
    /** Bytes of messages being committed now, and their limit. */
    inFlight: () => ({ bytes: budget.used(), limit: budget.limit }),

    close: (): Promise<void> =>
      new Promise((resolve) => {
        server.close()
        aedes.close(() => resolve())
      }),
  } satisfies Transport & {
    listen: (port: number, host: string) => Promise<{ port: number }>
    disconnectSource: (source: string) => void
  }
}

function sessionOf(client: Client): Session {
  return {
    device: client.id,
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
