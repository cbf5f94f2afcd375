import type { InspectionView } from "#contract/labelling"
import type { AssistOperations, BackboneFiles } from "#models/assist/protocol"
import type { Asker } from "#models/infer/asker"
import type { Blobs } from "#platform/blobs"
import type { Events } from "#platform/events"
import type { Log } from "#platform/log"
import type { Sqlite } from "#platform/sqlite"
import { createAssistRoutes } from "./assist.routes.ts"
import { createEmbeddings } from "./embedding.service.ts"
import { createEmbeddingStore } from "./embedding.store.ts"
import { createSimilar } from "./similar.service.ts"
import type { SimilarOperations } from "./similar.worker.ts"

/** The processes that help people judge. A hub without them works; its people work without help. */
export type AssistPorts = {
  /** Lowest priority: what nobody waits for. */
  background: Asker<AssistOperations>
  /** Searches the database at this path. */
  similar: (database: string) => Asker<SimilarOperations>
}

/** Help for people who judge, put together: parts that look alike. */
export function createAssistDomain({
  db,
  blobs,
  events,
  log,
  database,
  ports,
  backbone,
  view,
}: {
  db: Sqlite
  blobs: Blobs
  events: Events
  log: Log
  /** Path of the database, for the process that searches it. */
  database: string
  ports: AssistPorts | undefined
  backbone: BackboneFiles | undefined
  view: (id: string) => InspectionView | undefined
}) {
  const store = createEmbeddingStore(db)
  const embeddings = createEmbeddings({ store, blobs, events, log, child: ports?.background, backbone })
  const searcher = ports?.similar(database)
  const similar = createSimilar({ embeddings, child: searcher, view, idOf: store.idOf })
  return {
    embeddings,
    routes: createAssistRoutes({ embeddings, similar }),
    /** Processes that are running, for health reports. */
    pids: () => ({ background: ports?.background.pid(), similar: searcher?.pid() }),
    start: embeddings.start,
    async stop() {
      await embeddings.stop()
      await similar.close()
    },
  }
}
