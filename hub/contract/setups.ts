import type { Answer, Answers } from "./drawing.ts"
import type { LabelSetup, Question } from "./questions.ts"

/** How setups are chosen and answers are missed. Without schemas: the first script of the work screen loads it. */

/** What a hub comes with: the tools a worker learns in a minute. */
export const plainSetup: LabelSetup = {
  product: null,
  revision: 0,
  tools: ["box", "polygon", "brush"],
  questions: [],
  changed_at: null,
}

/** The setup of a product among those there are. */
export const setupFor = (setups: readonly LabelSetup[], product: string | null): LabelSetup =>
  setups.find((setup) => product !== null && setup.product === product) ??
  setups.find((setup) => setup.product === null) ??
  plainSetup

const isEmpty = (answer: Answer | undefined): boolean =>
  answer === undefined || answer === "" || (Array.isArray(answer) && answer.length === 0)

/** The first question of these that must be answered and is not. */
export const unanswered = (
  questions: readonly Question[],
  of: Question["of"],
  answers: Answers | undefined,
): Question | undefined =>
  questions.find((question) => question.of === of && question.required && isEmpty(answers?.[question.key]))
