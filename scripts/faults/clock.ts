import { join } from "node:path"
import { Problem } from "#contract/problem"
import { openSqlite } from "#platform/sqlite.bun"
import type { HubClient } from "../../hub/demo/client.ts"
import { type EdgePlant, edgeCampaign } from "./edges.ts"
import { createFakeClock, hasFaketime } from "./faketime.ts"
import type { Fault } from "./fault.ts"

/** What clocks do in plants: a lost battery, a wrong NTP server, a hand that types the wrong year. */
const jumps = ["+10y", "-1d", "+3h", "@1970-01-01 00:00:10", "+40d"] as const

/** A session of a person: signed in at one time, it must not outlive its end at another. */
async function isOpen(client: HubClient): Promise<boolean> {
  try {
    await client.get("/api/devices")
    return true
  } catch (error) {
    if (error instanceof Problem && error.code === "unauthenticated") return false
    throw error
  }
}

/** Libfaketime's answers are kept for a second; stations notice nothing before. */
const settleMs = 2500

const jumping: Fault = {
  id: "F15",
  name: "the hub's clock jumps while it works",
  quickRounds: 2,
  longRounds: 10,
  impossible: hasFaketime,
  run: ({ seed, rounds, folder }) => {
    const clock = createFakeClock(join(folder, "hub.time"))
    return edgeCampaign({ folder, seed, name: "F15", hub: { env: clock.env } }, async (plant) => {
      for (let round = 0; round < rounds; round++) {
        // The first ones always: they are the worst.
        const to = round === 0 ? "+10y" : round === 1 ? "@1970-01-01 00:00:10" : plant.random.pick(jumps)
        const before = await plant.hub.admin()
        clock.set(to)
        await Bun.sleep(settleMs)
        if (!(await plant.moreAcks(10, 60_000))) plant.problems.push(`nothing is acknowledged after ${to}`)
        if (to === "+10y" && (await isOpen(before)))
          plant.problems.push("a session is still open ten years later")
        const within = await plant.hub.admin()
        clock.set("+0")
        await Bun.sleep(settleMs)
        if (!(await plant.moreAcks(10, 60_000)))
          plant.problems.push(`nothing is acknowledged back from ${to}`)
        if (to === "+10y" && (await isOpen(within)))
          plant.problems.push("a session from the future is open for ten years")
      }
      return `${rounds} × the hub's clock set to another time under load, and back`
    })
  },
}

const stationJumping: Fault = {
  id: "F15",
  name: "a station's clock jumps while it works",
  quickRounds: 0,
  longRounds: 10,
  impossible: hasFaketime,
  run: ({ seed, rounds, folder }) => {
    const clock = createFakeClock(join(folder, "station.time"))
    return edgeCampaign({ folder, seed, name: "F15-station", station: { env: clock.env } }, async (plant) => {
      for (let round = 0; round < rounds; round++) {
        const to = plant.random.pick(jumps)
        clock.set(to)
        await Bun.sleep(settleMs)
        // Killed or not: what it has written under the wrong time must be good under the right one.
        if (plant.random.next() < 0.5) {
          await plant.stations[0]!.kill()
          plant.stations[0]!.start()
        }
        if (!(await plant.moreParts(10, 60_000))) plant.problems.push(`no part is inspected after ${to}`)
        clock.set("+0")
        await Bun.sleep(settleMs)
        if (!(await plant.moreAcks(10, 90_000)))
          plant.problems.push(`nothing is acknowledged back from ${to}`)
      }
      return `${rounds} × a station's clock set to another time, half of them with a kill, and back`
    })
  },
}

/** When the hub says that its newest inspection came. */
function newestArrival(plant: EdgePlant): number {
  const db = openSqlite(join(plant.data, "hub.db"))
  try {
    return db
      .prepare<{ at: number }>("SELECT received_at AS at FROM inspection ORDER BY n DESC LIMIT 1")
      .get()!.at
  } finally {
    db.close()
  }
}

const deadBattery: Fault = {
  id: "F16",
  name: "hub and stations start in 1970",
  quickRounds: 1,
  longRounds: 6,
  impossible: hasFaketime,
  run: ({ seed, rounds, folder }) => {
    const clock = createFakeClock(join(folder, "hub.time"))
    const stationClock = createFakeClock(join(folder, "station.time"))
    const parts = { hub: { env: clock.env }, station: { env: stationClock.env } }
    return edgeCampaign({ folder, seed, name: "F16", ...parts }, async (plant) => {
      const station = plant.stations[0]!
      for (let round = 0; round < rounds; round++) {
        const knew = newestArrival(plant)
        await plant.hub.kill()
        clock.set("@1970-01-01 00:00:10")
        await plant.restart()
        if (!/clock/.test(plant.hub.said.err)) plant.problems.push("nobody was told that the clock is wrong")
        // One with the right time, then one that has lost its own as well.
        if (!(await plant.moreAcks(10, 60_000)))
          plant.problems.push(`a station does not reach a hub in 1970: ${station.said().slice(-300)}`)
        await station.kill()
        stationClock.set("@1970-01-01 00:00:10")
        station.start()
        if (!(await plant.moreAcks(10, 60_000)))
          plant.problems.push(`a station in 1970 does not reach its hub: ${station.said().slice(-300)}`)
        const came = newestArrival(plant)
        if (came < knew - 60_000)
          plant.problems.push(`what comes now is said to have come in ${new Date(came).toISOString()}`)
        clock.set("+0")
        stationClock.set("+0")
        await Bun.sleep(settleMs)
        if (!(await plant.moreAcks(10, 60_000))) plant.problems.push("nothing arrives once the time is right")
      }
      return `${rounds} × hub started without a battery, then a station too, then the right time came`
    })
  },
}

const certificates: Fault = {
  id: "F17",
  name: "certificates expire while everything is off",
  quickRounds: 1,
  longRounds: 4,
  impossible: hasFaketime,
  run: ({ seed, rounds, folder }) => {
    const clock = createFakeClock(join(folder, "plant.time"))
    const both = { hub: { env: clock.env }, station: { env: clock.env, certificate: true } }
    return edgeCampaign({ folder, seed, name: "F17", ...both }, async (plant) => {
      const station = plant.stations[0]!
      let days = 0
      for (let round = 0; round < rounds; round++) {
        await station.kill()
        await plant.hub.stop()
        // Longer than the door's 90 days and the station's year: both have ended.
        days += round === 0 ? 500 : 61 + plant.random.below(500)
        clock.set(`+${days}d`)
        await plant.restart()
        station.start()
        if (!(await plant.moreAcks(10, 90_000)))
          plant.problems.push(`after ${days} days the station is not let in: ${station.said().slice(-400)}`)
      }
      return `${rounds} × hub and station with a certificate of its own off for so long that both ended (${days} days in all)`
    })
  },
}

export const clockFaults: readonly Fault[] = [jumping, stationJumping, deadBattery, certificates]
