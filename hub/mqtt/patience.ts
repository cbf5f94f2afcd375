import type { Clock } from "#platform/clock"

/**
 * How many messages of one device may be refused before its connection is cut: each costs a row and an answer. A
 * station with a fault sends a bad one now and then; more than that is a flood.
 */
export function createPatience({
  clock,
  most = 60,
  perMs = 60_000,
}: {
  clock: Clock
  most?: number
  perMs?: number
}) {
  const refused = new Map<string, { since: number; count: number }>()
  return {
    /** Counts a refusal; true when it was one too many within the time. */
    isOver: (device: string): boolean => {
      const now = clock.now()
      const known = refused.get(device)
      const entry = known && Math.abs(now - known.since) < perMs ? known : { since: now, count: 0 }
      entry.count += 1
      refused.set(device, entry)
      return entry.count > most
    },
  }
}
