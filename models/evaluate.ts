import type { Evaluation } from "#contract/inspection"
import type { InferChild } from "./infer/child.ts"
import type { InspectOptions } from "./infer/session.ts"

/** What a model says about one image; without a score when it failed, then `code` says why. */
export type Evaluated = {
  id: string
  eval: Evaluation
  score?: number
  code?: string
  kinds: string[]
  infer_ms: number
}

/**
 * Runs a list of images through inference children that have the model loaded, each child taking the next
 * image as it gets free. Results come in the order of the list. An image that fails is undecidable with its
 * code; nothing is left out.
 */
export async function evaluateImages(
  children: readonly InferChild[],
  images: readonly { id: string; path: string }[],
  options: InspectOptions = {},
  onProgress: (done: number) => void = () => {},
): Promise<Evaluated[]> {
  const results: Evaluated[] = new Array(images.length)
  let next = 0
  let done = 0
  const lane = async (child: InferChild) => {
    for (let i = next++; i < images.length; i = next++) {
      const { id, path } = images[i]!
      const { verdict, findings, timing } = await child.inspect({ path }, options)
      results[i] = {
        id,
        eval: verdict.eval,
        ...(verdict.score !== undefined && { score: verdict.score }),
        ...(verdict.code !== undefined && { code: verdict.code }),
        kinds: [...new Set(findings.map((finding) => finding.kind))],
        infer_ms: timing.infer ?? 0,
      }
      onProgress(++done)
    }
  }
  await Promise.all(children.map(lane))
  return results
}
