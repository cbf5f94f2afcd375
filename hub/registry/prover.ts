import type { Finding } from "#contract/inspection"
import type { ModelContract } from "#contract/model"
import type { Looked } from "#models/adapters/look"
import { createInferChild, type InferChild } from "#models/infer/child"
import { codeOf } from "#models/model-error"
import type { Frame } from "#models/preprocess"
import type { Judgement } from "./gate.rules.ts"

/** A picture by its path, and what is on it: a model may have limits of its own for a product. */
export type Picture = { path: string; product?: string | null | undefined }

/** Shows pictures to a model in a process of its own and reports what it said, in the same order. */
export type Prover = {
  /** A model that cannot be loaded answers every picture with that code. */
  judge(model: string, pictures: readonly Picture[], signal?: AbortSignal): Promise<Judgement[]>
  /** The same with what it found on each. */
  hear(model: string, pictures: readonly Picture[], signal?: AbortSignal): Promise<Shown[]>
  /** Pictures of nothing: black, white and noise. */
  judgeBlank(model: string, signal?: AbortSignal): Promise<Judgement[]>
  /**
   * What a model that nobody knows yet finds on the pictures of nothing and then on these. Ends with the first picture it
   * hangs, dies or takes too much memory at. Rejects with a `ModelError` when it cannot be loaded.
   */
  show(model: string, pictures: readonly string[], signal?: AbortSignal): Promise<Shown[]>
  /** What a file from elsewhere is taken for. Rejects with `model_invalid`. */
  look(file: string): Promise<Looked>
  /** Writes a copy with a contract stamped into it, if it needs one. Rejects with `model_invalid`. */
  stamp(
    file: string,
    contract: ModelContract | undefined,
    into: string,
  ): Promise<{ contract: ModelContract; stamped: boolean }>
  /** JPEG copy of a picture, `side` pixels at most. */
  shrink(path: string, side: number): Promise<Uint8Array>
}

/** What a model said of one picture. */
export type Shown = Judgement & { findings: Finding[] }

type Asked = { frame: Frame; product: string | undefined }
const asked = ({ path, product }: Picture): Asked => ({ frame: { path }, product: product ?? undefined })

const blankSide = 256
/** How many pictures of nothing there are. */
export const blanks = 3
/** After these a model is not asked again by somebody who waits. */
const fatal = new Set(["model_timeout", "model_crashed", "model_memory"])

/**
 * `command` starts an inference worker. Each call gets a fresh process, killed at the end: session.run blocks the
 * event loop of whoever calls it, a foreign model may crash, and released sessions do not give memory back.
 */
export function createProver({
  command,
  timeoutMs,
  memoryBytes,
}: {
  command: string[]
  timeoutMs?: number
  /** A model that takes more is ended. */
  memoryBytes?: number
}): Prover {
  const open = () => createInferChild({ command, memoryBytes, ...(timeoutMs !== undefined && { timeoutMs }) })
  const withChild = async <T>(work: (child: InferChild) => Promise<T>): Promise<T> => {
    const child = open()
    try {
      return await work(child)
    } finally {
      await child.close()
    }
  }
  const inspected = async (child: InferChild, { frame, product }: Asked): Promise<Shown> => {
    const { verdict, findings, timing } = await child.inspect(frame, { product })
    return {
      eval: verdict.eval,
      score: verdict.score ?? null,
      ...(verdict.code !== undefined && { code: verdict.code }),
      ms: (timing.pre ?? 0) + (timing.infer ?? 0) + (timing.post ?? 0),
      findings,
    }
  }
  const hearFrames = (model: string, frames: readonly Asked[], signal?: AbortSignal) =>
    withChild(async (child) => {
      try {
        await child.load(model)
      } catch (error) {
        const code = codeOf(error)
        return frames.map((): Shown => ({ eval: "undefined", score: null, code, ms: 0, findings: [] }))
      }
      const heard: Shown[] = []
      for (const frame of frames) {
        signal?.throwIfAborted()
        heard.push(await inspected(child, frame))
      }
      return heard
    })
  const judgeFrames = async (
    model: string,
    frames: readonly Asked[],
    signal?: AbortSignal,
  ): Promise<Judgement[]> =>
    (await hearFrames(model, frames, signal)).map(({ findings: _, ...judgement }) => judgement)
  return {
    judge: (model, pictures, signal) => judgeFrames(model, pictures.map(asked), signal),
    hear: (model, pictures, signal) => hearFrames(model, pictures.map(asked), signal),
    judgeBlank: (model, signal) => judgeFrames(model, blankFrames(), signal),
    show: (model, pictures, signal) =>
      withChild(async (child) => {
        await child.load(model)
        const shown: Shown[] = []
        for (const frame of [...blankFrames(), ...pictures.map((path) => asked({ path }))]) {
          signal?.throwIfAborted()
          const said = await inspected(child, frame)
          shown.push(said)
          if (said.code !== undefined && fatal.has(said.code)) break
        }
        return shown
      }),
    look: (file) => withChild((child) => child.look(file)),
    stamp: (file, contract, into) => withChild((child) => child.stamp(file, contract, into)),
    shrink: async (path, side) => (await withChild((child) => child.thumbnail({ path }, side))).bytes,
  }
}

function blankFrames(): Asked[] {
  const size = blankSide * blankSide * 3
  // A linear congruential generator: the same noise on every machine.
  let state = 1
  const noise = Uint8Array.from({ length: size }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state >>> 24
  })
  return [new Uint8Array(size), new Uint8Array(size).fill(255), noise].map((raw) => ({
    frame: { raw, width: blankSide, height: blankSide, channels: 3 },
    product: undefined,
  }))
}
