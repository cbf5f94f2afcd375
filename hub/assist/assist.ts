import type { Prelabel } from "#contract/assist"
import type { InspectionView, QueueReason, StoredImage } from "#contract/labelling"
import type { AssistOperations, BackboneFiles } from "#models/assist/protocol"
import type { Asker } from "#models/infer/asker"
import type { InferChild } from "#models/infer/child"
import type { Audit } from "#platform/audit"
import type { Blobs } from "#platform/blobs"
import type { Calm } from "#platform/calm"
import type { Clock } from "#platform/clock"
import type { Events } from "#platform/events"
import type { Ids } from "#platform/ids"
import type { Log } from "#platform/log"
import type { Shelf } from "#platform/shelf"
import type { Sqlite } from "#platform/sqlite"
import { createAssistRoutes } from "./assist.routes.ts"
import { createCoverages } from "./coverage.service.ts"
import { createEmbeddings } from "./embedding.service.ts"
import { createEmbeddingStore } from "./embedding.store.ts"
import { openEncodedCache } from "./encoded-cache.ts"
import { createHelpRoutes } from "./help.routes.ts"
import type { Help } from "./help.service.ts"
import { createPrelabels } from "./prelabel.service.ts"
import { createPrelabelStore } from "./prelabel.store.ts"
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
  /** Opens a process that lets models look at parts, at the lowest priority. */
  judge: () => InferChild
  /** Searches the database at this path. */
  similar: (database: string) => Asker<SimilarOperations>
}

/** Help for people who judge, put together: parts that look alike. */
export function createAssistDomain({
  db,
  blobs,
  events,
  calm,
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
  shelf,
  encodedBytes,
  help,
  inspection,
  champion,
  demandModel,
  setQueue,
  waitingLines,
  spread,
  servers,
}: {
  db: Sqlite
  blobs: Blobs
  audit: Audit
  clock: Clock
  ids: Ids
  image: (sha256: string) => StoredImage | undefined
  /** Where encoders' work is kept, and how much of it. */
  encodedFolder: string
  shelf: Shelf
  encodedBytes: number
  help: Help
  /** Throws `not_found`. */
  inspection: (id: string) => InspectionView
  /** Digest of the model on the line. */
  champion: () => string | null
  /** Throws `not_found` for a model nobody has registered. */
  demandModel: (digest: string) => unknown
  /** Moves a part in the queue. */
  setQueue: (id: string, reason: QueueReason) => void
  /** Lines of which parts wait that nobody has judged. */
  waitingLines: () => string[]
  /** Marks the waiting parts of a line that look unlike what has been judged, and how early each was picked. */
  spread: (line: string, picks: ReadonlyMap<number, number>) => void
  /** What model servers say of a part. */
  servers: (inspection: string) => Prelabel[]
  events: Events
  calm: Calm
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
    calm,
    log,
    child: isSearched ? ports?.background : undefined,
    backbone,
    onMade: () => coverages.poke(),
  })
  const searcher = isSearched ? ports?.similar(database) : undefined
  const similar = createSimilar({ embeddings, child: searcher, view, idOf: store.idOf })
  const coverages = createCoverages({
    db,
    child: searcher,
    space: embeddings.space,
    lines: waitingLines,
    spread,
    events,
    clock,
    ids,
    log,
  })
  let cache: ReturnType<typeof openEncodedCache> | undefined
  const segmenters = createSegmenters({
    db,
    store: createSegmenterStore(db),
    blobs,
    shelf,
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
  const prelabels = createPrelabels({
    db,
    store: createPrelabelStore(db),
    blobs,
    events,
    calm,
    audit,
    clock,
    log,
    openJudge: ports?.judge,
    champion,
    demandModel,
    setQueue,
  })
  return {
    embeddings,
    coverages,
    segmenters,
    prelabels,
    help,
    routes: createAssistRoutes({ embeddings, similar, coverages })
      .route("/", createSegmenterRoutes(segmenters))
      .route("/", createHelpRoutes({ help, prelabels, servers, inspection })),
    /** Processes that are running, for health reports. */
    pids: () => ({
      background: ports?.background.pid(),
      similar: searcher?.pid(),
      prompt: ports?.prompt.pid(),
    }),
    start() {
      embeddings.start()
      coverages.start()
      prelabels.start()
    },
    async stop() {
      await prelabels.stop()
      await embeddings.stop()
      await coverages.stop()
      await similar.close()
      await segmenters.close()
    },
  }
}
