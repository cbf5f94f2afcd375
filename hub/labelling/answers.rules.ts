import type { Answer, Answers, Drawing } from "#contract/drawing"
import type { Question, TreeOption } from "#contract/questions"
import { unanswered } from "#contract/setups"

export type AnswerFault = {
  question: string
  /** Null: of the whole part. */
  region: string | null
  fault: "missing" | "type" | "option" | "several" | "range"
}

/**
 * What is wrong with the answers of a label, or null. Answers to what nobody asks are left alone (an import brings them),
 * and so is what stood there before: whoever looks again did not give it. What must be answered is demanded of NG alone,
 * as the screens do.
 */
export function answersFault(
  questions: readonly Question[],
  label: { verdict: string; drawing?: Drawing | undefined },
  before: Drawing | null,
): AnswerFault | null {
  const { drawing } = label
  const places: { of: Question["of"]; region: string | null; answers: Answers; stood: Answers }[] = [
    { of: "image", region: null, answers: drawing?.answers ?? {}, stood: before?.answers ?? {} },
    ...(drawing?.regions ?? []).map(({ id, answers = {} }) => ({
      of: "region" as const,
      region: id,
      answers,
      stood: before?.regions.find((region) => region.id === id)?.answers ?? {},
    })),
  ]
  for (const { of, region, answers, stood } of places) {
    const missing = label.verdict === "ng" ? unanswered(questions, of, answers) : undefined
    if (missing) return { question: missing.key, region, fault: "missing" }
    for (const question of questions) {
      const answer = answers[question.key]
      if (question.of !== of || answer === undefined || isSame(answer, stood[question.key])) continue
      const fault = answerFault(question, answer)
      if (fault) return { question: question.key, region, fault }
    }
  }
  return null
}

const isSame = (a: Answer, b: Answer | undefined) => JSON.stringify(a) === JSON.stringify(b)

function answerFault(question: Question, answer: Answer): AnswerFault["fault"] | null {
  switch (question.type) {
    case "text":
      return typeof answer === "string" ? null : "type"
    case "rating":
      if (typeof answer !== "number") return "type"
      return Number.isInteger(answer) && answer >= 1 && answer <= question.most ? null : "range"
    case "number": {
      const { min = -Infinity, max = Infinity } = question
      if (typeof answer !== "number") return "type"
      return answer >= min && answer <= max ? null : "range"
    }
    case "choice": {
      const chosen: unknown[] = Array.isArray(answer) ? answer : [answer]
      if (chosen.some((one) => typeof one !== "string")) return "type"
      if (!question.several && chosen.length > 1) return "several"
      return chosen.every((one) => question.options.some(({ key }) => key === one)) ? null : "option"
    }
    case "tree": {
      if (!Array.isArray(answer)) return "type"
      const paths: unknown[] = answer
      if (!paths.every((path): path is string[] => Array.isArray(path))) return "type"
      if (!question.several && paths.length > 1) return "several"
      return paths.every((path) => leadsSomewhere(question.options, path)) ? null : "option"
    }
  }
}

/** A path may end at any branch: "front" is an answer where nobody can tell which edge. */
function leadsSomewhere(options: readonly TreeOption[], [first, ...rest]: readonly string[]): boolean {
  const option = options.find(({ key }) => key === first)
  if (!option) return false
  return rest.length === 0 || leadsSomewhere(option.options ?? [], rest)
}
