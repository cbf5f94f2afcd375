import type { Log } from "./log.ts"

/**
 * Runs `work` once, `quietMs` after the first poke of a burst: announcements come in swarms, and one look after a swarm
 * sees it all. A `work` that throws is logged by its name, like a listener; the next poke tries again.
 */
export function createAfterBurst(options: { name: string; quietMs: number; log: Log; work: () => void }) {
  const { name, quietMs, log, work } = options
  let timer: ReturnType<typeof setTimeout> | undefined
  const look = () => {
    timer = undefined
    try {
      work()
    } catch (error) {
      log.error("work_failed", { name, error: String(error) })
    }
  }
  return {
    poke: (): void => {
      timer ??= setTimeout(look, quietMs)
    },
    stop: (): void => {
      clearTimeout(timer)
      timer = undefined
    },
  }
}
