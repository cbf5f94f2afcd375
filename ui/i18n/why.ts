import type { LabelTask } from "#contract/labelling"
import type { Words } from "./ko.ts"

/** Why a part was chosen, in words: what counted, the most first, and the probability where chance picked it. */
export function whyText(words: Words, { why }: Pick<LabelTask, "why">): string {
  if (!why) return ""
  if (why.shares.length === 0) return words.flow.why.asked
  const parts = why.shares.filter(({ share }) => share > 0).map(({ part }) => words.flow.why.part[part])
  return words.common.and([
    ...parts,
    ...(why.chance === undefined ? [] : [words.flow.why.chance(why.chance)]),
  ])
}
