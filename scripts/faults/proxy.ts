import { connect, createServer, type Socket } from "node:net"
import { generate, type Packet, parser } from "mqtt-packet"
import type { Random } from "../../edge/simulator/random.ts"

export type NetworkProxy = Awaited<ReturnType<typeof startProxy>>

/** How the network is just now; `startProxy` reads it for every piece that passes. */
export type Weather = {
  /** Milliseconds each piece is held, up and down. */
  delayMs: number
  /** Bytes a second in each direction; Infinity for as fast as it goes. */
  bytesPerSecond: number
  /** Nothing passes and nothing is closed: the cable is out and nobody has noticed. */
  blackHole: boolean
  /** Packets from stations are handed on twice, the second one with DUP. Needs MQTT without TLS. */
  duplicate: boolean
  /** Inspections from stations may overtake each other. Needs MQTT without TLS. */
  reorder: boolean
}

/** A TCP proxy between stations and hub, for whatever networks do. */
export async function startProxy({ to, random }: { to: number; random: Random }) {
  const weather: Weather = {
    delayMs: 0,
    bytesPerSecond: Number.POSITIVE_INFINITY,
    blackHole: false,
    duplicate: false,
    reorder: false,
  }
  const pairs = new Set<{ station: Socket; hub: Socket }>()
  let open = true

  /** Carries bytes one way, in order; `weather` decides when. */
  const carry = (from: Socket, into: Socket) => {
    let way = Promise.resolve()
    return (bytes: Uint8Array) => {
      from.pause()
      way = way.then(async () => {
        const { delayMs, bytesPerSecond } = weather
        const wait = delayMs + (bytes.length / bytesPerSecond) * 1000
        if (wait > 0) await Bun.sleep(wait)
        while (weather.blackHole && !from.destroyed) await Bun.sleep(20)
        if (!into.destroyed) into.write(bytes)
        from.resume()
      })
    }
  }

  const server = createServer((station) => {
    if (!open) return void station.destroy()
    const hub = connect(to, "127.0.0.1")
    const pair = { station, hub }
    pairs.add(pair)
    const up = carry(station, hub)
    const down = carry(hub, station)
    const mangled = mangler(weather, random, up)
    station.on("data", (bytes) => mangled(bytes as Buffer))
    hub.on("data", (bytes) => down(bytes as Buffer))
    for (const [one, other] of [
      [station, hub],
      [hub, station],
    ] as const) {
      one.on("error", () => other.destroy())
      one.on("close", () => {
        pairs.delete(pair)
        // What is on its way still arrives, as it does when a program ends.
        setTimeout(() => other.destroy(), 50)
      })
    }
  })
  const port = await new Promise<number>((resolve) =>
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      resolve(typeof address === "object" && address ? address.port : 0)
    }),
  )

  return {
    port,
    weather,
    /** Cuts every connection at once, in the middle of whatever it carries. */
    cut: () => {
      for (const { station, hub } of pairs) {
        station.destroy()
        hub.destroy()
      }
    },
    /** The hub sees its stations vanish; the stations notice nothing until they ask. */
    halfOpen: () => {
      for (const { hub } of pairs) hub.removeAllListeners("close").destroy()
    },
    /** Lets nobody in, or everybody again. */
    setOpen: (now: boolean) => {
      open = now
    },
    close: async () => {
      weather.blackHole = false
      for (const { station, hub } of pairs) {
        station.destroy()
        hub.destroy()
      }
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

/** Reads packets where it must change their number or order; else bytes pass as they are. */
function mangler(weather: Weather, random: Random, up: (bytes: Uint8Array) => void) {
  const packets = parser({ protocolVersion: 4 })
  let asPackets = false
  let kept: Buffer | undefined
  const flush = () => {
    if (kept) up(kept)
    kept = undefined
  }
  packets.on("packet", (packet: Packet) => {
    const bytes = generate(packet)
    const inspection = packet.cmd === "publish" && packet.topic.endsWith("/up/insp")
    if (!inspection) {
      flush()
      return up(bytes)
    }
    if (weather.duplicate && random.next() < 0.5) {
      up(bytes)
      up(generate({ ...packet, dup: true }))
    } else if (weather.reorder && kept === undefined && random.next() < 0.5) {
      // Held until the next one has passed, or for a moment: the last of a window has no successor.
      kept = bytes
      setTimeout(flush, 30)
    } else {
      up(bytes)
      flush()
    }
  })
  return (bytes: Buffer) => {
    // Decided at a connection's first byte: half a packet cannot be read later.
    asPackets ||= weather.duplicate || weather.reorder
    if (asPackets) packets.parse(bytes)
    else up(bytes)
  }
}
