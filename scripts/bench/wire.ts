import { connect, type Socket } from "node:net"
import { connect as connectTls } from "node:tls"
import { generate, type Packet, parser } from "mqtt-packet"

/** A bare MQTT 3.1.1 connection: a full client library would cost more than the broker it measures. */
export type Wire = {
  readonly send: (bytes: Buffer) => void
  /** Reads nothing any more; what the other end sends stays on the way. */
  readonly freeze: () => void
  readonly close: () => void
}

export async function openWire(options: {
  port: number
  clientId: string
  username?: string
  password?: string
  /** Where to connect from; a hub counts sockets by address, and 127.0.0.0/8 has many. */
  localAddress?: string
  /** Authority to trust; with it the connection is TLS 1.3. */
  ca?: string
  subscribe?: string[]
  onPacket: (packet: Packet) => void
}): Promise<Wire> {
  const { port, clientId, username, password, subscribe = [], onPacket } = options
  const { localAddress, ca } = options
  const place = { port, host: "127.0.0.1", ...(localAddress && { localAddress }) }
  const socket: Socket =
    ca === undefined ? connect(place) : connectTls({ ...place, ca, minVersion: "TLSv1.3" })
  socket.setNoDelay(true)
  const packets = parser({ protocolVersion: 4 })
  const ready = Promise.withResolvers<void>()
  socket.on("error", ready.reject)
  socket.on("close", () => ready.reject(new Error(`${clientId}: the broker closed the connection`)))
  socket.on("data", (bytes) => packets.parse(bytes as Buffer))
  packets.on("packet", (packet: Packet) => {
    if (packet.cmd === "connack") {
      if (packet.returnCode !== 0) return ready.reject(new Error(`CONNACK ${packet.returnCode}`))
      if (subscribe.length === 0) return ready.resolve()
      const subscriptions = subscribe.map((topic) => ({ topic, qos: 0 as const }))
      socket.write(generate({ cmd: "subscribe", messageId: 1, subscriptions }))
    } else if (packet.cmd === "suback") ready.resolve()
    else onPacket(packet)
  })
  socket.write(
    generate({
      cmd: "connect",
      protocolId: "MQTT",
      protocolVersion: 4,
      clean: true,
      clientId,
      keepalive: 60,
      ...(username !== undefined && { username }),
      ...(password !== undefined && { password: Buffer.from(password) }),
    }),
  )
  await ready.promise
  return {
    send: (bytes) => void socket.write(bytes),
    freeze: () => void socket.pause(),
    close: () => void socket.destroy(),
  }
}

/** A QoS 1 PUBLISH with a message id. */
export function publishPacket(topic: string, payload: Uint8Array, messageId: number): Buffer {
  return generate({
    cmd: "publish",
    topic,
    payload: Buffer.from(payload),
    qos: 1,
    messageId,
    retain: false,
    dup: false,
  })
}

/** A QoS 0 PUBLISH. */
export function requestPacket(topic: string, payload: string): Buffer {
  return generate({ cmd: "publish", topic, payload, qos: 0, retain: false, dup: false })
}
