import type { BrokerAddress } from "#contract/fleet"
import type { TrustedKeys } from "#contract/release"
import type { Audit } from "#platform/audit"
import type { Clock } from "#platform/clock"
import type { Events } from "#platform/events"
import type { GroupCommit } from "#platform/group-commit"
import type { Signer } from "#platform/signing"
import type { Sqlite } from "#platform/sqlite"
import { createEnrolment } from "./enrolment.service.ts"
import { createFleetRoutes } from "./fleet.routes.ts"
import { createFleet } from "./fleet.service.ts"
import { createFleetStore } from "./fleet.store.ts"

/** The domain of stations: who they are, how they become known, what they are told and what they report. */
export function createFleetDomain(deps: {
  db: Sqlite
  commits: GroupCommit
  audit: Audit
  clock: Clock
  events: Events
  signer: Signer
  keys: TrustedKeys
  epoch: string
  mqtt: () => BrokerAddress
}) {
  const { db: sqlite, commits, audit, clock, events, signer, keys, epoch, mqtt } = deps
  const store = createFleetStore({ sqlite })
  const fleet = createFleet({ sqlite, store, commits, audit, clock, events, signer, epoch })
  const enrolment = createEnrolment({ sqlite, store, fleet, audit, clock })
  return { fleet, enrolment, routes: createFleetRoutes({ fleet, enrolment, mqtt, keys }) }
}
