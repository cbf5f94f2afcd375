import { setImmediate } from "node:timers/promises"
import type { FreezeRequest, FreezeState } from "#contract/dataset"
import { Problem } from "#contract/problem"
import type { Asker } from "#models/infer/asker"
import type { Clock } from "#platform/clock"
import type { Events } from "#platform/events"
import type { FreezeOperations } from "./freeze.worker.ts"
import type { Freezer, FreezeStep } from "./freezer.ts"

type Done = Extract<FreezeStep, { state: "done" }>
export type FrozenPair = Pick<Done, "training" | "golden" | "leaks">
const tries = 4
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

/** Versions on their way, one after the other, beside the work of everybody else. */
export function createFreezes({ child, own, counts, events, clock }: FreezesDeps) {
  let queue: Promise<unknown> = Promise.resolve()
  let state: FreezeState = { state: "idle", done: 0, total: 0, pairs: [], result: null, started_at: null }
  const tell = (next: Partial<FreezeState>) => {
    state = { ...state, ...next }
    events.announce("job", { freeze: state.state })
  }

  async function run(order: FreezeRequest): Promise<FreezeStep> {
    const asked = { ...order, at: clock.now() }
    for (let attempt = 0; attempt < tries; attempt++) {
      let step = child
        ? await child.ask({ op: "begin", ...asked, counts: counts() }, beginMs)
        : own.begin(asked)
      while (step.state === "working") {
        tell({ done: step.done, total: step.total })
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

  async function inTurn(order: FreezeRequest): Promise<FreezeStep> {
    tell({ state: "working", done: 0, total: 0, pairs: [], result: null, started_at: clock.now() })
    try {
      const step = await run(order)
      if (step.state === "done") {
        const { training, golden, leaks } = step
        tell({ state: "done", result: { training, golden, leaks } })
      } else if (step.state === "blocked") tell({ state: "blocked", pairs: step.pairs })
      return step
    } catch (error) {
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
    /** Freezes in its turn. Throws `conflict` where pictures stand on both sides of the wall almost as they are. */
    async freeze(order: FreezeRequest): Promise<FrozenPair> {
      const turn = queue.then(() => inTurn(order))
      queue = turn.catch(() => undefined)
      const step = await turn
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
    close: async (): Promise<void> => {
      await child?.close()
      await queue
    },
  }
}
export type Freezes = ReturnType<typeof createFreezes>
