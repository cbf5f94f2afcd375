import { createRandom } from "../../edge/simulator/random.ts"
import { campaign } from "./campaign.ts"
import type { Fault } from "./fault.ts"
import { type NetworkProxy, startProxy } from "./proxy.ts"

/** A campaign whose stations reach the hub through a network that chance spoils. */
function networkFault(
  name: string,
  rounds: { quick: number; long: number },
  spoil: (net: {
    proxy: NetworkProxy
    random: ReturnType<typeof createRandom>
    moreAcks: (count: number, ms?: number) => Promise<boolean>
    rounds: number
  }) => Promise<string>,
  everyMs = 5,
): Fault {
  return {
    id: "F27",
    name,
    quickRounds: rounds.quick,
    longRounds: rounds.long,
    run: async ({ seed, rounds: count, folder }) => {
      let proxy: NetworkProxy | undefined
      const door = async (to: number) => {
        proxy = await startProxy({ to, random: createRandom(`${name}-net-${seed}`) })
        return proxy
      }
      return campaign({ folder, seed, name, door, everyMs }, ({ random, moreAcks }) =>
        spoil({ proxy: proxy!, random, moreAcks, rounds: count }),
      )
    },
  }
}

export const networkFaults: readonly Fault[] = [
  networkFault("connections cut anywhere", { quick: 4, long: 60 }, async (net) => {
    for (let round = 0; round < net.rounds; round++) {
      await net.moreAcks(1 + net.random.below(60))
      await Bun.sleep(net.random.below(30))
      net.proxy.cut()
    }
    return `${net.rounds} × every connection cut under load`
  }),
  networkFault("partition", { quick: 0, long: 5 }, async (net) => {
    for (let round = 0; round < net.rounds; round++) {
      await net.moreAcks(20)
      net.proxy.setOpen(false)
      net.proxy.cut()
      await Bun.sleep(2000 + net.random.below(net.rounds * 3000))
      net.proxy.setOpen(true)
      await net.moreAcks(1)
    }
    return `${net.rounds} × nobody reaches the hub for some seconds`
  }),
  networkFault("black hole: nothing passes, nothing is closed", { quick: 0, long: 4 }, async (net) => {
    for (let round = 0; round < net.rounds; round++) {
      await net.moreAcks(20)
      net.proxy.weather.blackHole = true
      await Bun.sleep(4000 + net.random.below(3000))
      net.proxy.weather.blackHole = false
      await net.moreAcks(1)
    }
    return `${net.rounds} × silence for 4 to 7 s, then all at once`
  }),
  networkFault(
    "half-open: the hub's end is gone, the stations' is not",
    { quick: 0, long: 3 },
    async (net) => {
      for (let round = 0; round < net.rounds; round++) {
        await net.moreAcks(20)
        net.proxy.halfOpen()
        // Keepalive is 30 s; a cable that somebody puts back is quicker.
        await Bun.sleep(3500 + net.random.below(2000))
        net.proxy.cut()
        await net.moreAcks(1)
      }
      return `${net.rounds} × the hub's sockets vanish under stations that go on sending`
    },
  ),
  networkFault(
    "slow and far: 64 kB/s, 150 ms",
    { quick: 0, long: 4 },
    async (net) => {
      net.proxy.weather.delayMs = 75
      net.proxy.weather.bytesPerSecond = 64_000
      for (let round = 0; round < net.rounds; round++) await net.moreAcks(40, 30_000)
      net.proxy.weather.delayMs = 0
      net.proxy.weather.bytesPerSecond = Number.POSITIVE_INFINITY
      return `${net.rounds * 40} answers over a bad link`
    },
    120,
  ),
  networkFault("packets twice and out of order", { quick: 1, long: 10 }, async (net) => {
    net.proxy.weather.duplicate = true
    net.proxy.weather.reorder = true
    net.proxy.cut()
    for (let round = 0; round < net.rounds; round++) await net.moreAcks(200, 30_000)
    net.proxy.weather.duplicate = false
    net.proxy.weather.reorder = false
    return `every second inspection sent twice, many overtaken by the next`
  }),
]
