import { createCatalogueRoutes } from "./catalogue/catalogue.routes.ts"
import { createCatalogue } from "./catalogue/catalogue.service.ts"
import type { HubConfig } from "./config.ts"
import type { Client } from "./http/kit.ts"
import type { OpenAsset } from "./http/ui.routes.ts"
import { createHttp } from "./http.ts"
import { rankOf, reviewPriority } from "./inspection/inspection.rules.ts"
import { createInspectionStore } from "./inspection/inspection.store.ts"
import { createLabellingRoutes } from "./labelling/labelling.routes.ts"
import { createLabelling } from "./labelling/labelling.service.ts"
import { createAudit } from "./platform/audit.ts"
import { openBlobs } from "./platform/blobs.ts"
import type { Clock } from "./platform/clock.ts"
import { prepareDataFolder } from "./platform/data-folder.ts"
import { createEvents } from "./platform/events.ts"
import type { Ids } from "./platform/ids.ts"
import { takeLock } from "./platform/lock.ts"
import { createLog } from "./platform/log.ts"
import { openDatabase } from "./platform/migrate.ts"
import { migrations } from "./platform/migrations.ts"
import type { OpenSqlite } from "./platform/sqlite.ts"
import type { PasswordCost } from "./users/password.ts"
import { createUsersDomain } from "./users/users.ts"

/** What a hub needs from the outside: the runtime's drivers, time, chance, and a place for its log. */
export type HubPorts = {
  openSqlite: OpenSqlite
  openAsset: OpenAsset
  clock: Clock
  ids: Ids
  writeLog: (line: string) => void
  version: string
  /** Cheaper password hashing for tests. */
  passwordCost?: PasswordCost
}

export type Hub = Awaited<ReturnType<typeof createHub>>

/**
 * Composition root of the hub: platform, then the domains in their order, then the doors (HTTP, MQTT).
 * Takes the data folder's lock and migrates the database; throws StartFailure when this place cannot be a hub.
 */
export async function createHub(config: HubConfig, ports: HubPorts) {
  const { clock, ids } = ports
  const log = createLog({ level: config.log_level, subject: "hub", write: ports.writeLog, now: clock.now })

  const folder = prepareDataFolder(config.data)
  const lock = takeLock(folder.lock, ports.openSqlite, clock.now())
  try {
    const db = openDatabase({
      path: folder.database,
      backups: folder.backups,
      openSqlite: ports.openSqlite,
      migrations,
      now: clock.now,
      log: log.child("database"),
    })
    const blobs = await openBlobs({ dataDir: folder.root })
    const events = createEvents({ log: log.child("events") })
    const audit = createAudit({ db, clock })

    const users = createUsersDomain({ db, audit, clock, ids, cost: ports.passwordCost })
    const catalogue = createCatalogue({ db, audit, clock })
    const inspections = createInspectionStore({ sqlite: db })
    const labelling = createLabelling({
      db,
      inspections: {
        ...inspections,
        rankOf,
        firstPriority(id) {
          const stored = inspections.header(id)
          return stored ? reviewPriority(stored.header) : null
        },
      },
      hasKind: catalogue.hasKind,
      events,
      clock,
      ids,
    })

    let ready = false
    const http = createHttp({
      routes: [users.routes, createCatalogueRoutes(catalogue), createLabellingRoutes(labelling)],
      resolveSession: users.sessions.resolve,
      ready: () => ready,
      openAsset: ports.openAsset,
      version: ports.version,
      ids,
      log: log.child("http"),
    })

    return {
      config,
      log,
      db,
      blobs,
      events,
      audit,
      users: users.people,
      sessions: users.sessions,
      catalogue,
      labelling,
      /** Answers one HTTP request; `client` is what the server knows of the peer. */
      fetch: async (request: Request, client: Client = {}): Promise<Response> => http.fetch(request, client),
      /** Opens the doors other than HTTP and starts what works by itself. */
      async start() {
        users.sessions.sweep()
        ready = true
      },
      /** Ends in the reverse order; what was acknowledged is on disk already. Call it after HTTP has stopped. */
      async stop() {
        ready = false
        db.close()
        lock.release()
      },
    }
  } catch (error) {
    lock.release()
    throw error
  }
}
