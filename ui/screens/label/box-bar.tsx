import { useApp, useKindName, useWords } from "../../context.ts"
import type { Shape } from "../../editor/document.ts"
import { documentOf } from "../../editor/state.ts"
import { DefectIcon, Icon } from "../../parts/icon.tsx"
import type { Commands, Drawer } from "./commands.ts"
import type { Labelling } from "./labelling.ts"
import type { OutlineHelp } from "./outline-help.ts"
import { hintOf, ToolBar } from "./tool-bar.tsx"

/** More regions than these are a list of their own; under the picture stand the selected ones. */
const mostChips = 6

/** The regions as a list under the picture: reachable by keyboard, with what can be done to the selected one. */
export function BoxBar({
  work,
  commands,
  onDrawer,
  outlines,
}: {
  work: Labelling
  commands: Commands
  onDrawer: (which: Drawer) => void
  outlines: OutlineHelp
}) {
  const words = useWords()
  const state = work.editor.value
  const shapes = documentOf(state).shapes
  const { hints } = words.editor
  const help = { asking: hints.segmentAsking, nothing: hints.segmentNothing, failed: hints.segmentFailed }
  const said = outlines.state.value
  const hint = said === "idle" ? hintOf(state, words) : help[said]
  if (hint !== null) return <ToolBar work={work} commands={commands} hint={hint} />
  if (shapes.length === 0) return null
  const numbered = shapes.map((shape, i) => ({ shape, number: i + 1 }))
  const all = shapes.length <= mostChips
  const shown = all
    ? numbered
    : numbered.filter(({ shape }) => state.selection.includes(shape.id)).slice(0, mostChips - 1)
  return (
    <ul class="box-bar" aria-label={words.label.boxes}>
      {shown.map(({ shape, number }) => (
        <Chip key={shape.id} work={work} shape={shape} number={number} onDrawer={onDrawer} />
      ))}
      {!all && (
        <li class="box-chip">
          <button type="button" class="box-chip-name" onClick={() => onDrawer("regions")}>
            <Icon name="list" />
            {words.editor.regionsCount(shapes.length)}
          </button>
        </li>
      )}
    </ul>
  )
}

function Chip({
  work,
  shape,
  number,
  onDrawer,
}: {
  work: Labelling
  shape: Shape
  number: number
  onDrawer: (which: Drawer) => void
}) {
  const app = useApp()
  const words = useWords()
  const kindName = useKindName()
  const state = work.editor.value
  const selected = shape.id === state.selected
  const icon = app.kinds.value.find((kind) => kind.key === shape.kind)?.icon
  return (
    <li class={`box-chip ${selected ? "box-chip-on" : ""} box-chip-${shape.state}`}>
      <button
        type="button"
        class="box-chip-name"
        aria-pressed={selected}
        aria-label={words.label.boxNumber(number, kindName(shape.kind))}
        onClick={() => work.dispatch({ type: "select", id: selected ? null : shape.id })}
      >
        <DefectIcon icon={icon} kind={shape.kind} size={22} />
        {number} {kindName(shape.kind)}
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
      {selected && (
        <button
          type="button"
          class="box-chip-do"
          aria-label={words.editor.details}
          title={words.editor.details}
          data-testid="editor-details"
          onClick={() => onDrawer("regions")}
        >
          <Icon name="more" />
        </button>
      )}
      {!shape.locked && (
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
      )}
    </li>
  )
}
