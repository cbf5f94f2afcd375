import { createAfterBurst } from "#platform/after-burst"
import { type Calm, longestSwarmMs } from "#platform/calm"
import type { Events } from "#platform/events"
import type { Log } from "#platform/log"

/** What labels in a burst have brought is looked up once. */
const usualQuietMs = 10_000

/**
 * Has pictures that were labelled looked at before a freeze asks for it: after an import of thousands the first freeze would
 * otherwise do it while somebody waits. Nobody waits for this; it stands back for parts that come in and rests as long as it
 * works.
 */
export function createPrints({
  look,
  events,
  calm,
  log,
  quietMs = usualQuietMs,
}: {
  /** Looks at some pictures; how many are left. */
  look: () => Promise<number>
  events: Events
  calm: Calm
  log: Log
  quietMs?: number
}) {
  let running: Promise<void> | undefined
  let stopping = false

  async function work(): Promise<void> {
    try {
      for (let left = 1; left > 0; ) {
        await calm.wait(longestSwarmMs, () => stopping)
        if (stopping) return
        const started = performance.now()
        left = await look()
        await rest(performance.now() - started)
      }
    } catch (error) {
      // A freeze looks for itself at whatever has no print.
      if (!stopping) log.error("prints_failed", { error: String(error) })
    }
  }
  const burst = createAfterBurst({
    name: "prints",
    quietMs,
    log,
    work() {
      running ??= work().finally(() => {
        running = undefined
      })
    },
  })
  let deaf = () => {}
  return {
    /** `behind`: there may be some that a hub before this one has not come to. */
    start(behind: boolean): void {
      deaf = events.listen("prints", ({ type }) => {
        if (type === "label") burst.poke()
      })
      if (behind) burst.poke()
    },
    async stop(): Promise<void> {
      stopping = true
      deaf()
      burst.stop()
      await running
    },
  }
}

const rest = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, Math.min(ms, 1_000)))
