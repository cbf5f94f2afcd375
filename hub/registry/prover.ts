import { createInferChild } from "#models/infer/child"
import { codeOf } from "#models/model-error"
import type { Frame } from "#models/preprocess"
import type { Judgement } from "./gate.rules.ts"

/** Shows pictures to a model in a process of its own and reports what it said, in the same order. */
export type Prover = {
  /** Pictures by path. A model that cannot be loaded answers every picture with that code. */
  judge(model: string, pictures: readonly string[], signal?: AbortSignal): Promise<Judgement[]>
  /** Pictures of nothing: black, white and noise. */
  judgeBlank(model: string, signal?: AbortSignal): Promise<Judgement[]>
  /** JPEG copy of a picture, `side` pixels at most. */
  shrink(path: string, side: number): Promise<Uint8Array>
}

const blankSide = 256

/**
 * `command` starts an inference worker. Each call gets a fresh process, killed at the end: session.run blocks the
 * event loop of whoever calls it, a foreign model may crash, and released sessions do not give memory back.
 */
export function createProver({ command, timeoutMs }: { command: string[]; timeoutMs?: number }): Prover {
  const judgeFrames = async (model: string, frames: readonly Frame[], signal?: AbortSignal) => {
    const child = createInferChild({ command, ...(timeoutMs !== undefined && { timeoutMs }) })
    try {
      try {
        await child.load(model)
      } catch (error) {
        const code = codeOf(error)
        return frames.map((): Judgement => ({ eval: "undefined", score: null, code, ms: 0 }))
      }
      const judgements: Judgement[] = []
      for (const frame of frames) {
        signal?.throwIfAborted()
        const { verdict, timing } = await child.inspect(frame)
        judgements.push({
          eval: verdict.eval,
          score: verdict.score ?? null,
          ...(verdict.code !== undefined && { code: verdict.code }),
          ms: (timing.pre ?? 0) + (timing.infer ?? 0) + (timing.post ?? 0),
        })
      }
      return judgements
    } finally {
      await child.close()
    }
  }
  return {
    judge: (model, pictures, signal) =>
      judgeFrames(
        model,
        pictures.map((path) => ({ path })),
        signal,
      ),
    judgeBlank: (model, signal) => judgeFrames(model, blankFrames(), signal),
    shrink: async (path, side) => {
      const child = createInferChild({ command })
      try {
        return (await child.thumbnail({ path }, side)).bytes
      } finally {
        await child.close()
      }
    },
  }
}

function blankFrames(): Frame[] {
  const size = blankSide * blankSide * 3
  // A linear congruential generator: the same noise on every machine.
  let state = 1
  const noise = Uint8Array.from({ length: size }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state >>> 24
  })
  return [new Uint8Array(size), new Uint8Array(size).fill(255), noise].map((raw) => ({
    raw,
    width: blankSide,
    height: blankSide,
    channels: 3,
  }))
}
