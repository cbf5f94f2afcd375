import { withChild } from "./child.ts"
import type { BenchRow } from "./row.ts"
import type { StormHub, StormReport } from "./storm.child.ts"
import { openWire, type Wire } from "./wire.ts"

const devices = 10_000
/** Stations behind one address; a hub lets 512 in from each. */
const perAddress = 400
/** Connections that are being made at one time. */
const atOnce = 500
const longestStallMs = 1000

/** Ten thousand stations connect at one time, as after a power cut of the whole plant. */
export function benchStorm(): Promise<BenchRow[]> {
  return withChild<StormHub, BenchRow[]>(
    "storm.child.ts",
    [String(devices)],
    async ({ secrets, port }, ask) => {
      const wires: Wire[] = []
      let next = 0
      const connectSome = async () => {
        while (next < devices) {
          const i = next++
          const name = `bench-${i}`
          const localAddress = `127.0.1.${1 + Math.floor(i / perAddress)}`
          const identity = { clientId: name, username: name, password: secrets[i]!, localAddress }
          // Whoever is turned away at the door comes again later; here it is enough that the hub bears it.
          await openWire({ port, ...identity, onPacket: () => {} }).then(
            (wire) => wires.push(wire),
            () => {},
          )
        }
      }
      const begin = performance.now()
      await Promise.all(Array.from({ length: atOnce }, connectSome))
      const seconds = (performance.now() - begin) / 1000
      const { stallMs, residentMiB } = await ask<StormReport>()
      for (const wire of wires) wire.close()
      const what = `${devices} connects in ${seconds.toFixed(1)} s, ${wires.length} let in, ${Math.round(residentMiB)} MiB`
      return [
        {
          name: `connect storm (${what}): longest stall`,
          value: stallMs,
          unit: "ms",
          reference: longestStallMs,
          ratio: longestStallMs / stallMs,
          against: "1 s, the most allowed",
        },
      ]
    },
  )
}

if (import.meta.main) console.table(await benchStorm())
