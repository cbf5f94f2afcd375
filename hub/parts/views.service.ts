import { parseFilter } from "#contract/part-filter"
import type { NewPartView, PartView } from "#contract/parts"
import { Problem } from "#contract/problem"
import { roles, type User } from "#contract/users"
import type { Audit } from "#platform/audit"
import type { Clock } from "#platform/clock"
import type { Sqlite } from "#platform/sqlite"
import type { PartViewStore } from "./views.store.ts"

const mostOwn = 200

/** Filters that people keep, for themselves or for everybody. */
export function createPartViews({
  db,
  store,
  audit,
  clock,
}: {
  db: Sqlite
  store: PartViewStore
  audit: Audit
  clock: Clock
}) {
  const isEngineer = (user: User) => roles.indexOf(user.role) >= roles.indexOf("engineer")
  /** Their own, and of others those that are shared, by engineers. */
  function demandMayChange(user: User, view: PartView): void {
    if (view.by.id === user.id || (view.shared && isEngineer(user))) return
    throw new Problem("forbidden", "parts_view_other", "this view belongs to somebody else")
  }
  return {
    /** One's own, then everybody's. */
    list: (user: User): PartView[] => store.seenBy(user.id),

    /** Makes or changes one. Throws `invalid`, `forbidden`, `conflict`. */
    put(user: User, id: string, view: NewPartView): PartView {
      const read = parseFilter(view.filter)
      if ("fault" in read)
        throw new Problem("invalid", `parts_filter_${read.fault.code}`, "this filter is not understood", {
          at: read.fault.at,
          length: read.fault.length,
          word: read.fault.word,
        })
      return db.transaction(() => {
        const before = store.get(id)
        if (before) demandMayChange(user, before)
        else if (store.countOf(user.id) >= mostOwn)
          throw new Problem("conflict", "parts_view_many", "delete a view first; there are too many", {
            most: mostOwn,
          })
        store.put({ ...view, id, user: user.id, at: clock.now() })
        if (view.shared || before?.shared)
          audit.record({
            by: user,
            action: "part_view.put",
            subject: `part_view:${id}`,
            before: before ? { name: before.name, filter: before.filter, shared: before.shared } : null,
            after: { name: view.name, filter: view.filter, shared: view.shared },
          })
        return store.get(id)!
      })
    },

    /** Deleting what is gone is done. */
    drop(user: User, id: string): void {
      db.transaction(() => {
        const before = store.get(id)
        if (!before) return
        demandMayChange(user, before)
        store.drop(id)
        if (before.shared)
          audit.record({
            by: user,
            action: "part_view.drop",
            subject: `part_view:${id}`,
            before: { name: before.name, filter: before.filter },
            after: null,
          })
      })
    },
  }
}
export type PartViews = ReturnType<typeof createPartViews>
