import { Problem } from "#contract/problem"
import type { LabelSetup, NewLabelSetup } from "#contract/questions"
import { plainSetup } from "#contract/setups"
import type { Actor, Audit } from "#platform/audit"
import type { Clock } from "#platform/clock"
import type { Events } from "#platform/events"
import type { Sqlite } from "#platform/sqlite"
import { createLabelSetupStore } from "./label-setup.store.ts"

export type LabelSetups = ReturnType<typeof createLabelSetups>

/** Which tools and questions people on each product have. Every change is a new revision and audited. */
export function createLabelSetups(deps: {
  db: Sqlite
  audit: Audit
  clock: Clock
  events: Pick<Events, "announce">
}) {
  const { db, audit, clock, events } = deps
  const store = createLabelSetupStore(db)
  return {
    /** The setup of all products, and those of products that have one of their own. */
    list(): LabelSetup[] {
      const stored = store.all()
      return stored.some(({ product }) => product === null) ? stored : [plainSetup, ...stored]
    },
    /** Throws `conflict` when somebody has changed it meanwhile. */
    put(by: Actor, asked: NewLabelSetup): LabelSetup {
      const made = db.transaction(() => {
        const before = store.newest(asked.product)
        if ((before?.revision ?? 0) !== asked.revision)
          throw new Problem("conflict", "label_setup_changed", "somebody has changed it meanwhile", {
            revision: before?.revision ?? 0,
          })
        const added = { ...asked, revision: asked.revision + 1, changed_at: clock.now() }
        store.insert(added)
        audit.record({
          by,
          action: "label_setup.change",
          subject: `label_setup:${asked.product ?? "all"}`,
          before: before ?? null,
          after: added,
        })
        return added
      })
      events.announce("catalogue", { key: made.product ?? "label_setup" })
      return made
    },
  }
}
