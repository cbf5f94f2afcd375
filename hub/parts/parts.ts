import type { InspectionView, LabelRevision } from "#contract/labelling"
import type { User } from "#contract/users"
import type { Audit } from "#platform/audit"
import type { Clock } from "#platform/clock"
import type { Events } from "#platform/events"
import type { Log } from "#platform/log"
import type { Sqlite } from "#platform/sqlite"
import { createPartActions } from "./actions.service.ts"
import { createPartActionStore } from "./actions.store.ts"
import { createDeeds, type DeedsDeps } from "./deeds.service.ts"
import { createPartFacts } from "./facts.service.ts"
import { createPartHistories, type PartHistoriesDeps } from "./history.service.ts"
import { createPartHistoryStore } from "./history.store.ts"
import { createPartRoutes } from "./parts.routes.ts"
import { createParts } from "./parts.service.ts"
import { createPartsStore } from "./parts.store.ts"
import { createPartTable } from "./table.service.ts"
import { createPartViews } from "./views.service.ts"
import { createPartViewStore } from "./views.store.ts"

/** The data manager: parts found by a filter, one part's whole history, and one thing done to many. */
export function createPartsDomain(deps: {
  db: Sqlite
  view: (id: string) => InspectionView | undefined
  inspections: DeedsDeps["inspections"]
  labelling: DeedsDeps["labelling"] & { revisions(id: string): LabelRevision[] }
  hasKind: DeedsDeps["hasKind"]
  dataset: DeedsDeps["dataset"] & PartHistoriesDeps["dataset"]
  person: (id: string) => User | undefined
  audit: Audit
  events: Events
  clock: Clock
  log: Log
}) {
  const { db, view, dataset, labelling } = deps
  const actionStore = createPartActionStore(db)
  const store = createPartsStore(db)
  const facts = createPartFacts({ ...deps, store })
  const parts = createParts({ ...deps, store, facts, datasets: dataset.named })
  const actions = createPartActions({ ...deps, store: actionStore, parts, deeds: createDeeds(deps) })
  const histories = createPartHistories({
    store: createPartHistoryStore(db),
    actions: actionStore,
    view,
    revisions: labelling.revisions,
    dataset,
  })
  const views = createPartViews({ ...deps, store: createPartViewStore(db) })
  const table = createPartTable({ parts })
  return {
    parts,
    actions,
    routes: createPartRoutes({ parts, views, actions, histories, table }),
    start: () => {
      facts.start()
      actions.resume()
    },
    stop: async () => {
      facts.stop()
      await actions.stop()
    },
  }
}
