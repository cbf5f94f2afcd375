import type { LabelStats, QueueReason } from "#contract/labelling"
import type { User } from "#contract/users"
import type { Clock } from "#platform/clock"
import type { LabellingStore } from "./labelling.store.ts"
import { dayOf } from "./revision.service.ts"

export type NumbersDeps = {
  store: Pick<LabellingStore, "tallied" | "kinds">
  inspections: { waiting(): { reason: QueueReason; waiting: number }[] }
  clock: Clock
}

/** Of both looks together. */
function byReason(waiting: readonly { reason: QueueReason; waiting: number }[]): Record<string, number> {
  const sums: Partial<Record<QueueReason, number>> = {}
  for (const { reason, waiting: count } of waiting) sums[reason] = (sums[reason] ?? 0) + count
  return sums
}

/** How much waits, and how much has been done. */
export function createNumbers({ store, inspections, clock }: NumbersDeps) {
  return {
    /** The queue and the day in numbers; "today" is the day of the hub's time zone. */
    stats(user: User): LabelStats {
      const waiting = inspections.waiting()
      const today = store.tallied(dayOf(clock.now()), user.id)
      return {
        waiting: waiting.reduce((sum, w) => sum + w.waiting, 0),
        waiting_by_reason: byReason(waiting),
        labelled: store.tallied("", "").everyone,
        labelled_today: today.everyone,
        mine_today: today.mine,
        by_kind: Object.fromEntries(store.kinds().map(({ kind, labels }) => [kind, labels])),
      }
    },

    /** Figures of everyone together, for the first screen. */
    totals(): { waiting: number; labelledToday: number } {
      return {
        waiting: inspections.waiting().reduce((sum, w) => sum + w.waiting, 0),
        labelledToday: store.tallied(dayOf(clock.now()), "").everyone,
      }
    },
  }
}
