import { useWords } from "../../context.ts"
import { IconButton } from "../../parts/button.tsx"
import type { Labelling } from "./labelling.ts"

export function Toolbar({ work, disabled }: { work: Labelling; disabled: boolean }) {
  const words = useWords()
  const state = work.editor.value
  return (
    <div class="tools" role="toolbar" aria-orientation="vertical">
      <IconButton
        icon="box"
        name={words.label.boxTool}
        caption={words.label.boxTool}
        pressed={state.mode === "box"}
        disabled={disabled}
        onClick={() => work.dispatch({ type: "mode", mode: state.mode === "box" ? "hand" : "box" })}
        testid="label-tool-box"
      />
      <IconButton
        icon="undo"
        name={words.label.undoEdit}
        caption={words.label.undo}
        disabled={disabled || state.history.past.length === 0}
        onClick={() => work.dispatch({ type: "undo" })}
        testid="label-undo-edit"
      />
      <span class="tools-gap" />
      <IconButton
        icon="plus"
        name={words.label.zoomIn}
        caption={words.label.zoomIn}
        disabled={disabled}
        onClick={() => work.dispatch({ type: "zoom", factor: 1.6 })}
        testid="label-zoom-in"
      />
      <IconButton
        icon="minus"
        name={words.label.zoomOut}
        caption={words.label.zoomOut}
        disabled={disabled}
        onClick={() => work.dispatch({ type: "zoom", factor: 1 / 1.6 })}
        testid="label-zoom-out"
      />
      <IconButton
        icon="fit"
        name={words.label.fit}
        caption={words.label.fit}
        disabled={disabled}
        onClick={() => work.dispatch({ type: "fit" })}
        testid="label-fit"
      />
    </div>
  )
}
