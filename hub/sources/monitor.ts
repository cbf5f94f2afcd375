import type { SourceCounts, SourceMessage, SourceOutcome } from "#contract/source"
import type { Clock } from "#platform/clock"
import type { Events } from "#platform/events"
import type { GroupCommit } from "#platform/group-commit"
import type { Log } from "#platform/log"
import type { SourceStore, Trouble } from "./source.store.ts"

const keptMessages = 30
const minute = 60_000
const tellMs = 500
const writeMs = 2_000

type Live = {
  messages: SourceMessage[]
  counts: SourceCounts
  /** Arrivals per second of the last minute, newest last. */
  seconds: { at: number; count: number }[]
  seenAt: number | undefined
  trouble: Trouble | undefined
  connected: number
  dirty: boolean
}

/** How each outcome is counted; halves count when their pair is stored. */
const countedAs: Partial<Record<SourceOutcome, keyof SourceCounts>> = {
  stored: "stored",
  repeated: "repeated",
  replaced: "repeated",
  ignored: "ignored",
  quarantined: "quarantined",
  refused: "refused",
}

/**
 * What people see of each source while it sends: the last messages and what became of them, rate, counts, trouble.
 * Lives in memory, a few dozen messages per source; counts and last trouble are written every few seconds.
 */
export function createMonitor({
  store,
  commits,
  clock,
  events,
  log,
}: {
  store: SourceStore
  commits: GroupCommit
  clock: Clock
  events: Events
  log: Log
}) {
  const sources = new Map<string, Live>()
  const telling = new Map<string, ReturnType<typeof setTimeout>>()
  let writing: ReturnType<typeof setTimeout> | undefined
  let counter = 0

  const liveOf = (id: string): Live => {
    const known = sources.get(id)
    if (known) return known
    const stored = store.get(id)
    const live: Live = {
      messages: [],
      counts: stored?.counts ?? { stored: 0, repeated: 0, ignored: 0, quarantined: 0, refused: 0 },
      seconds: [],
      seenAt: stored?.seenAt,
      trouble: stored?.trouble,
      connected: 0,
      dirty: false,
    }
    sources.set(id, live)
    return live
  }

  /** Screens read again at most twice a second, however fast a camera is. */
  const tell = (id: string) => {
    if (telling.has(id)) return
    telling.set(
      id,
      setTimeout(() => {
        telling.delete(id)
        events.announce("source", { id })
      }, tellMs),
    )
  }

  const write = (): void => {
    for (const [id, live] of sources) {
      if (!live.dirty) continue
      live.dirty = false
      store.setSeen(id, live.seenAt, live.counts, live.trouble)
    }
  }
  const writeSoon = () => {
    writing ??= setTimeout(() => {
      writing = undefined
      commits.commit(write).catch((error) => log.warn("counts_not_written", { error: String(error) }))
    }, writeMs)
  }

  const touch = (id: string, live: Live) => {
    live.dirty = true
    writeSoon()
    tell(id)
  }

  return {
    /** Notes one message and what became of it. */
    note: (id: string, message: Omit<SourceMessage, "n" | "at">): void => {
      const live = liveOf(id)
      const at = clock.now()
      live.messages.push({ n: ++counter, at, ...message })
      if (live.messages.length > keptMessages) live.messages.shift()
      const counted = countedAs[message.st]
      if (counted) live.counts = { ...live.counts, [counted]: live.counts[counted] + 1 }
      live.seenAt = at
      const second = at - (at % 1000)
      const last = live.seconds.at(-1)
      if (last?.at === second) last.count += 1
      else live.seconds.push({ at: second, count: 1 })
      while (live.seconds[0] && live.seconds[0].at <= at - minute) live.seconds.shift()
      if (["quarantined", "refused", "later"].includes(message.st))
        live.trouble = { at, code: message.code ?? message.st, detail: message.detail ?? "" }
      else if (message.st === "stored") live.trouble = undefined
      touch(id, live)
    },
    /** Something is wrong that no message tells. */
    trouble: (id: string, code: string, detail: string): void => {
      const live = liveOf(id)
      live.trouble = { at: clock.now(), code, detail }
      touch(id, live)
    },
    /** That trouble is over. */
    recovered: (id: string, code: string): void => {
      const live = liveOf(id)
      if (live.trouble?.code !== code) return
      live.trouble = undefined
      touch(id, live)
    },
    connected: (id: string, change: 1 | -1): void => {
      const live = liveOf(id)
      live.connected += change
      tell(id)
    },
    tell,
    /** Another camera begins under this name. */
    forget: (id: string): void => void sources.delete(id),
    of: (id: string) => {
      const live = liveOf(id)
      const since = clock.now() - minute
      const per_minute = live.seconds.filter(({ at }) => at > since).reduce((sum, s) => sum + s.count, 0)
      return { ...live, per_minute }
    },
    /** Newest first. */
    messages: (id: string): SourceMessage[] => liveOf(id).messages.toReversed(),
    close: (): void => {
      clearTimeout(writing)
      for (const timer of telling.values()) clearTimeout(timer)
      telling.clear()
      write()
    },
  }
}
export type Monitor = ReturnType<typeof createMonitor>
