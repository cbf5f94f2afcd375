import { openModel } from "../infer/session.ts"
import { ModelError } from "../model-error.ts"

/** Largest difference between trained and exported score: float32 sums in another order, nothing else. */
const tolerance = 2e-3

/**
 * Runs the exported file exactly as a station will and compares its scores with those the trainer computed.
 * Exports drift from what was trained in the wild; here such a file is never handed in. Returns figures.
 */
export async function verifyModel(
  modelPath: string,
  parity: readonly { path: string; product?: string; score: number }[],
): Promise<Record<string, number>> {
  const model = await openModel(modelPath)
  const times: number[] = []
  let worst = 0
  for (const { path, product, score } of parity) {
    const { verdict, timing } = await model.inspect({ path }, { product })
    worst = Math.max(worst, Math.abs((verdict.score ?? Number.NaN) - score))
    times.push(timing.infer ?? 0)
  }
  await model.release()
  if (!(worst <= tolerance)) {
    throw new ModelError("training_invalid", `the exported model is off by ${worst}: not handed in`)
  }
  return { parity_max: worst, infer_ms: times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0 }
}
