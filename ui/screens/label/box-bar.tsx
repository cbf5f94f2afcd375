import { useApp, useKindName, useWords } from "../../context.ts"
import { documentOf } from "../../editor/state.ts"
import { DefectIcon, Icon } from "../../parts/icon.tsx"
import type { Labelling } from "./labelling.ts"

/** The boxes as a list under the picture: reachable by keyboard, with what can be done to the selected one. */
export function BoxBar({ work }: { work: Labelling }) {
  const app = useApp()
  const words = useWords()
  const kindName = useKindName()
  const state = work.editor.value
  const shapes = documentOf(state).shapes
  const gesture = state.gesture.name
  if (state.mode === "box")
    return (
      <div class="box-bar">
        <p class="box-hint" role="status">
          {gesture === "corner" ? words.label.firstCorner : words.label.drawHint}
        </p>
      </div>
    )
  if (shapes.length === 0) return null
  return (
    <ul class="box-bar" aria-label={words.label.boxes}>
      {shapes.map((shape, i) => {
        const selected = shape.id === state.selected
        const icon = app.kinds.value.find((kind) => kind.key === shape.kind)?.icon
        return (
          <li key={shape.id} class={`box-chip ${selected ? "box-chip-on" : ""} box-chip-${shape.state}`}>
            <button
              type="button"
              class="box-chip-name"
              aria-pressed={selected}
              aria-label={words.label.boxNumber(i + 1, kindName(shape.kind))}
              onClick={() => work.dispatch({ type: "select", id: selected ? null : shape.id })}
            >
              <DefectIcon icon={icon} kind={shape.kind} size={22} />
              {i + 1} {kindName(shape.kind)}
            </button>
            {shape.state === "suggested" && (
              <button
                type="button"
                class="box-chip-do"
                aria-label={words.label.acceptBox}
                title={words.label.acceptBox}
                data-testid="label-box-accept"
                onClick={() => work.dispatch({ type: "accept", id: shape.id })}
              >
                <Icon name="check" />
              </button>
            )}
            <button
              type="button"
              class="box-chip-do"
              aria-label={words.label.removeBox}
              title={words.label.removeBox}
              data-testid="label-box-remove"
              onClick={() => work.dispatch({ type: "remove", id: shape.id })}
            >
              <Icon name="close" />
            </button>
          </li>
        )
      })}
    </ul>
  )
}
