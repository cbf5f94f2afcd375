import { useState } from "preact/hooks"
import type { Answer, Answers } from "#contract/drawing"
import type { Question, TreeOption } from "#contract/questions"
import { useApp, useWords } from "../../context.ts"
import { Icon } from "../../parts/icon.tsx"

type Put = (key: string, answer: Answer | undefined) => void

/** Questions beside the verdict, each with its answer. */
export function Questions({
  questions,
  answers,
  missing,
  disabled,
  onAnswer,
}: {
  questions: readonly Question[]
  answers: Answers | undefined
  /** Key of the one that must be answered before NG. */
  missing: string | null
  disabled: boolean
  onAnswer: Put
}) {
  const { prefs } = useApp()
  const words = useWords()
  return (
    <>
      {questions.map((question) => (
        <fieldset
          key={question.key}
          class={`question ${missing === question.key ? "question-missing" : ""}`}
          disabled={disabled}
          data-testid="editor-question"
          data-question={question.key}
        >
          <legend>
            {question.names[prefs.language.value]}
            {question.required && <span class="question-must"> · {words.editor.required}</span>}
          </legend>
          <Input question={question} answer={answers?.[question.key]} onAnswer={onAnswer} />
        </fieldset>
      ))}
    </>
  )
}

function Input({
  question,
  answer,
  onAnswer,
}: {
  question: Question
  answer: Answer | undefined
  onAnswer: Put
}) {
  const { prefs } = useApp()
  const words = useWords()
  const put = (value: Answer | undefined) => onAnswer(question.key, value)
  switch (question.type) {
    case "choice": {
      const chosen = Array.isArray(answer) ? answer.filter((a) => typeof a === "string") : [answer]
      return (
        <div class="answers">
          {question.options.map(({ key, names }) => {
            const on = chosen.includes(key)
            const several = on ? chosen.filter((a) => a !== key) : [...chosen, key]
            return (
              <Choice
                key={key}
                on={on}
                name={names[prefs.language.value]}
                onPress={() => {
                  if (question.several) put(several.filter((a) => typeof a === "string"))
                  else put(on ? undefined : key)
                }}
              />
            )
          })}
        </div>
      )
    }
    case "tree":
      return <Tree question={question} answer={answer} put={put} />
    case "rating": {
      const given = typeof answer === "number" ? answer : 0
      return (
        <div class="answers answers-row">
          {Array.from({ length: question.most }, (_, i) => i + 1).map((stars) => (
            <button
              key={stars}
              type="button"
              class="answer answer-star"
              aria-pressed={stars <= given}
              aria-label={words.editor.stars(stars)}
              onClick={() => put(stars === given ? undefined : stars)}
              data-testid="editor-answer"
            >
              <Icon name="star" />
            </button>
          ))}
        </div>
      )
    }
    case "number": {
      const { min = -Infinity, max = Infinity } = question
      const value = typeof answer === "number" ? answer : undefined
      const step = (by: number) => put(Math.min(max, Math.max(min, (value ?? Math.max(0, min)) + by)))
      return (
        <div class="answers answers-row">
          <button type="button" class="answer" aria-label={words.editor.less} onClick={() => step(-1)}>
            <Icon name="minus" />
          </button>
          <input
            class="input num"
            type="number"
            inputMode="decimal"
            aria-label={question.names[prefs.language.value]}
            min={question.min}
            max={question.max}
            value={value ?? ""}
            onChange={(event) => {
              const typed = event.currentTarget.valueAsNumber
              put(Number.isFinite(typed) ? Math.min(max, Math.max(min, typed)) : undefined)
            }}
            data-testid="editor-answer"
          />
          {question.unit && <span class="answers-unit">{question.unit}</span>}
          <button type="button" class="answer" aria-label={words.editor.plus} onClick={() => step(1)}>
            <Icon name="plus" />
          </button>
        </div>
      )
    }
    case "text":
      return (
        <textarea
          class="input answers-text"
          rows={2}
          maxLength={2_000}
          aria-label={question.names[prefs.language.value]}
          value={typeof answer === "string" ? answer : ""}
          onInput={(event) => put(event.currentTarget.value || undefined)}
          data-testid="editor-answer"
        />
      )
  }
}

function Choice({ on, name, onPress }: { on: boolean; name: string; onPress: () => void }) {
  return (
    <button type="button" class="answer" aria-pressed={on} onClick={onPress} data-testid="editor-answer">
      {name}
    </button>
  )
}

const isPath = (value: unknown): value is string[] => Array.isArray(value)

/** Step by step from the root: each step shows what lies below the choice above it. */
function Tree({
  question,
  answer,
  put,
}: {
  question: Extract<Question, { type: "tree" }>
  answer: Answer | undefined
  put: (answer: Answer | undefined) => void
}) {
  const { prefs } = useApp()
  const words = useWords()
  const paths = Array.isArray(answer) ? answer.filter(isPath) : []
  const [open, setOpen] = useState<readonly string[]>(paths[0] ?? [])
  const language = prefs.language.value
  const levels: (readonly TreeOption[])[] = [question.options]
  for (const key of open) {
    const below = levels.at(-1)?.find((option) => option.key === key)?.options
    if (below && below.length > 0) levels.push(below)
  }
  const nameOf = (path: readonly string[]) => {
    let options: readonly TreeOption[] = question.options
    return path
      .map((key) => {
        const found = options.find((option) => option.key === key)
        options = found?.options ?? []
        return found?.names[language] ?? key
      })
      .join(" › ")
  }
  const choose = (level: number, option: TreeOption) => {
    const path = [...open.slice(0, level), option.key]
    setOpen(path)
    if (!question.several) put([path])
    else if (!option.options?.length) {
      const has = paths.some((known) => known.join("/") === path.join("/"))
      const next = has ? paths.filter((known) => known.join("/") !== path.join("/")) : [...paths, path]
      put(next.length > 0 ? next : undefined)
    }
  }
  return (
    <>
      {levels.map((options, level) => (
        <div key={open.slice(0, level).join("/")} class="answers">
          {options.map((option) => (
            <Choice
              key={option.key}
              on={open[level] === option.key}
              name={option.names[language]}
              onPress={() => choose(level, option)}
            />
          ))}
        </div>
      ))}
      {paths.map((path) => (
        <button
          key={path.join("/")}
          type="button"
          class="answer answer-path"
          aria-label={`${words.editor.clear}: ${nameOf(path)}`}
          onClick={() => {
            const left = paths.filter((known) => known !== path)
            put(left.length > 0 ? left : undefined)
            setOpen([])
          }}
        >
          {nameOf(path)}
          <Icon name="close" size={18} />
        </button>
      ))}
    </>
  )
}
