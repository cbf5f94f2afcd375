import type { ModelContract } from "#contract/model"
import type { TrialDoubt, TriedPicture } from "#contract/registry"

/** Longer than this for one picture, and no line waits for it. */
const slowMs = 1_000
/** Scores nearer to each other than this are the same. */
const same = 1e-4

/** What speaks against a model after it has seen pictures of nothing and some real parts. */
export function doubtsOfTrial(
  task: ModelContract["task"],
  pictures: readonly Pick<TriedPicture, "part" | "score" | "code" | "findings" | "ms">[],
): TrialDoubt[] {
  const scores = pictures.flatMap(({ score }) => (score === null ? [] : [score]))
  const parts = pictures.filter(({ part }) => part !== null)
  const spread = Math.max(...scores) - Math.min(...scores)
  const places = task === "detection" || task === "instance" || task === "segmentation"
  const doubts: [TrialDoubt, boolean][] = [
    ["failed", pictures.some(({ code }) => code !== null)],
    // Black, white and noise as sure as every part: most often normalised twice, or not at all.
    ["always_sure", scores.length > 2 && scores.every((score) => score >= 1 - same)],
    ["always_same", scores.length > 2 && spread < same],
    ["nothing_found", places && parts.length > 0 && parts.every(({ findings }) => findings.length === 0)],
    ["slow", pictures.some(({ ms }) => ms > slowMs)],
  ]
  return doubts.flatMap(([doubt, holds]) => (holds ? [doubt] : []))
}
