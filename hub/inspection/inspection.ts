import type { Blobs } from "#platform/blobs"
import type { Clock } from "#platform/clock"
import type { DiskSpace } from "#platform/disk-space"
import type { Events } from "#platform/events"
import type { GroupCommit } from "#platform/group-commit"
import type { Log } from "#platform/log"
import type { Sqlite } from "#platform/sqlite"
import { createIngest, type SniffImage } from "./ingest.service.ts"
import { createInspectionRoutes } from "./inspection.routes.ts"
import { createInspections, type MakeThumbnail } from "./inspection.service.ts"
import { createInspectionStore } from "./inspection.store.ts"

/** The domain of inspections: taking them in, keeping them, showing them. */
export function createInspectionDomain(deps: {
  db: Sqlite
  commits: GroupCommit
  blobs: Blobs
  sniff: SniffImage
  thumbnail: MakeThumbnail
  disk: DiskSpace
  clock: Clock
  events: Events
  log: Log
}) {
  const { db: sqlite, blobs, thumbnail, ...rest } = deps
  const store = createInspectionStore({ sqlite })
  const inspections = createInspections({ store, blobs, thumbnail })
  const ingest = createIngest({ store, blobs, ...rest })
  return { store, inspections, ingest, routes: createInspectionRoutes({ inspections }) }
}
