import type { Audit } from "#platform/audit"
import type { Clock } from "#platform/clock"
import type { Events } from "#platform/events"
import type { Ids } from "#platform/ids"
import type { Sqlite } from "#platform/sqlite"
import type { PassHolder } from "./author.ts"
import { createFlowRoutes } from "./flow.routes.ts"
import { createFlow, type FlowDeps } from "./flow.service.ts"
import { createFlowStore } from "./flow.store.ts"
import { createLabellingRoutes } from "./labelling.routes.ts"
import { createLabelling, type LabellingDeps } from "./labelling.service.ts"
import { createLabellingStore } from "./labelling.store.ts"
import { createLooks, type LooksDeps } from "./looks.service.ts"
import { createLooksStore } from "./looks.store.ts"
import { createPresence } from "./presence.service.ts"
import { createQueueRoutes } from "./queue.routes.ts"
import { createQueue, type QueueDeps } from "./queue.service.ts"
import { createReviewRoutes } from "./review.routes.ts"
import { createReviews } from "./review.service.ts"
import { createReviewStore } from "./review.store.ts"
import { createStandings } from "./standing.service.ts"
import { createSuspects } from "./suspect.service.ts"

/** The domain of judgements: the queue and labels, what people do with parts beside it, blind looks and reviews. */
export function createLabellingDomain(deps: {
  db: Sqlite
  inspections: LabellingDeps["inspections"] & LooksDeps["inspections"] & QueueDeps["inspections"]
  hasKind: (key: string) => boolean
  setups: LabellingDeps["setups"]
  help: LabellingDeps["help"]
  /** The newest version of the criteria. */
  criteria: () => number
  people: FlowDeps["people"]
  passHolder: PassHolder
  audit: Audit
  events: Events
  clock: Clock
  ids: Ids
}) {
  const { db, inspections, clock, events, passHolder } = deps
  const store = createLabellingStore(db)
  const reviewStore = createReviewStore(db)
  const looksStore = createLooksStore(db)
  const flowStore = createFlowStore(db)
  const queue = createQueue({ ...deps, labels: store })
  const looks = createLooks({ ...deps, store: looksStore, queue })
  const flow = createFlow({ ...deps, store: flowStore, leases: store, isBlind: looks.isBlind })
  const standings = createStandings({
    store: reviewStore,
    looks: looksStore,
    plan: looks.plan,
    setQueue: inspections.setQueue,
    rankOf: inspections.rankOf,
    clock,
  })
  const labelling = createLabelling({
    ...deps,
    store,
    queue,
    flow: flowStore,
    reviews: reviewStore,
    looks,
    standings,
  })
  const presence = createPresence({ holders: store.holders, clock, events })
  const suspects = createSuspects({ db, labels: store, standings: reviewStore, events, clock })
  const reviews = createReviews({
    db,
    store: reviewStore,
    looks,
    standings,
    suspects,
    labelling,
    presence,
    view: inspections.view,
    events,
    clock,
  })
  return {
    labelling,
    queue,
    looks,
    reviews,
    suspects,
    routes: [
      createLabellingRoutes({ labelling, passHolder }),
      createQueueRoutes(queue),
      createFlowRoutes({ flow, labelling, passHolder }),
      createReviewRoutes({ reviews, looks, presence }),
    ],
  }
}
