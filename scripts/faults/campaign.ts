import { join } from "node:path"
import type { Enrolment } from "#contract/fleet"
import { createRandom, type Random } from "../../edge/simulator/random.ts"
import type { Outcome } from "./fault.ts"
import { examine } from "./invariant.ts"
import { createLedger, type Ledger } from "./ledger.ts"
import { enrolStations, freePort, type RunningHub, readyHub, type startHub } from "./plant.ts"
import { holds, openStation, type Station } from "./station.ts"

export type Campaign = {
  readonly random: Random
  readonly ledger: Ledger
  readonly folder: string
  readonly data: string
  readonly stations: readonly Station[]
  readonly enrolments: readonly Enrolment[]
  /** What a fault has found by itself; each is a broken promise. */
  readonly problems: string[]
  hub: RunningHub
  /** Starts the hub again on the same data and the same port. */
  restart: (options?: { before?: readonly string[]; env?: Record<string, string> }) => Promise<RunningHub>
  /** Waits until the hub has acknowledged so many more. */
  moreAcks: (count: number, ms?: number) => Promise<boolean>
}

/**
 * A real hub and stations that inspect all the time, while `disturb` does its worst and says what it has done. At the
 * end everything that is left is sent to a hub in good order, and the promise is checked.
 */
export async function campaign(
  options: {
    folder: string
    seed: number
    name: string
    stations?: number
    /** Milliseconds between two parts of one station. */
    everyMs?: number
    pictureBytes?: number
    /** Where stations connect, instead of to the hub; given the hub's port. */
    door?: (hubPort: number) => Promise<{ port: number; close: () => Promise<void> }>
    start?: Parameters<typeof startHub>[1]
    /** False when data has been damaged on purpose: then the caller judges. */
    drain?: boolean
    /** The hub's data folder, when it is not below `folder`. */
    data?: string
  },
  disturb: (plant: Campaign) => Promise<string>,
): Promise<Outcome> {
  const random = createRandom(`${options.name}-${options.seed}`)
  const data = options.data ?? join(options.folder, "hub")
  const mqtt = await freePort()
  const ledger = createLedger()
  const problems: string[] = []
  const hub = await readyHub(data, { mqtt, ...options.start })
  const names = Array.from({ length: options.stations ?? 3 }, (_, i) => `line-${i + 1}`)
  const enrolments = await enrolStations(hub, names)
  const door = await options.door?.(mqtt)
  const stations = await Promise.all(
    enrolments.map((enrolment, i) =>
      openStation({
        folder: join(options.folder, names[i]!),
        enrolment,
        ledger,
        random: createRandom(`${options.name}-${options.seed}-${i}`),
        ...(door && { port: door.port }),
      }),
    ),
  )
  const plant: Campaign = {
    random,
    ledger,
    folder: options.folder,
    data,
    stations,
    enrolments,
    problems,
    hub,
    restart: async (start = {}) => {
      plant.hub = await readyHub(data, { mqtt, ...start })
      return plant.hub
    },
    moreAcks: (count, ms) => {
      const goal = ledger.acknowledged() + count
      return holds(() => ledger.acknowledged() >= goal, ms)
    },
  }

  let inspecting = true
  const lines = stations.map(async (station) => {
    station.link.start()
    while (inspecting) {
      await station.inspect(options.pictureBytes)
      await Bun.sleep(options.everyMs ?? 5)
    }
  })
  let done = ""
  try {
    done = await disturb(plant)
  } catch (error) {
    problems.push(`${error instanceof Error ? error.message : error}`)
  }
  inspecting = false
  await Promise.all(lines)

  if (options.drain !== false) {
    if (!plant.hub.lives()) await plant.restart().catch((error) => problems.push(String(error)))
    const empty = await holds(() => stations.every(({ outbox }) => outbox.totals().depth === 0), 240_000)
    if (!empty) {
      const left = stations.reduce((sum, { outbox }) => sum + outbox.totals().depth, 0)
      problems.push(`${left} records do not get away from their stations`)
    }
  }
  const held = new Set(stations.flatMap((station) => station.held()))
  for (const station of stations) await station.close()
  await door?.close()
  if (plant.hub.lives()) {
    const { code, err } = await plant.hub.stop()
    if (code !== 0) problems.push(`the hub ended with ${code}: ${err.slice(-300)}`)
  }
  const found = await examine(data, ledger, held)
  return { done, ...found, problems: [...problems, ...found.problems] }
}
