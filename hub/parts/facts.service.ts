import type { Events } from "#platform/events"
import type { PartsStore } from "./parts.store.ts"

/** Some milliseconds of work. */
const slice = 200
/** A burst is let pass, but not for ever. */
const quietMs = 500
const longestBurstMs = 5_000
/** Of ten moments nine are for what comes in. */
const restRatio = 9
/** What somebody who asks takes along at most. */
const mostAsked = 3

/**
 * Keeps what is asked of parts up to date, beside the way of the parts themselves: an acknowledgement waits for none of
 * these indexes. Behind a line in full swing it falls back, and catches up when there is room.
 */
export function createPartFacts({
  store,
  events,
}: {
  store: Pick<PartsStore, "follow">
  events: Pick<Events, "listen">
}) {
  let timer: ReturnType<typeof setTimeout> | undefined
  let off: (() => void) | undefined
  let [began, last] = [0, 0]
  const wait = (ms: number) => {
    timer = setTimeout(look, ms)
  }
  function look(): void {
    const now = performance.now()
    if (now - last < quietMs && now - began < longestBurstMs) wait(quietMs)
    else work()
  }
  function work(): void {
    timer = undefined
    const begin = performance.now()
    if (store.follow(slice) === slice) timer = setTimeout(work, restRatio * (performance.now() - begin))
  }
  return {
    start(): void {
      off = events.listen("part_facts", ({ type }) => {
        if (type !== "inspection") return
        last = performance.now()
        if (timer) return
        began = last
        wait(quietMs)
      })
      work()
    },
    stop(): void {
      off?.()
      clearTimeout(timer)
    },
    /** What has just come in is found at once: whoever asks takes some of what is waiting along. */
    follow(): void {
      for (let i = 0; i < mostAsked && store.follow(slice) === slice; i++);
    },
  }
}
export type PartFacts = ReturnType<typeof createPartFacts>
