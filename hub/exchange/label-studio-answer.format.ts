import * as v from "valibot"
import type { Answer, Answers } from "#contract/drawing"
import { Key } from "#contract/ids"

/** Hears what could not be kept, and why. */
export type Say = (code: string, detail: string) => void

/** What a control that draws nothing says. */
export function answerOf(type: string, value: Record<string, unknown>): Answer | undefined {
  const of = value[type === "textarea" ? "text" : type]
  switch (type) {
    case "choices":
      if (!Array.isArray(of)) return undefined
      if (of.length === 1 && (of[0] === "true" || of[0] === "false")) return of[0] === "true"
      return of.every((choice) => typeof choice === "string") ? of.slice(0, 64) : pathsOf(of)
    case "taxonomy":
      return Array.isArray(of) ? pathsOf(of) : undefined
    case "rating":
    case "number":
      return typeof of === "number" && Number.isFinite(of) ? of : undefined
    case "datetime":
      return typeof of === "string" ? of.slice(0, 2_000) : undefined
    case "textarea":
      if (typeof of === "string") return of.slice(0, 2_000)
      return Array.isArray(of)
        ? of
            .filter((text) => typeof text === "string")
            .join("\n")
            .slice(0, 2_000)
        : undefined
    default:
      return undefined
  }
}

function pathsOf(of: readonly unknown[]): string[][] {
  return of
    .map((path) =>
      (Array.isArray(path) ? path : [path]).filter((step) => typeof step === "string").slice(0, 16),
    )
    .filter((path) => path.length > 0)
    .slice(0, 64)
}

/** Puts an answer under the key of its question, if it is one that a drawing holds. */
export function keepAnswer(
  into: Answers,
  { key, name }: { key: string; name: string },
  said: Answer | undefined,
  say: Say,
): void {
  const steps = Array.isArray(said) ? said.flat() : []
  const fits = v.is(Key, key) && steps.every((step) => step.length > 0 && step.length <= 200)
  if (said === undefined) say("unread", `${name || "?"}: nothing that can be kept`)
  else if (!fits || Object.keys(into).length >= 64) say("answer", `${name}: cannot be kept`)
  else into[key] = said
}

type Said = { type: string; value: Record<string, unknown> }

/** An answer as type and value of a result: as the control asks, where it is one that such a control gives. */
export function answered(answer: Answer, type?: string): Said {
  switch (type) {
    case "choices":
      if (typeof answer === "string") return { type, value: { choices: [answer] } }
      return Array.isArray(answer) ? { type, value: { choices: answer } } : plainly(answer)
    case "rating":
      return typeof answer === "number" ? { type, value: { rating: answer } } : plainly(answer)
    case "datetime":
      return typeof answer === "string" ? { type, value: { datetime: answer } } : plainly(answer)
    default:
      return plainly(answer)
  }
}

function plainly(answer: Answer): Said {
  if (typeof answer === "string") return { type: "textarea", value: { text: [answer] } }
  if (typeof answer === "number") return { type: "number", value: { number: answer } }
  if (typeof answer === "boolean") return { type: "choices", value: { choices: [String(answer)] } }
  const isTree = answer.length > 0 && Array.isArray(answer[0])
  return isTree
    ? { type: "taxonomy", value: { taxonomy: answer } }
    : { type: "choices", value: { choices: answer } }
}
