import type { Audit } from "#platform/audit"
import type { Blobs } from "#platform/blobs"
import type { Clock } from "#platform/clock"
import type { DiskSpace } from "#platform/disk-space"
import type { Events } from "#platform/events"
import type { GroupCommit } from "#platform/group-commit"
import type { Log } from "#platform/log"
import type { Sqlite } from "#platform/sqlite"
import { createArrivalRoutes } from "./arrivals.routes.ts"
import { createArrivals, type StationsOf } from "./arrivals.service.ts"
import { createEviction, type KeepPictures } from "./eviction.service.ts"
import { createEvictionStore } from "./eviction.store.ts"
import { createIngest, type SniffImage } from "./ingest.service.ts"
import { createInspectionRoutes, type Veil } from "./inspection.routes.ts"
import { createInspections, type MakeThumbnail } from "./inspection.service.ts"
import { createInspectionStore } from "./inspection.store.ts"
import { createPyramids, type MakeTiles } from "./pyramids.ts"
import type { Placing } from "./stream.rules.ts"

/** The tiles of an image stand beside its thumbnails, as the one of this size: what goes with them goes with it. */
const wholePyramid = 0

/** The domain of inspections: taking them in, keeping them, showing them. */
export function createInspectionDomain(deps: {
  db: Sqlite
  commits: GroupCommit
  blobs: Blobs
  sniff: SniffImage
  thumbnail: MakeThumbnail
  makeTiles: MakeTiles
  disk: DiskSpace
  clock: Clock
  events: Events
  log: Log
  /** What stations say of themselves, to explain what has not arrived. */
  stations: StationsOf
  audit: Audit
  /** False while the clock may be wrong by much. */
  isTimeSettled: () => boolean
  /** The hub has no time of its own now. */
  isTimeLost: () => boolean
  /** What a person is to see of parts they are judging blind; a later domain knows. */
  veil: Veil
  /** What later domains must keep when room is made. */
  keeps: readonly KeepPictures[]
  /** What decides where a part waits. */
  placing: Placing
}) {
  const {
    db,
    thumbnail,
    makeTiles,
    stations,
    keeps,
    placing,
    audit,
    commits,
    sniff,
    isTimeSettled,
    isTimeLost,
    veil,
    ...rest
  } = deps
  const store = createInspectionStore({ sqlite: db, placing })
  const { blobs, clock } = rest
  blobs.attach(store.place)
  const pyramids = createPyramids({
    blobs,
    makeTiles,
    find: (sha256) => store.thumbnail(sha256, wholePyramid)?.thumb_sha256,
    remember: (sha256, pyramid) =>
      store.insertThumbnail({ sha256, max: wholePyramid, thumb: pyramid, mime: "application/octet-stream" }),
  })
  const evictions = createEvictionStore({ sqlite: db })
  const { evictedAt } = evictions
  const { tile } = pyramids
  const inspections = createInspections({ db, store, evictedAt, audit, clock, blobs, thumbnail, tile })
  const ingest = createIngest({ store, commits, sniff, isTimeLost, ...rest })
  const eviction = createEviction({
    db,
    store: evictions,
    inspections: store,
    audit,
    keeps,
    isTimeSettled,
    ...rest,
  })
  const arrivals = createArrivals({ store, stations })
  const routes = createInspectionRoutes({ inspections, eviction, veil }).route(
    "/",
    createArrivalRoutes({ arrivals }),
  )
  return { store, inspections, pyramids, ingest, eviction, routes }
}
