import type { CoverageStatus } from "#contract/assist"
import type { Asker } from "#models/infer/asker"
import type { Clock } from "#platform/clock"
import type { Events } from "#platform/events"
import type { Ids } from "#platform/ids"
import type { Log } from "#platform/log"
import type { Sqlite } from "#platform/sqlite"
import type { SimilarOperations } from "./similar.worker.ts"

/** After labels or new embeddings, and how much longer than it worked it rests: a label more changes little. */
const quietMs = 2_000
const restTimes = 10

/**
 * Picks, line by line, the waiting parts that look unlike everything people have judged, so that few labels show all there
 * is. The comparing happens in the search process, in slices between which whoever searches has a turn.
 */
export function createCoverages({
  db,
  child,
  space,
  lines,
  spread,
  events,
  clock,
  ids,
  log,
}: {
  db: Sqlite
  child: Asker<SimilarOperations> | undefined
  /** Name of the space of all embeddings, once there is one. */
  space: () => string | undefined
  /** Lines of which parts wait that nobody has judged. */
  lines: () => string[]
  /** Puts the picked parts of a line into streams of their own. */
  spread: (line: string, picks: ReadonlyMap<number, number>) => void
  events: Events
  clock: Clock
  ids: Ids
  log: Log
}) {
  const known = new Map<string, CoverageStatus["lines"][number]>()
  let state: CoverageStatus["state"] = child ? "idle" : "off"
  let running: Promise<void> | undefined
  let again = false
  let stopping = false
  let restUntil = 0
  let timer: ReturnType<typeof setTimeout> | undefined

  async function pick(ask: Asker<SimilarOperations>["ask"], name: string, line: string): Promise<void> {
    const run = ids.random(8)
    for (;;) {
      const started = performance.now()
      const { done, picks, waiting, judged } = await ask({ op: "cover", space: name, line, run })
      if (stopping) return
      if (done) {
        db.transaction(() => spread(line, new Map(picks.map(({ n, step }) => [n, step]))))
        const at = clock.now()
        known.set(line, { line: line === "" ? null : line, waiting, judged, picked: picks.length, at })
        return
      }
      await pause(performance.now() - started)
    }
  }

  async function work(ask: Asker<SimilarOperations>["ask"]): Promise<void> {
    const name = space()
    if (name === undefined) return
    state = "working"
    const started = performance.now()
    try {
      for (const line of lines()) if (!stopping) await pick(ask, name, line)
      state = "idle"
    } catch (error) {
      state = "failed"
      if (!stopping) log.error("coverage_failed", { error: String(error) })
    }
    restUntil = performance.now() + restTimes * (performance.now() - started)
  }
  /** Once some quiet has passed since the first of several pokes, and the rest that the last work has earned. */
  const poke = () => {
    if (stopping || !child) return
    if (running) again = true
    else timer ??= setTimeout(() => wake(child.ask), Math.max(quietMs, restUntil - performance.now()))
  }
  const wake = (ask: Asker<SimilarOperations>["ask"]) => {
    timer = undefined
    running = work(ask).finally(() => {
      running = undefined
      if (again) poke()
      again = false
    })
  }
  let deaf = () => {}

  return {
    /** More can be compared now. */
    poke,
    status: (): CoverageStatus => ({ state, lines: [...known.values()] }),
    start(): void {
      if (!child) return
      deaf = events.listen("coverage", ({ type }) => {
        if (type === "label") poke()
      })
      poke()
    },
    async stop(): Promise<void> {
      stopping = true
      deaf()
      clearTimeout(timer)
      await running
    },
  }
}
export type Coverages = ReturnType<typeof createCoverages>

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, Math.min(ms, 1_000)))
