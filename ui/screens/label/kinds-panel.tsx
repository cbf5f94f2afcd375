import type { Question } from "#contract/questions"
import { useApp, useKindName, useWords } from "../../context.ts"
import { documentOf } from "../../editor/state.ts"
import { Icon } from "../../parts/icon.tsx"
import { KindSign } from "../../parts/kind-sign.tsx"
import type { Labelling } from "./labelling.ts"
import { Questions } from "./questions.tsx"

/** Active kinds in the order of the catalogue, which stays still under the fingers; "unknown" closes the list. */
export function usePanelKinds() {
  const app = useApp()
  const active = app.kinds.value.filter((kind) => kind.active && kind.key !== "unknown")
  return [...active.map((kind) => ({ key: kind.key, icon: kind.icon })), { key: "unknown", icon: "unknown" }]
}

export function KindsPanel({
  work,
  disabled,
  keys,
  questions,
  onNew,
}: {
  work: Labelling
  disabled: boolean
  keys: boolean
  /** What is asked of the whole part stands below the kinds. */
  questions: readonly Question[]
  onNew: () => void
}) {
  const words = useWords()
  const kindName = useKindName()
  const kinds = usePanelKinds()
  const state = work.editor.value
  const shapes = documentOf(state).shapes
  const selected = shapes.find((shape) => shape.id === state.selected)
  const asking = work.asking.value
  const isOn = (key: string) => (selected ? selected.kind === key : work.picked.value.includes(key))
  const gap = work.missing.value
  const { language } = useApp().prefs
  const title = gap
    ? words.editor.answerFirst(gap.question.names[language.value])
    : asking
      ? words.label.whichKind
      : selected
        ? words.label.chooseKind
        : words.label.kinds
  return (
    <section
      class={`kinds ${asking || gap ? "kinds-asking" : ""}`}
      aria-label={words.label.kinds}
      data-testid="label-kinds"
    >
      <h2 class="kinds-title" aria-live="assertive">
        {title}
      </h2>
      <div class="kinds-list">
        {kinds.map((kind, i) => (
          <button
            key={kind.key}
            type="button"
            class="kind"
            aria-pressed={isOn(kind.key)}
            disabled={disabled}
            data-testid="label-kind"
            data-kind={kind.key}
            data-marked={shapes.some((shape) => shape.kind === kind.key)}
            onClick={() => void work.pick(kind.key)}
          >
            <KindSign kind={kind.key} size={30} />
            <span class="kind-name">
              {kind.key === "unknown" ? words.label.unknownKind : kindName(kind.key)}
            </span>
            {keys && i < 9 && <kbd class="key">{i + 1}</kbd>}
          </button>
        ))}
        <button
          type="button"
          class="kind kind-new"
          disabled={disabled}
          onClick={onNew}
          data-testid="label-new-kind"
        >
          <Icon name="plus" size={30} />
          <span class="kind-name">{words.label.newKind}</span>
        </button>
        <Questions
          questions={questions.filter(({ of }) => of === "image")}
          answers={documentOf(state).answers}
          missing={gap?.region === null ? gap.question.key : null}
          disabled={disabled}
          onAnswer={(key, answer) => work.dispatch({ type: "answer", id: null, key, answer })}
        />
      </div>
    </section>
  )
}
