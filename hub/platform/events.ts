import type { LiveEventType } from "#contract/rollout"
import type { Log } from "./log.ts"

/** Something that has been committed. `data` must be JSON. */
export type HubEvent = { cursor: number; type: LiveEventType; data: unknown }

/**
 * In-process announcements, made only after commit: correctness never depends on them.
 * A failing listener is logged with its name and does not stop the others. The last `keep` events
 * are held so that a tablet that slept catches up by cursor.
 */
export type Events = {
  announce(type: LiveEventType, data: unknown): void
  listen(name: string, listener: (event: HubEvent) => void): () => void
  /** Events after `cursor`, or null when it is too old (or from another start) to tell. */
  since(cursor: number): HubEvent[] | null
  cursor(): number
}

export function createEvents({ log, keep = 512 }: { log: Log; keep?: number }): Events {
  const listeners = new Map<symbol, { name: string; listener: (event: HubEvent) => void }>()
  const recent: HubEvent[] = []
  let cursor = 0
  return {
    announce(type, data) {
      const event: HubEvent = { cursor: ++cursor, type, data }
      recent.push(event)
      if (recent.length > keep) recent.shift()
      for (const { name, listener } of [...listeners.values()]) {
        try {
          listener(event)
        } catch (error) {
          log.error("listener_failed", { name, type, error: String(error) })
        }
      }
    },
    listen(name, listener) {
      const key = Symbol(name)
      listeners.set(key, { name, listener })
      return () => void listeners.delete(key)
    },
    since(from) {
      if (from > cursor) return null
      const oldest = recent[0]?.cursor ?? cursor + 1
      if (from + 1 < oldest && from < cursor) return null
      return recent.filter((e) => e.cursor > from)
    },
    cursor: () => cursor,
  }
}
