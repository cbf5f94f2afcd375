import { codeOf, ModelError } from "../model-error.ts"
import { startAskedProcess, Unserved } from "./process.ts"
import type { Asked, AskOf } from "./protocol.ts"

export type Asker<Ops extends Asked> = {
  /** Rejects with a `ModelError`: what the child says, `model_timeout` or `model_crashed`. */
  ask: <Op extends keyof Ops>(ask: AskOf<Ops, Op>, timeoutMs?: number) => Promise<Ops[Op]["answer"]>
  /** Process id of the present child, for health reports and tests. */
  pid: () => number | undefined
  close: () => Promise<void>
}

/**
 * A supervised child that keeps nothing it cannot make again: started by the first request, replaced when it hangs or
 * dies, ended after `restMs` without work so that an idle hub is a small one.
 */
export function createAsker<Ops extends Asked>({
  command,
  timeoutMs = 30_000,
  restMs = 60_000,
  runtime,
}: {
  command: string[]
  timeoutMs?: number
  restMs?: number
  /** What the child reads when it starts, where nobody has chosen otherwise. */
  runtime?: Readonly<Record<string, string>>
}): Asker<Ops> {
  let current: ReturnType<typeof startAskedProcess<Ops>> | undefined
  let closed = false
  let open = 0
  let resting: ReturnType<typeof setTimeout> | undefined

  const rest = () => {
    if (open > 0 || closed) return
    resting = setTimeout(() => void current?.kill(), restMs)
    // A hub that has nothing else to do may end.
    resting.unref?.()
  }
  const alive = () => {
    if (current?.alive()) return current
    current = startAskedProcess<Ops>(command, undefined, undefined, runtime)
    return current
  }
  return {
    ask: async (request, ms = timeoutMs) => {
      clearTimeout(resting)
      open += 1
      try {
        for (let again = true; ; ) {
          if (closed) throw new ModelError("model_crashed", "the helper process was closed")
          try {
            return await alive().ask(request, ms)
          } catch (error) {
            if (error instanceof Unserved) continue
            // It may have been dead before it was asked; a request that kills its child fails the second time.
            if (!again || closed || codeOf(error) !== "model_crashed") throw error
            again = false
          }
        }
      } finally {
        open -= 1
        rest()
      }
    },
    pid: () => (current?.alive() ? current.pid : undefined),
    close: async () => {
      closed = true
      clearTimeout(resting)
      await current?.kill()
    },
  }
}
