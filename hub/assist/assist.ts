import type { InspectionView, StoredImage } from "#contract/labelling"
import type { AssistOperations, BackboneFiles } from "#models/assist/protocol"
import type { Asker } from "#models/infer/asker"
import type { Audit } from "#platform/audit"
import type { Blobs } from "#platform/blobs"
import type { Clock } from "#platform/clock"
import type { Events } from "#platform/events"
import type { Ids } from "#platform/ids"
import type { Log } from "#platform/log"
import type { Sqlite } from "#platform/sqlite"
import { createAssistRoutes } from "./assist.routes.ts"
import { createEmbeddings } from "./embedding.service.ts"
import { createEmbeddingStore } from "./embedding.store.ts"
import { openEncodedCache } from "./encoded-cache.ts"
import { createSegmenterRoutes } from "./segmenter.routes.ts"
import { createSegmenters } from "./segmenter.service.ts"
import { createSegmenterStore } from "./segmenter.store.ts"
import { createSimilar } from "./similar.service.ts"
import type { SimilarOperations } from "./similar.worker.ts"

/** The processes that help people judge. A hub without them works; its people work without help. */
export type AssistPorts = {
  /** Lowest priority: what nobody waits for. */
  background: Asker<AssistOperations>
  /** Somebody waits for it. */
  prompt: Asker<AssistOperations>
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
  similar: isSearched,
  backbone,
  view,
  image,
  audit,
  clock,
  ids,
  encodedFolder,
  encodedBytes,
}: {
  db: Sqlite
  blobs: Blobs
  audit: Audit
  clock: Clock
  ids: Ids
  image: (sha256: string) => StoredImage | undefined
  /** Where encoders' work is kept, and how much of it. */
  encodedFolder: string
  encodedBytes: number
  events: Events
  log: Log
  /** Path of the database, for the process that searches it. */
  database: string
  ports: AssistPorts | undefined
  /** Whether pictures are looked at in the background. */
  similar: boolean
  backbone: BackboneFiles | undefined
  view: (id: string) => InspectionView | undefined
}) {
  const store = createEmbeddingStore(db)
  const embeddings = createEmbeddings({
    store,
    blobs,
    events,
    log,
    child: isSearched ? ports?.background : undefined,
    backbone,
  })
  const searcher = isSearched ? ports?.similar(database) : undefined
  const similar = createSimilar({ embeddings, child: searcher, view, idOf: store.idOf })
  let cache: ReturnType<typeof openEncodedCache> | undefined
  const segmenters = createSegmenters({
    db,
    store: createSegmenterStore(db),
    blobs,
    audit,
    clock,
    ids,
    child: ports?.prompt,
    cache: () => {
      cache ??= openEncodedCache({ folder: encodedFolder, most: encodedBytes })
      return cache
    },
    image,
  })
  return {
    embeddings,
    segmenters,
    routes: createAssistRoutes({ embeddings, similar }).route("/", createSegmenterRoutes(segmenters)),
    /** Processes that are running, for health reports. */
    pids: () => ({
      background: ports?.background.pid(),
      similar: searcher?.pid(),
      prompt: ports?.prompt.pid(),
    }),
    start: embeddings.start,
    async stop() {
      await embeddings.stop()
      await similar.close()
      await segmenters.close()
    },
  }
}
