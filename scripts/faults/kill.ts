import { campaign } from "./campaign.ts"
import { edgeCampaign } from "./edges.ts"
import type { Fault } from "./fault.ts"
import { hasStrace, tracing } from "./strace.ts"

/** Kills the hub whenever chance says so, and starts it again. */
const atRandom: Fault = {
  id: "F01",
  name: "hub killed at random moments",
  quickRounds: 3,
  longRounds: 60,
  run: ({ seed, rounds, folder }) =>
    campaign({ folder, seed, name: "F01" }, async (plant) => {
      for (let round = 0; round < rounds; round++) {
        await plant.moreAcks(plant.random.below(60))
        await Bun.sleep(plant.random.below(40))
        await plant.hub.kill()
        await plant.restart()
      }
      return `${rounds} × kill -9 under load`
    }),
}

/**
 * What a hub does for one inspection, as the kernel sees it; it dies when one of its threads is about to do it for the
 * nth time. `most` reaches from the start of the program into the middle of the load.
 */
const steps = [
  { name: "opening the picture's file", call: "openat", most: 90 },
  { name: "writing", call: "pwrite64", most: 200 },
  { name: "syncing a picture or the log of the database", call: "fdatasync", most: 30 },
  { name: "giving a picture its name", call: "rename", most: 12 },
  { name: "syncing a folder", call: "fsync", most: 70 },
] as const

const atNamedSteps: Fault = {
  id: "F02",
  name: "hub killed at each step of storing",
  quickRounds: 1,
  longRounds: 6,
  impossible: hasStrace,
  run: ({ seed, rounds, folder }) =>
    campaign({ folder, seed, name: "F02" }, async (plant) => {
      let died = 0
      for (let round = 0; round < rounds; round++) {
        for (const { call, most } of steps) {
          const nth = 1 + plant.random.below(most)
          await plant.hub.kill()
          // It may die while it starts: that is one of the moments.
          const before = tracing(`${call}`, `signal=KILL:when=${nth}`)
          await plant.restart({ before }).catch((error: Error) => {
            if (!/before it was ready/.test(error.message)) throw error
          })
          const until = performance.now() + 6000
          while (plant.hub.lives() && performance.now() < until) await Bun.sleep(20)
          if (!plant.hub.lives()) died += 1
          else await plant.hub.kill()
          await plant.restart()
          await plant.moreAcks(5)
        }
      }
      if (died === 0) plant.problems.push("the hub was never killed: this has proved nothing")
      return `${rounds * steps.length} starts, killed ${died} × when about to ${steps.map(({ call }) => call).join(", ")} for the nth time`
    }),
}

/** Stopped like a laptop that sleeps, then let go on. */
const stopped: Fault = {
  id: "F24",
  name: "hub stands still (SIGSTOP) and goes on",
  quickRounds: 0,
  longRounds: 4,
  run: ({ seed, rounds, folder }) =>
    campaign({ folder, seed, name: "F24" }, async (plant) => {
      for (let round = 0; round < rounds; round++) {
        await plant.moreAcks(20)
        plant.hub.signal("SIGSTOP")
        // Longer than a station waits for an answer: it sends again, and the hub gets both.
        await Bun.sleep(3500 + plant.random.below(1500))
        plant.hub.signal("SIGCONT")
      }
      return `${rounds} × stopped for 3.5 to 5 s under load`
    }),
}

/** The other side: the whole station, program and all, dies again and again and has nothing but its disk. */
const stationsAtRandom: Fault = {
  id: "F01",
  name: "stations (crux edge) killed at random moments",
  quickRounds: 2,
  longRounds: 40,
  run: ({ seed, rounds, folder }) =>
    edgeCampaign({ folder, seed, name: "F01-edge", stations: 2 }, async (plant) => {
      for (let round = 0; round < rounds; round++) {
        const station = plant.stations[plant.random.below(plant.stations.length)]!
        await plant.moreParts(1 + plant.random.below(20))
        await Bun.sleep(plant.random.below(60))
        await station.kill()
        // Now and then the hub is away when the station comes back: it then goes on without it.
        const hubToo = plant.random.next() < 0.25
        if (hubToo) await plant.hub.kill()
        station.start()
        if (!(await plant.moreParts(5, 60_000)))
          throw new Error(`no part after a kill: ${station.said().slice(-300)}`)
        if (hubToo) await plant.restart()
      }
      if (!(await plant.moreAcks(20, 60_000)))
        plant.problems.push("the stations do not get through to the hub again")
      return `${rounds} × kill -9 of a whole station while it inspects, some with the hub away`
    }),
}

export const killFaults: readonly Fault[] = [atRandom, atNamedSteps, stationsAtRandom, stopped]
