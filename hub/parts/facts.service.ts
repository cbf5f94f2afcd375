import type { Events } from "#platform/events"
import type { PartsStore } from "./parts.store.ts"

/** Some milliseconds of work. */
const slice = 200
/** After the first part of a burst. */
const soonMs = 250
/** Of ten moments nine are for what comes in. */
const restRatio = 9

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
  function work(): void {
    timer = undefined
    const begin = performance.now()
    if (store.follow(slice) < slice) return
    timer = setTimeout(work, restRatio * (performance.now() - begin))
  }
  return {
    start(): void {
      off = events.listen("part_facts", ({ type }) => {
        if (type === "inspection") timer ??= setTimeout(work, soonMs)
      })
      work()
    },
    stop(): void {
      off?.()
      clearTimeout(timer)
    },
    /** What has just come in is found at once: whoever asks takes the next slice along. */
    follow: (): void => void store.follow(slice),
  }
}
export type PartFacts = ReturnType<typeof createPartFacts>
