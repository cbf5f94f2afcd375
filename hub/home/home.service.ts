import type { HomeView, LoopView } from "#contract/rollout"
import { createAfterBurst } from "#platform/after-burst"
import type { Clock } from "#platform/clock"
import type { Events } from "#platform/events"
import type { Ids } from "#platform/ids"
import type { Log } from "#platform/log"
import type { Sqlite } from "#platform/sqlite"
import type { Fleet } from "../fleet/fleet.service.ts"
import type { Registry } from "../registry/registry.service.ts"
import type { Rollouts } from "../rollout/rollout.service.ts"
import type { Training } from "../training/training.service.ts"
import { createLoopStore, type StoredLoop } from "./home.store.ts"
import { positionOf, type Sighting } from "./loop.rules.ts"

export type HomeDeps = {
  db: Sqlite
  clock: Clock
  ids: Ids
  events: Events
  log: Log
  fleet: Pick<Fleet, "list">
  training: Pick<Training, "list">
  registry: Pick<Registry, "usable" | "kindsOf" | "released">
  rollouts: Pick<Rollouts, "champion" | "list">
  labels: {
    /** Every kind that people have named. */
    kinds(): { kind: string }[]
    /** What they have labelled of it on parts taken after `since`. */
    sightings(kind: string, since: number): Sighting | undefined
  }
  stats: () => { waiting: number; labelledToday: number }
  /** Counts of parts that arrived since a time. */
  inspected: (since: number) => { inspected: number; ng: number; undecidable: number }
  line: string
}

const hourMs = 3_600_000
const burstMs = 200
/** Jobs and rollouts looked at: a loop that is older than so many of them is told by its row. */
const recent = 50

/** Loop time, the product's first figure: how long from a new defect to a model that knows it on every station. */
export function createHome(deps: HomeDeps) {
  const { db, clock, ids, events } = deps
  const store = createLoopStore(db)

  const facts = () => ({
    jobs: deps.training.list(recent),
    models: deps.registry.usable(),
    rollouts: deps.rollouts.list(recent),
  })
  /** A loop as it stands at this moment, also before its row has been moved. */
  const viewOf = (loop: StoredLoop, known: ReturnType<typeof facts>): LoopView => {
    const { kind, firstSeenAt } = loop
    const now =
      loop.closedAt === null ? positionOf({ kind, ...known }) : { ...loop, stage: "closed" as const }
    return {
      id: loop.id,
      kind,
      stage: now.stage,
      first_seen_at: firstSeenAt,
      first_labelled_at: loop.firstLabelledAt,
      labels: loop.labels,
      job_id: now.job,
      model: now.model,
      rollout_id: now.rollout,
      closed_at: now.closedAt,
      loop_seconds: now.closedAt === null ? null : (now.closedAt - firstSeenAt) / 1000,
    }
  }

  /**
   * Labels per kind, of kinds with an open loop and of those the model on the line does not know; the others are no news
   * and may have hundreds of thousands. A kind that a closed loop has dealt with counts from then on only, so that a
   * model taken back opens a loop of its own and not one of last year's.
   */
  const sightingsOf = (known: ReadonlySet<string>, open: ReadonlyMap<string, StoredLoop>) => {
    const since = store.closedAt()
    const sightings = new Map<string, Sighting>()
    for (const { kind } of deps.labels.kinds()) {
      if (kind === "unknown" || (known.has(kind) && !open.has(kind))) continue
      const sighting = deps.labels.sightings(kind, since.get(kind) ?? -1)
      if (sighting) sightings.set(kind, sighting)
    }
    return sightings
  }

  /** Opens, moves and closes loops after what is stored now; may run at any time. */
  const reconcile = (): void => {
    const champion = deps.rollouts.champion(deps.line)
    // Without a model nothing is unknown to it: the first model is no loop.
    if (champion === null) return
    const known = deps.registry.kindsOf(champion)
    const changed = db.transaction(() => {
      const open = new Map(store.open().map((loop) => [loop.kind, loop]))
      const sightings = sightingsOf(known, open)
      const touched: string[] = []
      for (const [kind, sighting] of sightings) {
        const loop = open.get(kind)
        if (loop) {
          if (loop.labels === sighting.labels && loop.firstSeenAt === sighting.firstSeenAt) continue
          store.sight(loop.id, sighting)
          touched.push(loop.id)
        } else {
          const id = ids.uuid()
          store.insert({ id, kind, ...sighting, at: clock.now() })
          touched.push(id)
        }
      }
      const now = facts()
      for (const loop of store.open()) {
        // Its labels were withdrawn: nobody saw the kind after all.
        if (!sightings.has(loop.kind)) {
          store.remove(loop.id)
          touched.push(loop.id)
          continue
        }
        const { stage: _, ...position } = positionOf({ kind: loop.kind, ...now })
        const same =
          position.job === loop.job && position.model === loop.model && position.rollout === loop.rollout
        if (same && position.closedAt === null) continue
        store.move(loop.id, position)
        touched.push(loop.id)
      }
      return touched
    })
    for (const id of changed) events.announce("loop", { id })
  }

  return {
    loops(limit: number): LoopView[] {
      const known = facts()
      return store.newest(limit).map((loop) => viewOf(loop, known))
    },
    home(): HomeView {
      const known = facts()
      const loops = store.newest(recent).map((loop) => viewOf(loop, known))
      const lastClosedAt = Math.max(...loops.map((l) => l.closed_at ?? 0))
      const stations = deps.fleet.list().filter((d) => d.revoked_at === undefined)
      const digest = deps.rollouts.champion(deps.line)
      const release = digest === null ? null : deps.registry.released(digest)
      const { waiting, labelledToday } = deps.stats()
      return {
        loop: mostJudged(loops.filter((l) => l.closed_at === null)),
        last_closed: mostJudged(loops.filter((l) => l.closed_at !== null && l.closed_at === lastClosedAt)),
        waiting,
        labelled_today: labelledToday,
        stations: {
          online: stations.filter((d) => d.presence === "online").length,
          total: stations.length,
        },
        last_hour: deps.inspected(clock.now() - hourMs),
        champion:
          digest !== null && release ? { digest, release: release.release, line: release.line } : null,
      }
    },
    reconcile,
    /** Follows labels, jobs, models and rollouts. Returns a function that stops it. */
    start(): () => void {
      reconcile()
      const look = createAfterBurst({ name: "loops", quietMs: burstMs, log: deps.log, work: reconcile })
      const deaf = events.listen("loops", ({ type }) => {
        if (type === "label" || type === "job" || type === "model" || type === "rollout") look.poke()
      })
      return () => {
        deaf()
        look.stop()
      }
    },
  }
}
export type Home = ReturnType<typeof createHome>

/** Of several loops at once, the one people have met most often is the one they want to hear of. */
const mostJudged = (loops: LoopView[]): LoopView | null =>
  loops.reduce<LoopView | null>((most, loop) => (most && most.labels >= loop.labels ? most : loop), null)
