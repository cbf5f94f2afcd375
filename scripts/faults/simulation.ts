import { mkdtempSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Fault } from "./fault.ts"
import { type KindOfFault, kindsOfFault, simulate } from "./simulation/world.ts"

/** Many worlds, one seed after the other. A world that breaks a promise is told by its seed and the fewest faults it takes. */
const worlds: Fault = {
  id: "SIM",
  name: "simulated plant: seeded clock, network and disk",
  quickRounds: 3,
  longRounds: 250,
  run: async ({ seed, rounds, folder }) => {
    let [faults, acknowledged, stored, lost, duplicates] = [0, 0, 0, 0, 0]
    const problems: string[] = []
    const begin = performance.now()
    for (let world = seed; world < seed + rounds && problems.length === 0; world++) {
      const result = await simulate(world, scratch(folder))
      faults += result.faults
      acknowledged += result.acknowledged
      stored += result.stored
      lost += result.lost
      duplicates += result.duplicates
      if (result.problems.length === 0) continue
      const kinds = await shrink(world, folder)
      const alone = `bun run faults --only SIM --seed ${world} --rounds 1`
      problems.push(`${result.problems[0]} — world ${world}; it takes ${kinds.join(", ")}; again: ${alone}`)
    }
    const perMinute = Math.round((faults / (performance.now() - begin)) * 60_000)
    const done = `worlds ${seed} to ${seed + rounds - 1}: ${faults} faults, ${perMinute} a minute`
    return { done, acknowledged, stored, lost, duplicates, problems }
  },
}

/** Files of a simulation lie in memory where they can: nothing is proved by syncing them. */
function scratch(folder: string): string {
  try {
    return mkdtempSync("/dev/shm/crux-sim-")
  } catch {
    return mkdtempSync(join(folder || tmpdir(), "sim-"))
  }
}

/** Leaves out one kind of fault after the other, as long as the promise is still broken. */
async function shrink(seed: number, folder: string): Promise<readonly KindOfFault[]> {
  let kinds: readonly KindOfFault[] = kindsOfFault
  for (const kind of kindsOfFault) {
    const fewer = kinds.filter((one) => one !== kind)
    if ((await simulate(seed, scratch(folder), fewer)).problems.length > 0) kinds = fewer
  }
  return kinds
}

export const simulationFaults: readonly Fault[] = [worlds]
