import { createInferChild } from "#models/infer/child"
import { limitsFor, verdictFor } from "#models/infer/verdict"
import type { Judgement, OpenInspector } from "./inspector.ts"

/**
 * Inspectors as child processes of this program. `command` starts one, e.g. `selfCommand("worker", "infer")`.
 */
export function childInspectors(command: string[]): OpenInspector {
  return async (path, { timeoutMs, background = false, ...contract }) => {
    const child = createInferChild({
      command: background ? [...command, "--background"] : command,
      timeoutMs,
    })
    let under: Promise<unknown> = Promise.resolve()
    try {
      await child.load(path)
    } catch (error) {
      await child.close()
      throw error
    }
    return {
      inspect: (picture, product): Promise<Judgement> => {
        const { t_low, t_high } = limitsFor(contract, product)
        const thresholds = { t_low, t_high }
        const answer = child
          .infer(picture, { thresholds, product })
          .then(({ verdict, findings, timing }) => ({
            // The child is where a broken model has run: what it says is judged again on this side.
            verdict: verdict.score === undefined ? verdict : verdictFor({ score: verdict.score }, thresholds),
            findings: findings.slice(0, 64),
            timing,
          }))
        under = Promise.allSettled([under, answer])
        return answer
      },
      close: async () => {
        await under
        await child.close()
      },
    }
  }
}
