import type { Client, PublishPacket } from "aedes"
import type { Log } from "#platform/log"
import type { createByteBudget } from "./byte-budget.ts"
import { packetCaps } from "./mqtt.rules.ts"

/** What the broker asks of the hub about cameras of other makers: user name = source, any client id. */
export type SourceHandlers = {
  readonly isSource: (name: string) => boolean
  readonly isTokenOf: (source: string, token: Uint8Array) => boolean
  readonly mayPublish: (source: string, topic: string) => boolean
  /**
   * Takes a message before it is acknowledged. False when nothing was kept: then there is no PUBACK, the connection
   * ends, and the camera sends it again.
   */
  readonly onMessage: (
    source: string,
    message: { topic: string; payload: Uint8Array; retain: boolean; dup: boolean },
  ) => Promise<boolean>
  /** A message that was not let in; its camera is cut off, because MQTT 3.1.1 has no other way to say no. */
  readonly onRefused: (source: string, topic: string, size: number, code: string) => void
  readonly onConnection: (source: string, change: 1 | -1) => void
}

/** Enough of a CONNECT packet to greet a camera; aedes reads it again after `preConnect`. */
type ConnectPacket = {
  clientId: string
  username?: string | undefined
  clean?: boolean | undefined
  keepalive?: number | undefined
  will?: { topic: string; payload: Uint8Array | string } | undefined
}

const longestWill = 1024
const sink = "crux/v1/sink"
/** A camera whose messages cannot be stored now comes back at once: this slows the circle down. */
const waitWhenFullMs = 1_000

/**
 * Cameras choose client id, session and keepalive by their own menus. All of that is safe here, because a camera may
 * only publish: a kept session would hold nothing, and its name at the broker carries the source's, so that no camera
 * can take over a station's connection, or another camera's.
 */
export function createSourceClients({
  handlers,
  budget,
  log,
}: {
  handlers: SourceHandlers | undefined
  budget: ReturnType<typeof createByteBudget>
  log: Log
}) {
  const sources = new WeakMap<Client, string>()
  const live = new Map<string, Set<Client>>()

  const isName = (username: string | undefined): username is string =>
    username !== undefined && handlers?.isSource(username) === true

  return {
    /** Whether this user name is a camera's, whoever brings it. */
    isName,
    /** Makes a camera's CONNECT one that the broker takes. Undefined for everybody else. */
    greet: (packet: ConnectPacket): "welcome" | "refused" | undefined => {
      const { username, will } = packet
      if (!isName(username)) return undefined
      if (will && (will.payload.length > longestWill || !handlers?.mayPublish(username, will.topic)))
        return "refused"
      packet.clean = true
      packet.keepalive ||= 1800
      return "welcome"
    },
    /** Lets a camera in by its token and gives it a name of its own at the broker. */
    admit: (client: Client, username: string | undefined, token: Uint8Array | undefined): boolean => {
      if (!isName(username) || !token || !handlers?.isTokenOf(username, token)) return false
      sources.set(client, username)
      ;(client as { id: string }).id = `in/${username}/${client.id}`
      return true
    },
    isOne: (client: Client): boolean => sources.has(client),

    onConnected: (client: Client): void => {
      const source = sources.get(client)
      if (source === undefined) return
      const clients = live.get(source) ?? new Set()
      live.set(source, clients.add(client))
      handlers?.onConnection(source, 1)
      client.conn.once("close", () => {
        if (!clients.delete(client)) return
        if (clients.size === 0) live.delete(source)
        handlers?.onConnection(source, -1)
      })
    },
    /** What aedes makes of a broken connection: a packet above the cap is one that people should see. */
    onError: (client: Client, error: Error): void => {
      const source = sources.get(client)
      const bytes = /packet of (\d+) bytes is too long/.exec(error.message)?.[1]
      if (source !== undefined && bytes) handlers?.onRefused(source, "", Number(bytes), "packet_too_large")
    },

    take: async (client: Client, packet: PublishPacket): Promise<void> => {
      const source = sources.get(client)
      if (source === undefined || !handlers) throw new Error("not a camera")
      const { topic, retain, dup } = packet
      const payload = typeof packet.payload === "string" ? Buffer.from(packet.payload) : packet.payload
      const refuse = (code: string): Error => {
        log.warn("publish_refused", { source, topic: topic.slice(0, 128), why: code })
        handlers.onRefused(source, topic, payload.length, code)
        return new Error(code)
      }
      if (!handlers.mayPublish(source, topic)) throw refuse("topic_not_allowed")
      if (payload.length > packetCaps.after) throw refuse("packet_too_large")
      const release = budget.take(client, payload.length)
      try {
        if (!(await handlers.onMessage(source, { topic, payload, retain, dup }))) {
          await new Promise((resolve) => setTimeout(resolve, waitWhenFullMs))
          throw new Error("not stored; the camera sends it again")
        }
      } finally {
        release()
      }
      // Nothing of a camera fans out, and nothing of it is kept by the broker.
      packet.topic = sink
      packet.retain = false
      packet.payload = ""
    },

    /** Cuts every connection of a source. */
    disconnect: (source: string): void => {
      for (const client of live.get(source) ?? []) client.close()
    },
  }
}
