import { join } from "node:path"
import type { SourceProfile } from "#contract/source"
import type { Audit } from "#platform/audit"
import type { Clock } from "#platform/clock"
import type { Events } from "#platform/events"
import type { GroupCommit } from "#platform/group-commit"
import type { Ids } from "#platform/ids"
import type { Log } from "#platform/log"
import type { Sqlite } from "#platform/sqlite"
import type { Fleet } from "../fleet/fleet.service.ts"
import { createDropFolders } from "./drop-folder.ts"
import { createHalfFiles } from "./half-files.ts"
import { createIntakeRoutes } from "./intake.routes.ts"
import { createIntake } from "./intake.service.ts"
import { createMonitor } from "./monitor.ts"
import { createPairing } from "./pairing.ts"
import type { Sniff } from "./picture.rules.ts"
import { createQuarantine } from "./quarantine.ts"
import { createSourceStore } from "./source.store.ts"
import { createSourceRoutes } from "./sources.routes.ts"
import { createSources } from "./sources.service.ts"
import { createStoring, type Ingest, type KnownInspection } from "./storing.ts"
import { mayPublishTo } from "./topic.rules.ts"

/** The domain of cameras of other makers: who they are, how their messages are read, and the ways they come in. */
export function createSourcesDomain(deps: {
  db: Sqlite
  commits: GroupCommit
  audit: Audit
  clock: Clock
  ids: Ids
  events: Events
  log: Log
  fleet: Pick<Fleet, "addSource">
  ingest: Ingest
  known: KnownInspection
  sniff: Sniff
  epoch: string
  mqtt: () => { host: string; port: number; tls: boolean }
  /** All drop folders lie in here. */
  dropFolder: string
  quarantineFolder: string
  /** Pictures that wait for their data. */
  halvesFolder: string
}) {
  const { db: sqlite, commits, audit, clock, ids, events, log, fleet, sniff, mqtt } = deps
  const store = createSourceStore({ sqlite })
  const monitor = createMonitor({ store, commits, clock, events, log })
  const quarantine = createQuarantine({ store, commits, clock, folder: deps.quarantineFolder })
  const storing = createStoring({ ingest: deps.ingest, known: deps.known, clock, boot: deps.epoch })
  const files = createHalfFiles({
    folder: deps.halvesFolder,
    named: () => store.waitingPictures().map((text) => (JSON.parse(text) as { file: string }).file),
  })
  const pairing = createPairing({ store, storing, monitor, files, commits, clock, log })
  const intake = createIntake({ store, storing, pairing, quarantine, monitor, sniff, clock, ids, log })
  const drops = createDropFolders({ root: deps.dropFolder, store, intake, monitor, sniff, clock, log })
  const folderOf = (profile: SourceProfile) =>
    profile.kind === "folder" ? join(deps.dropFolder, profile.folder) : undefined
  const sources = createSources({ sqlite, store, fleet, monitor, audit, clock, mqtt, folderOf })

  return {
    sources,
    /** For pictures that come in another way than from a camera; the same shot twice is stored once. */
    store: storing.store,
    routes: [
      createSourceRoutes({ sources, intake, monitor, quarantine }),
      createIntakeRoutes({ sources, intake, clock }),
    ],
    /** What the broker asks about cameras. */
    door: {
      attach: sources.attach,
      isSource: sources.has,
      isTokenOf: sources.isTokenOf,
      mayPublish: (source: string, topic: string) =>
        mayPublishTo(source, sources.foreignTopics(source), topic),
      onMessage: async (
        source: string,
        {
          topic,
          payload,
          retain,
          dup,
        }: { topic: string; payload: Uint8Array; retain: boolean; dup: boolean },
      ): Promise<boolean> => {
        const outcome = await intake.take(source, {
          via: "mqtt",
          topic,
          bytes: payload,
          type: "",
          beside: {},
          retained: retain,
          again: dup,
        })
        return outcome.st !== "later"
      },
      onRefused: (source: string, topic: string, size: number, code: string) =>
        intake.refuse(source, { via: "mqtt", topic, size }, code),
      onConnection: monitor.connected,
    },
    /** Before the doors open. */
    start: async (): Promise<void> => {
      await pairing.start()
      drops.start()
    },
    stop: async (): Promise<void> => {
      await drops.close()
      await pairing.close()
      monitor.close()
    },
  }
}
