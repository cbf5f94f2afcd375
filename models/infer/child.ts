import type { ModelContract } from "#contract/model"
import type { Looked } from "../adapters/look.ts"
import type { Probe, Thumbnail } from "../image-ops.ts"
import { codeOf, ModelError } from "../model-error.ts"
import type { Frame } from "../preprocess.ts"
import { type InferProcess, startInferProcess, Unserved } from "./process.ts"
import type { Ask, Operation, Operations } from "./protocol.ts"
import type { Inspection, InspectOptions } from "./session.ts"
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
  /** Cuts the image at `image` into tiles; the file with them lies in `folder` afterwards. */
  tiles: (image: string, folder: string) => Promise<{ path: string; tiles: number }>
  /** What an ONNX file from elsewhere is taken for. Rejects with `model_invalid`. */
  look: (file: string) => Promise<Looked>
  /** Writes it with a contract stamped into it, if it has none or another. Rejects with `model_invalid`. */
  stamp: (
    file: string,
    contract: ModelContract | undefined,
    into: string,
  ) => Promise<{ contract: ModelContract; stamped: boolean }>
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
  /** A child that holds more is killed: for models that nobody here has made. */
  memoryBytes?: number | undefined
}

/**
 * Requests a process is given at once: one under the model, one being prepared beside it, one on its way. The model
 * blocks the process's loop, so with fewer the next frame would be read only when the one before is done.
 */
const inferWindow = 3

/**
 * A supervised inference process. It answers in order. A child that hangs or dies fails the request it was at with a
 * typed error; those behind it, and all later ones, find a new child with the same model.
 */
export function createInferChild({
  command,
  timeoutMs = 10_000,
  loadTimeoutMs = 60_000,
  memoryBytes,
}: InferChildOptions): InferChild {
  let current: InferProcess | undefined
  let starting: Promise<InferProcess> | undefined
  let model: string | undefined
  let closed = false
  const inWindow = createWindow(inferWindow)

  const start = async (): Promise<InferProcess> => {
    const fresh = startInferProcess(command, memoryBytes)
    current = fresh
    try {
      if (model !== undefined) await fresh.ask({ op: "load", model }, loadTimeoutMs)
      return fresh
    } catch (error) {
      await fresh.kill()
      throw error
    }
  }
  const ready = async (): Promise<InferProcess> => {
    if (closed) throw new ModelError("model_crashed", "the inference child was closed")
    if (starting) return await starting
    if (current?.alive()) return current
    starting = start().finally(() => {
      starting = undefined
    })
    return await starting
  }
  const ask = <Op extends Operation>(request: Ask<Op>, ms = timeoutMs): Promise<Operations[Op]["answer"]> =>
    inWindow(async () => {
      for (;;) {
        try {
          return await (await ready()).ask<Op>(request, ms)
        } catch (error) {
          if (!(error instanceof Unserved)) throw error
        }
      }
    })
  const infer = (frame: Frame, options: InspectOptions = {}) =>
    ask<"infer">({ op: "infer", frame, ...options })

  return {
    load: async (next) => {
      if (closed) throw new ModelError("model_crashed", "the inference child was closed")
      const fresh = startInferProcess(command, memoryBytes)
      try {
        const contract = await fresh.ask<"load">({ op: "load", model: next }, loadTimeoutMs)
        const old = current
        current = fresh
        model = next
        await old?.retire()
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
    tiles: (image, folder) => ask<"tiles">({ op: "tiles", image, folder }),
    look: (file) => ask<"look">({ op: "look", file }, loadTimeoutMs),
    stamp: (file, contract, into) => ask<"stamp">({ op: "stamp", file, contract, into }, loadTimeoutMs),
    probe: (frame) => ask<"probe">({ op: "probe", frame }),
    pid: () => (current?.alive() ? current.pid : undefined),
    close: async () => {
      closed = true
      await current?.kill()
    },
  }
}

/** Lets at most `size` pieces of work run at a time and begins them in the order they came. */
function createWindow(size: number) {
  const queue: (() => void)[] = []
  let free = size
  return async <T>(work: () => Promise<T>): Promise<T> => {
    if (free > 0) free -= 1
    else await new Promise<void>((turn) => queue.push(turn))
    try {
      return await work()
    } finally {
      const next = queue.shift()
      if (next) next()
      else free += 1
    }
  }
}
