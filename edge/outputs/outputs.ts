import type { VerdictMessage } from "#contract/topics"
import type { Watch } from "../surroundings.ts"
import { messageFor, type Output, type OutputDriver, Superseded } from "./output.ts"

/** A part's record waits this long at most for outputs that work, so that the line is told before the disk is busy. */
const settleMs = 50
/** Verdicts one output may owe; the oldest goes first, it is of no use to the line any more. */
const mostWaiting = 64
const closeMs = 2_000

/**
 * All outputs of a station as one. Each has a lane of its own: one that hangs, fails or is away costs its own verdicts
 * and nothing else, is counted, and is told to the hub. What an output has not delivered in time is never sent later
 * by surprise: a late verdict would be taken for the next part's.
 */
export function createOutputs({
  drivers,
  watch,
  run = Date.now(),
}: {
  drivers: readonly OutputDriver[]
  watch: Watch
  /** When this start of the station began; with the number of a verdict it tells receivers which one is the latest. */
  run?: number
}): Output {
  const lanes = drivers.map((driver) => createLane(driver, watch.output(driver.name)))
  let looking = 0
  let seq = 0
  return {
    begin: () => {
      looking += 1
      if (looking === 1) for (const lane of lanes) lane.begin()
    },
    signal: async (part, verdict) => {
      looking = Math.max(0, looking - 1)
      const message = messageFor(part, verdict, { run, seq: ++seq })
      const busy = looking > 0
      const told = lanes.map((lane) => lane.send(message, busy)).filter((promise) => promise !== undefined)
      if (told.length === 0) return
      const { promise: enough, resolve } = Promise.withResolvers<void>()
      const timer = setTimeout(resolve, settleMs)
      await Promise.race([Promise.all(told), enough])
      clearTimeout(timer)
    },
    close: async () => {
      await Promise.all(lanes.map((lane) => lane.close()))
    },
  }
}

function createLane(driver: OutputDriver, health: ReturnType<Watch["output"]>) {
  const waiting: { message: VerdictMessage; busy: boolean; done: () => void }[] = []
  let underWay = 0
  let healthy = true

  function failed(error: unknown) {
    healthy = false
    if (error instanceof Superseded) health.superseded()
    health.failed(error instanceof Error ? error.message : String(error))
  }

  async function deliver(message: VerdictMessage, busy: boolean) {
    const limit = AbortSignal.timeout(driver.limit_ms)
    const late = new Promise<never>((_, reject) =>
      limit.addEventListener("abort", () => reject(new Error(`no answer within ${driver.limit_ms} ms`)), {
        once: true,
      }),
    )
    // The limit may run out when nobody waits for it any more.
    late.catch(() => {})
    try {
      await Promise.race([driver.send(message, { signal: limit, busy }), late])
      healthy = true
      health.sent()
    } catch (error) {
      failed(error)
    }
  }

  function pump() {
    while (underWay < driver.atOnce) {
      const next = waiting.shift()
      if (!next) return
      underWay += 1
      void deliver(next.message, next.busy).then(() => {
        underWay -= 1
        next.done()
        pump()
      })
    }
  }

  return {
    begin: () => {
      // A driver that cannot say "busy" will fail to say the verdict too, and that is counted.
      driver.begin?.().catch(() => {})
    },
    /** A promise to wait for, or undefined where waiting is not worth it: the lane has work or does not work. */
    send: (message: VerdictMessage, busy: boolean): Promise<void> | undefined => {
      const idle = healthy && underWay === 0 && waiting.length === 0
      const { promise, resolve } = Promise.withResolvers<void>()
      waiting.push({ message, busy, done: resolve })
      if (waiting.length > mostWaiting) {
        const oldest = waiting.shift()
        if (oldest) failed(new Error("verdicts come faster than the output takes them"))
      }
      pump()
      return idle ? promise : undefined
    },
    close: async () => {
      const enough = Bun.sleep(closeMs)
      const empty = async () => {
        while (underWay > 0 || waiting.length > 0) await Bun.sleep(10)
        await driver.close?.()
      }
      await Promise.race([empty().catch((error: unknown) => failed(error)), enough])
    },
  }
}
