import type { BrokerAddress } from "#contract/fleet"
import type { TrustedKeys } from "#contract/release"
import type { Audit } from "#platform/audit"
import type { CertificateAuthority } from "#platform/certificate-authority"
import type { Clock } from "#platform/clock"
import type { Events } from "#platform/events"
import type { GroupCommit } from "#platform/group-commit"
import type { Ids } from "#platform/ids"
import type { Log } from "#platform/log"
import type { Signer } from "#platform/signing"
import type { Sqlite } from "#platform/sqlite"
import { createCertificateWatch, type DoorCertificate } from "./certificate-watch.ts"
import { createEnrolment } from "./enrolment.service.ts"
import { createFleetRoutes } from "./fleet.routes.ts"
import { createFleet } from "./fleet.service.ts"
import { createFleetStore } from "./fleet.store.ts"
import { createSecurityRoutes, type SecurityFacts } from "./security.routes.ts"

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
  ids: Ids
  authority: CertificateAuthority
  /** What stations and tablets trust; the hub's own authority, or the site's. */
  trust: { pem: string; fingerprint: string }
  mqtt: (byCertificate: boolean) => BrokerAddress | undefined
  security: () => SecurityFacts
  /** The certificates that the hub shows, and who signed them. */
  doorCertificates: () => readonly DoorCertificate[]
  log: Log
}) {
  const { db: sqlite, commits, audit, clock, events, signer, keys, epoch, mqtt, ids, authority, trust } = deps
  const store = createFleetStore({ sqlite })
  const fleet = createFleet({ sqlite, store, commits, audit, clock, events, signer, epoch })
  const certificates = createCertificateWatch({
    doors: deps.doorCertificates,
    fleet,
    clock,
    events,
    log: deps.log,
  })
  const enrolment = createEnrolment({ sqlite, store, fleet, audit, clock, events, ids, authority })
  const routes = createFleetRoutes({ fleet, enrolment, mqtt, keys, trust })
  routes.route(
    "/",
    createSecurityRoutes({ trust, certificates: certificates.alarms, security: deps.security }),
  )
  return { fleet, enrolment, certificates, routes }
}
