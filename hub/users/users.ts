import type { Audit } from "#platform/audit"
import type { Clock } from "#platform/clock"
import type { Ids } from "#platform/ids"
import type { Sqlite } from "#platform/sqlite"
import { createPasswords, type PasswordCost } from "./password.ts"
import { createSessions } from "./sessions.service.ts"
import { createSessionsStore } from "./sessions.store.ts"
import { createTabletsRoutes } from "./tablets.routes.ts"
import { createTablets } from "./tablets.service.ts"
import { createTabletsStore } from "./tablets.store.ts"
import { createThrottle } from "./throttle.ts"
import { createUsersRoutes } from "./users.routes.ts"
import { createUsers } from "./users.service.ts"
import { createUsersStore } from "./users.store.ts"

/** The domain of people: who they are, who is signed in, and the tablets they share. */
export function createUsersDomain(deps: {
  db: Sqlite
  audit: Audit
  clock: Clock
  ids: Ids
  cost?: PasswordCost | undefined
}) {
  const { db, audit, clock, ids } = deps
  const passwords = createPasswords(deps.cost)
  const store = createUsersStore(db)
  const sessionsStore = createSessionsStore(db)
  const throttle = createThrottle({ db, store: sessionsStore, clock })
  const tabletsStore = createTabletsStore(db)
  const tablets = createTablets({
    db,
    users: store,
    sessions: sessionsStore,
    store: tabletsStore,
    throttle,
    passwords,
    audit,
    clock,
    ids,
  })
  const people = createUsers({
    db,
    store,
    sessions: sessionsStore,
    passwords,
    audit,
    clock,
    ids,
    endPasses: tabletsStore.endPassesOf,
  })
  const sessions = createSessions({
    db,
    users: store,
    store: sessionsStore,
    tablets,
    throttle,
    passwords,
    audit,
    clock,
    ids,
  })
  return {
    people,
    sessions,
    tablets,
    routes: [
      createUsersRoutes({ users: people, sessions, tablets }),
      createTabletsRoutes({ sessions, tablets }),
    ],
  }
}
