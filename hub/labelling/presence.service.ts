import type { Presence } from "#contract/review"
import type { User } from "#contract/users"
import type { Clock } from "#platform/clock"
import type { Events } from "#platform/events"
import { isReviewer } from "./standing.service.ts"

/** A screen that shows a part says so again before this has passed; one that was closed is soon forgotten. */
const watchingMs = 45_000

export type PresenceDeps = {
  /** Who holds which part by a lease; `blind` ones are nobody else's business. */
  holders: (now: number) => {
    inspection_id: string
    user_id: string
    name: string
    blind: number
    drawn_at: number
    ends_at: number
  }[]
  clock: Clock
  events: Events
}

/**
 * Who is on which part. People who label hold a lease, which lasts; people who look at a part on another screen are
 * kept in memory alone: it is worth nothing after a restart.
 */
export function createPresence({ holders, clock, events }: PresenceDeps) {
  const watching = new Map<string, Presence>()

  const forget = (now: number) => {
    for (const [session, { until }] of watching) if (until <= now) watching.delete(session)
  }

  return {
    /** Says which part a session's screen shows; null: none any more. */
    watch(user: User, sessionId: string, inspectionId: string | null): void {
      const now = clock.now()
      const known = watching.get(sessionId)
      forget(now)
      if (inspectionId === null) watching.delete(sessionId)
      else
        watching.set(sessionId, {
          inspection_id: inspectionId,
          by: { id: user.id, name: user.name },
          doing: "looking",
          since: known?.inspection_id === inspectionId ? known.since : now,
          until: now + watchingMs,
        })
      if (known?.inspection_id !== (inspectionId ?? undefined)) events.announce("presence", {})
    },
    /** Everybody who is on a part now. Workers are told of nobody's blind look but their own. */
    list(viewer: User): Presence[] {
      const now = clock.now()
      forget(now)
      const labelling = holders(now)
        .filter(({ blind, user_id }) => blind === 0 || user_id === viewer.id || isReviewer(viewer))
        .map(
          (row): Presence => ({
            inspection_id: row.inspection_id,
            by: { id: row.user_id, name: row.name },
            doing: "labelling",
            since: row.drawn_at,
            until: row.ends_at,
          }),
        )
      return [...labelling, ...watching.values()]
    },
  }
}
export type PresenceService = ReturnType<typeof createPresence>
