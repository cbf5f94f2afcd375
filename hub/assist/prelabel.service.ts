import type { Prelabel, TeacherView } from "#contract/assist"
import type { InspectionHeader } from "#contract/inspection"
import type { QueueReason } from "#contract/labelling"
import { disagrees } from "#contract/shadow"
import type { InferChild } from "#models/infer/child"
import { createAfterBurst } from "#platform/after-burst"
import type { Actor, Audit } from "#platform/audit"
import type { Blobs } from "#platform/blobs"
import { type Calm, longestSwarmMs } from "#platform/calm"
import type { Clock } from "#platform/clock"
import type { Events } from "#platform/events"
import type { Log } from "#platform/log"
import type { Sqlite } from "#platform/sqlite"
import type { PrelabelStore, Role, Run, Waiting } from "./prelabel.store.ts"

/** Parts between two commits, and before the other model has its turn. */
const batchSize = 16
/** A part that two models see differently is worth more than these; others are where they are for a better reason. */
const lesser: readonly (QueueReason | null)[] = ["ng", "ok"]

/**
 * Lets models look at parts that wait for a person: the champion at those another model judged, and the teacher, which
 * may be too slow for any line, at all. In the background, with a rest after each; what they see differently than the
 * station did is recorded, and moves forward in the queue.
 */
export function createPrelabels({
  db,
  store,
  blobs,
  events,
  calm,
  audit,
  clock,
  log,
  openJudge,
  champion,
  demandModel,
  setQueue,
}: {
  db: Sqlite
  store: PrelabelStore
  blobs: Blobs
  events: Events
  calm: Calm
  audit: Audit
  clock: Clock
  log: Log
  openJudge: (() => InferChild) | undefined
  champion: () => string | null
  /** Throws `not_found` for a model nobody has registered. */
  demandModel: (digest: string) => unknown
  setQueue: (id: string, reason: QueueReason) => void
}) {
  let state: TeacherView["state"] = openJudge ? "idle" : "off"
  let running: Promise<void> | undefined
  let stopping = false

  const models = (): { role: Role; model: string }[] => [
    ...[champion()].flatMap((model) => (model === null ? [] : [{ role: "champion" as const, model }])),
    ...[store.teacher()].flatMap((model) => (model === null ? [] : [{ role: "teacher" as const, model }])),
  ]

  async function look(judge: InferChild, run: Run, parts: readonly Waiting[], end: number): Promise<void> {
    const said: { part: Waiting; made: Awaited<ReturnType<InferChild["infer"]>>; differs: boolean }[] = []
    let failed = 0
    for (const part of parts) {
      await calm.wait(longestSwarmMs, () => stopping)
      if (stopping) return
      const started = performance.now()
      try {
        const { verdict, product_id: product } = JSON.parse(part.header) as InspectionHeader
        const made = await judge.infer({ bytes: await blobs.read(part.image_sha256) }, { product })
        said.push({ part, made, differs: disagrees(verdict, made.verdict) })
      } catch (error) {
        if (stopping) return
        failed += 1
        log.debug("part_not_prelabelled", { inspection: part.id, error: String(error) })
      }
      await rest(performance.now() - started)
    }
    db.transaction(() => {
      for (const { part, made, differs } of said) {
        const evaluation = made.verdict.eval === "undefined" ? "undecidable" : made.verdict.eval
        const { verdict, findings } = made
        store.put(
          run.role,
          run.model,
          part.id,
          { verdict: { ...verdict, eval: evaluation }, findings },
          differs,
          clock.now(),
        )
        if (differs && lesser.includes(store.reason(part.id))) setQueue(part.id, "disagreement")
      }
      const differed = said.filter(({ differs }) => differs).length
      store.advance(run, end, { made: said.length, differed, failed })
    })
  }

  async function work(open: () => InferChild): Promise<void> {
    state = "working"
    let judge: InferChild | undefined
    let loaded: string | undefined
    try {
      for (let again = true; again && !stopping; ) {
        again = false
        for (const { role, model } of models()) {
          const run = store.run(role, model)
          const next = store.next(run, batchSize)
          if (!next || stopping) continue
          again = true
          if (next.parts.length > 0) {
            await calm.wait(longestSwarmMs, () => stopping)
            judge ??= open()
            if (loaded !== model) await judge.load(await blobs.file(model))
            loaded = model
            await look(judge, run, next.parts, next.end)
          } else store.advance(run, next.end, { made: 0, differed: 0, failed: 0 })
        }
      }
      state = "idle"
    } catch (error) {
      state = "failed"
      if (!stopping) log.error("prelabels_failed", { error: String(error) })
    } finally {
      await judge?.close()
    }
  }
  const wake = () => {
    if (stopping || running || !openJudge) return
    running = work(openJudge).finally(() => {
      running = undefined
    })
  }
  const burst = createAfterBurst({ name: "prelabels", quietMs: 1_000, log, work: wake })
  let deaf = () => {}

  return {
    of: (inspection: string): Prelabel[] => store.of(inspection),
    /** Of these parts, those that a model sees differently than their station did: for whoever orders the queue. */
    differing: store.differing,
    view: (): TeacherView => ({
      teacher: store.teacher(),
      runs: models().map(({ role, model }) => {
        const run = store.run(role, model)
        const { made, differed, failed } = run
        return { role, model, made, differed, failed, waiting: store.waiting(run) }
      }),
      state,
    }),
    /** Names the teacher, or nobody. Throws `not_found`. */
    name(by: Actor, model: string | null): void {
      if (model !== null) demandModel(model)
      db.transaction(() => {
        const before = store.teacher()
        store.setTeacher(model)
        audit.record({
          by,
          action: "assist.teacher",
          subject: "assist:teacher",
          before: { model: before },
          after: { model },
        })
      })
      burst.poke()
    },
    start(): void {
      deaf = events.listen("prelabels", ({ type }) => {
        if (type === "inspection" || type === "rollout") burst.poke()
      })
      burst.poke()
    },
    async stop(): Promise<void> {
      stopping = true
      deaf()
      burst.stop()
      await running
    },
  }
}
export type Prelabels = ReturnType<typeof createPrelabels>

const rest = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, Math.min(ms, 1_000)))
