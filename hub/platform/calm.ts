import type { Events } from "./events.ts"

/** More than this many inspections a second are a line catching up after an outage, or a plant in full swing. */
const swarmPerSecond = 200
const lookMs = 250
/** What stands back for a swarm does not do so for ever: after this it takes a step, and waits again. */
export const longestSwarmMs = 20_000

/** Lets work that nobody waits for stand back while inspections come in swarms: a hub has few cores, and these come first. */
export function createCalm({ events }: { events: Pick<Events, "listen"> }) {
  let [second, now, before] = [0, 0, 0]
  const turn = () => {
    const current = Math.floor(performance.now() / 1000)
    if (current === second) return
    before = current === second + 1 ? now : 0
    now = 0
    second = current
  }
  // For the life of the hub: it counts, and holds nothing.
  events.listen("calm", ({ type }) => {
    if (type !== "inspection") return
    turn()
    now += 1
  })
  return {
    /** Resolves when no swarm is coming in, at the latest after `longestMs`, or as soon as `isOver` says so. */
    wait: async (longestMs: number, isOver: () => boolean): Promise<void> => {
      const end = performance.now() + longestMs
      while (!isOver() && performance.now() < end) {
        turn()
        if (Math.max(now, before) <= swarmPerSecond) return
        await new Promise((resolve) => setTimeout(resolve, lookMs))
      }
    },
  }
}
export type Calm = ReturnType<typeof createCalm>
