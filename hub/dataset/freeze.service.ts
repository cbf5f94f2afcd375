import { setImmediate } from "node:timers/promises"
import type { FreezeRequest, FreezeState } from "#contract/dataset"
import { Problem } from "#contract/problem"
import type { GoldenCounts } from "#contract/registry"
import type { Asker } from "#models/infer/asker"
import type { Clock } from "#platform/clock"
import type { Events } from "#platform/events"
import { untilAborted } from "#platform/until-aborted"
import type { FreezeOperations } from "./freeze.worker.ts"
import type { Freezer, FreezeStep } from "./freezer.ts"

type Done = Extract<FreezeStep, { state: "done" }>
export type FrozenPair = Pick<Done, "training" | "golden" | "leaks">
const tries = 4
/** Pictures that are looked at together when nobody waits for it: a freeze that comes waits for these alone. */
const lookedAhead = 8
/** Reading and placing a hundred thousand labels on a busy machine. */
const beginMs = 180_000

export type FreezesDeps = {
  /** Writes versions in a process of its own; without it the hub does, slice by slice. */
  child: Asker<FreezeOperations> | undefined
  own: Freezer
  counts: () => "latest" | "reviewed" | "consensus"
  events: Events
  clock: Clock
}

/** Whoever waits for a version may watch it, and may stop waiting: what is written by then is taken up by the next. */
type Watch = { signal?: AbortSignal; onProgress?: (done: number, total: number) => void }

/** Versions on their way, one after the other, beside the work of everybody else. */
export function createFreezes({ child, own, counts, events, clock }: FreezesDeps) {
  let queue: Promise<unknown> = Promise.resolve()
  let state: FreezeState = {
    state: "idle",
    step: "rows",
    done: 0,
    total: 0,
    pairs: [],
    result: null,
    started_at: null,
  }
  const tell = (next: Partial<FreezeState>) => {
    state = { ...state, ...next }
    events.announce("job", { freeze: state.state })
  }

  /** Looks at pictures that nobody has looked at yet, so that none slips through. */
  async function look(at: Asker<FreezeOperations>, { signal, onProgress }: Watch): Promise<void> {
    let total = 0
    for (let left = 1; left > 0; ) {
      left = (await at.ask({ op: "look" })).left
      signal?.throwIfAborted()
      total = Math.max(total, left)
      tell({ step: "pictures", done: total - left, total })
      onProgress?.(0, 1)
    }
  }

  async function run(order: FreezeRequest, watch: Watch): Promise<FreezeStep> {
    const { signal, onProgress } = watch
    tell({ step: "rows", done: 0, total: 0 })
    const asked = { ...order, at: clock.now() }
    let looked = false
    const begin = () =>
      child
        ? child.ask({ op: "begin", ...asked, onlySeen: !looked, counts: counts() }, beginMs)
        : own.begin(asked)
    for (let attempt = 0; attempt < tries; attempt++) {
      let step = await begin()
      // Rarely: pictures are looked at when they are labelled.
      if (child && step.state === "unseen") {
        await look(child, watch)
        tell({ step: "rows", done: 0, total: 0 })
        looked = true
        step = await begin()
      }
      while (step.state === "working") {
        signal?.throwIfAborted()
        tell({ done: step.done, total: step.total })
        onProgress?.(step.done, step.total)
        if (child) step = await child.ask({ op: "step" })
        else {
          await setImmediate()
          step = own.step()
        }
      }
      if (step.state !== "restart") return step
    }
    throw new Problem("unavailable", "freeze_busy", "the labels change too fast; nothing is lost, try again")
  }

  async function inTurn(order: FreezeRequest, watch: Watch): Promise<FreezeStep> {
    watch.signal?.throwIfAborted()
    tell({ state: "working", done: 0, total: 0, pairs: [], result: null, started_at: clock.now() })
    try {
      const step = await run(order, watch)
      if (step.state === "done") {
        const { training, golden, leaks } = step
        tell({ state: "done", result: { training, golden, leaks } })
      } else if (step.state === "blocked") tell({ state: "blocked", pairs: step.pairs })
      return step
    } catch (error) {
      if (watch.signal?.aborted) {
        tell({ state: "idle" })
        throw error
      }
      tell({ state: "failed" })
      if (error instanceof Problem) throw error
      throw new Problem(
        "unavailable",
        "freeze_failed",
        "the version could not be made; nothing is lost, try again",
        {},
        error,
      )
    }
  }

  return {
    state: (): FreezeState => state,
    /**
     * Freezes in its turn. Throws `conflict` where pictures stand on both sides of the wall almost as they are, and at
     * once when `signal` says that nobody waits any more.
     */
    async freeze(order: FreezeRequest, watch: Watch = {}): Promise<FrozenPair> {
      const turn = queue.then(() => inTurn(order, watch))
      queue = turn.catch(() => undefined)
      const step = await (watch.signal ? untilAborted(turn, watch.signal) : turn)
      if (step.state === "blocked")
        throw new Problem(
          "conflict",
          "freeze_near",
          "pictures of the golden set stand in the training set almost as they are; look at the pairs",
          { pairs: step.pairs.length },
        )
      if (step.state !== "done") throw new Error(`a freeze ended as ${step.state}`)
      const { training, golden, leaks } = step
      return { training, golden, leaks }
    },
    /** Looks at some pictures before a freeze asks for it, in its turn; how many are left. */
    async lookAhead(): Promise<number> {
      if (!child) return 0
      const turn = queue.then(() => child.ask({ op: "look", most: lookedAhead }))
      queue = turn.catch(() => undefined)
      return (await turn).left
    },
    /** The golden set as it would be frozen now; nothing is written. */
    golden: (): Promise<GoldenCounts> =>
      child ? child.ask({ op: "golden", counts: counts() }, beginMs) : Promise.resolve(own.golden()),
    close: async (): Promise<void> => {
      await child?.close()
      await queue
    },
  }
}
export type Freezes = ReturnType<typeof createFreezes>

/** The sets of a training or a proof: whatever trains and looks almost like a golden picture stays out. */
export const setsOfWork: FreezeRequest = { grouping: "part", near: "leave_out" }
