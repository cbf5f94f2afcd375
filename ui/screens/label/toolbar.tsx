import type { DrawingTool } from "#contract/questions"
import { useWords } from "../../context.ts"
import { IconButton } from "../../parts/button.tsx"
import type { Commands, Drawer } from "./commands.ts"
import type { Labelling } from "./labelling.ts"
import { modeIcons } from "./modes.ts"

/** Tools that are at hand; the others are one tap further. */
const atHand = 3

export function Toolbar({
  work,
  disabled,
  tools,
  commands,
  drawer,
  onDrawer,
}: {
  work: Labelling
  disabled: boolean
  tools: readonly DrawingTool[]
  commands: Commands
  drawer: Drawer
  onDrawer: (which: Drawer) => void
}) {
  const words = useWords()
  const state = work.editor.value
  const first = tools.slice(0, atHand)
  const other = state.mode !== "hand" && !first.some((tool) => tool === state.mode)
  return (
    <div class="tools" role="toolbar" aria-orientation="vertical">
      {first.map((tool) => (
        <IconButton
          key={tool}
          icon={modeIcons[tool]}
          name={words.editor.tools[tool]}
          caption={words.editor.tools[tool]}
          pressed={state.mode === tool}
          disabled={disabled}
          onClick={commands[tool]}
          testid={tool === "box" ? "label-tool-box" : "editor-tool"}
          data-mode={tool}
        />
      ))}
      <IconButton
        icon={other ? modeIcons[state.mode] : "tools"}
        name={words.editor.more}
        caption={other ? words.editor.tools[state.mode] : words.editor.more}
        pressed={drawer !== "none" || other}
        aria-expanded={drawer !== "none"}
        disabled={disabled}
        onClick={() => onDrawer(drawer === "none" ? "tools" : "none")}
        testid="editor-more"
      />
      <IconButton
        icon="undo"
        name={words.label.undoEdit}
        caption={words.label.undo}
        disabled={disabled || (state.history.past.length === 0 && state.gesture.name !== "path")}
        onClick={() => work.dispatch({ type: "undo" })}
        testid="label-undo-edit"
      />
      <span class="tools-gap" />
      <IconButton
        icon="plus"
        name={words.label.zoomIn}
        caption={words.label.zoomIn}
        disabled={disabled}
        onClick={commands.zoomIn}
        testid="label-zoom-in"
      />
      <IconButton
        icon="minus"
        name={words.label.zoomOut}
        caption={words.label.zoomOut}
        disabled={disabled}
        onClick={commands.zoomOut}
        testid="label-zoom-out"
      />
      <IconButton
        icon="fit"
        name={words.label.fit}
        caption={words.label.fit}
        disabled={disabled}
        onClick={commands.fit}
        testid="label-fit"
      />
    </div>
  )
}
