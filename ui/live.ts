import { signal } from "@preact/signals"
import { type LiveEventType, liveEvents } from "#contract/rollout"

type Listener = (data: string) => void

/**
 * The one event stream of the tablet. Screens ask for event types and re-read what they show; `inspection` carries
 * its data. EventSource resumes by Last-Event-ID itself; after a refused connection it gives up (readyState CLOSED),
 * so we open a new one, slower each time up to 15 s, and wake every listener once, because events may be missed.
 */
export function createLive(deps: { url: string; open: (url: string) => EventSource }) {
  const connected = signal(false)
  const listeners = new Map<LiveEventType, Set<Listener>>(liveEvents.map((type) => [type, new Set()]))
  let source: EventSource | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  let failures = 0
  let missed = false

  function start(): void {
    if (source) return
    const opened = deps.open(deps.url)
    source = opened
    opened.onopen = () => {
      connected.value = true
      failures = 0
      if (missed) wakeAll()
      missed = false
    }
    opened.onerror = () => {
      connected.value = false
      missed = true
      if (opened.readyState !== EventSource.CLOSED) return
      close()
      failures += 1
      timer = setTimeout(start, Math.min(15_000, 500 * 2 ** failures))
    }
    // The hub says so when the gap since our last event is longer than what it remembers.
    opened.addEventListener("resync", wakeAll)
    for (const [type, set] of listeners)
      opened.addEventListener(type, (event: MessageEvent<string>) => {
        for (const listener of set) listener(event.data)
      })
  }

  /** Events were lost: everybody reads again. */
  function wakeAll(): void {
    for (const set of listeners.values()) for (const listener of set) listener("")
  }

  function close(): void {
    source?.close()
    source = undefined
    connected.value = false
    clearTimeout(timer)
  }

  return {
    connected,
    start,
    stop: close,
    /** `data` is the event's JSON text, or empty after a gap. Returns how to stop listening. */
    on(types: readonly LiveEventType[], listener: Listener): () => void {
      for (const type of types) listeners.get(type)?.add(listener)
      return () => {
        for (const type of types) listeners.get(type)?.delete(listener)
      }
    },
  }
}
export type Live = ReturnType<typeof createLive>
