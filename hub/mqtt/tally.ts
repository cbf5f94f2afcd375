import type { DoorCount, DoorReason } from "#contract/security"
import type { Clock } from "#platform/clock"
import type { Log } from "#platform/log"

/** At most one line of the log per reason in this time: whoever floods the door must not flood the disk. */
const quietMs = 10_000

/** Counts what the broker turned away or slowed down, by reason; says so in the log without being drowned. */
export function createTally({ clock, log }: { clock: Clock; log: Log }) {
  const counts = new Map<DoorReason, DoorCount & { saidAt: number; unsaid: number }>()
  return {
    /** `from` is a device id or an address; `detail` goes to the log only. */
    note: (reason: DoorReason, from: string, detail: Record<string, string | number> = {}): void => {
      const now = clock.now()
      const known = counts.get(reason) ?? {
        reason,
        count: 0,
        last_at: now,
        last_from: "",
        saidAt: Number.NEGATIVE_INFINITY,
        unsaid: 0,
      }
      known.count += 1
      known.unsaid += 1
      known.last_at = now
      known.last_from = from.slice(0, 64)
      if (Math.abs(now - known.saidAt) >= quietMs) {
        log.warn("turned_away", { reason, from: known.last_from, times: known.unsaid, ...detail })
        known.saidAt = now
        known.unsaid = 0
      }
      counts.set(reason, known)
    },
    /** Most frequent first. */
    counts: (): DoorCount[] =>
      [...counts.values()]
        .map(({ reason, count, last_at, last_from }) => ({ reason, count, last_at, last_from }))
        .sort((a, b) => b.count - a.count),
  }
}
export type Tally = ReturnType<typeof createTally>
