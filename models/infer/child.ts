import type { ModelContract } from "#contract/model"
import type { Probe, Thumbnail } from "../image-ops.ts"
import { codeOf, ModelError } from "../model-error.ts"
import type { Frame } from "../preprocess.ts"
import type { Ask, Operation, Operations, Reply, Request } from "./protocol.ts"
import type { Inspection, InspectOptions } from "./session.ts"
import { createFrameSender } from "./shared-frame.ts"
import { verdictFor } from "./verdict.ts"

export type InferChild = {
  /**
   * Loads a model in a fresh process while the old one keeps answering, then switches: no part waits for a
   * model. Sessions never return their memory, so the old process goes. Rejects with `model_invalid`, ….
   */
  load: (model: string) => Promise<ModelContract>
  /** Inspects one frame. Rejects with a `ModelError`: `model_timeout`, `model_crashed`, `nan_output`, …. */
  infer: (frame: Frame, options?: InspectOptions) => Promise<Inspection>
  /** Like `infer`, but whatever goes wrong becomes an undecidable verdict with its code. Never rejects. */
  inspect: (frame: Frame, options?: InspectOptions) => Promise<Inspection>
  /** JPEG no larger than `max` pixels on either side. */
  thumbnail: (frame: Frame, max: number) => Promise<Thumbnail>
  /** Full decode: mime and size, or `unreadable_image`. */
  probe: (frame: { path: string } | { bytes: Uint8Array }) => Promise<Probe>
  /** Process id of the current child, for health reports. */
  pid: () => number | undefined
  close: () => Promise<void>
}

export type InferChildOptions = {
  /** Command line of the worker, e.g. `selfCommand("worker", "infer")`. */
  command: string[]
  /** Longest wait for one answer; then the child is killed. The only reliable timeout onnxruntime has. */
  timeoutMs?: number
  loadTimeoutMs?: number
}

/**
 * A supervised inference process. One request is under way at a time; a child that hangs or dies fails that
 * request with a typed error, and the next request finds a new child with the same model.
 */
export function createInferChild({
  command,
  timeoutMs = 10_000,
  loadTimeoutMs = 60_000,
}: InferChildOptions): InferChild {
  let current: Process | undefined
  let model: string | undefined
  let tail: Promise<unknown> = Promise.resolve()
  let closed = false

  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = tail.then(work)
    tail = turn.catch(() => undefined)
    return turn
  }
  const ready = async (): Promise<Process> => {
    if (closed) throw new ModelError("model_crashed", "the inference child was closed")
    if (current?.alive()) return current
    const process = startProcess(command)
    current = process
    if (model !== undefined) await process.ask({ op: "load", model }, loadTimeoutMs)
    return process
  }
  const ask = <Op extends Operation>(request: Ask<Op>): Promise<Operations[Op]["answer"]> =>
    inTurn(async () => await (await ready()).ask<Op>(request, timeoutMs))
  const infer = (frame: Frame, options: InspectOptions = {}) =>
    ask<"infer">({ op: "infer", frame, ...options })

  return {
    load: async (next) => {
      if (closed) throw new ModelError("model_crashed", "the inference child was closed")
      const fresh = startProcess(command)
      try {
        const contract = await fresh.ask<"load">({ op: "load", model: next }, loadTimeoutMs)
        await inTurn(async () => {
          const old = current
          current = fresh
          model = next
          await old?.kill()
        })
        return contract
      } catch (error) {
        await fresh.kill()
        throw error
      }
    },
    infer,
    inspect: async (frame, options) => {
      const started = performance.now()
      try {
        return await infer(frame, options)
      } catch (error) {
        const verdict = verdictFor({ code: codeOf(error) }, { t_low: 0, t_high: 0 })
        return { verdict, findings: [], timing: { infer: performance.now() - started } }
      }
    },
    thumbnail: (frame, max) => ask<"thumbnail">({ op: "thumbnail", frame, max }),
    probe: (frame) => ask<"probe">({ op: "probe", frame }),
    pid: () => (current?.alive() ? current.pid : undefined),
    close: async () => {
      closed = true
      await current?.kill()
    },
  }
}

type Process = ReturnType<typeof startProcess>

function startProcess(command: string[]) {
  type Waiting = { resolve: (value: never) => void; reject: (error: ModelError) => void }
  const waiting = new Map<number, Waiting>()
  let lastId = 0
  let gone: ModelError | undefined
  const frames = createFrameSender()
  const fail = (error: ModelError) => {
    gone ??= error
    frames.close()
    for (const { reject } of waiting.values()) reject(gone)
    waiting.clear()
  }
  const child = Bun.spawn(command, {
    stdio: ["ignore", "ignore", "inherit"],
    serialization: "advanced",
    ipc: (reply: Reply) => {
      const entry = waiting.get(reply.id)
      waiting.delete(reply.id)
      frames.answered()
      if ("code" in reply) entry?.reject(new ModelError(reply.code, reply.message))
      else entry?.resolve(reply.answer as never)
    },
    onExit: (_, code, signal) => {
      fail(new ModelError("model_crashed", `the inference process ended (${signal ?? code})`))
    },
  })

  return {
    pid: child.pid,
    alive: () => gone === undefined,
    ask: <Op extends Operation>(ask: Ask<Op>, timeoutMs: number) =>
      new Promise<Operations[Op]["answer"]>((resolve, reject) => {
        if (gone) return reject(gone)
        const id = ++lastId
        const timer = setTimeout(() => {
          fail(new ModelError("model_timeout", `no answer to ${ask.op} within ${timeoutMs} ms`))
          child.kill("SIGKILL")
        }, timeoutMs)
        const settled = () => clearTimeout(timer)
        waiting.set(id, {
          resolve: (value) => {
            settled()
            resolve(value)
          },
          reject: (error) => {
            settled()
            reject(error)
          },
        })
        child.send(requestOf(id, ask as Ask, frames))
      }),
    kill: async () => {
      fail(new ModelError("model_crashed", "the inference process was stopped"))
      child.kill("SIGKILL")
      await child.exited
    },
  }
}

function requestOf(id: number, ask: Ask, frames: ReturnType<typeof createFrameSender>): Request {
  if (ask.op !== "infer" && ask.op !== "thumbnail") return { id, ask }
  const frame = frames.pass(ask.frame)
  if (!("shared" in frame)) return { id, ask }
  // The pixels lie in shared memory: an empty picture takes their place in the message.
  return { id, ask: { ...ask, frame: { bytes: new Uint8Array() } }, frame }
}
