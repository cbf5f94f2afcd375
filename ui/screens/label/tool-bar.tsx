import { useWords } from "../../context.ts"
import type { EditorState } from "../../editor/state.ts"
import type { Words } from "../../i18n/ko.ts"
import { Icon } from "../../parts/icon.tsx"
import type { Commands } from "./commands.ts"
import type { Labelling } from "./labelling.ts"

/** What to do next with the tool in the hand; null while the hand has nothing to say. */
export function hintOf(state: EditorState, words: Words): string | null {
  const { hints } = words.editor
  const { gesture, mode, adding } = state
  const waits = "back" in gesture ? gesture.back.name : gesture.name
  if (waits === "carry") return hints.carry
  if (waits === "bring") return hints.bring
  switch (mode) {
    case "hand":
      return adding ? hints.several : null
    case "box":
    case "ellipse":
      return waits === "corner" ? hints.boxNext : hints.box
    case "rotated":
      return waits === "side" ? hints.rotatedSide : waits === "corner" ? hints.rotatedNext : hints.rotated
    case "polygon":
      return waits === "path" ? hints.polygonNext : hints.polygon
    case "line":
      return waits === "path" ? hints.lineNext : hints.line
    case "link":
      return waits === "linking" ? hints.linkNext : hints.link
    case "segment":
      return waits === "spots" ? hints.segmentNext : hints.segment
    case "point":
    case "brush":
    case "eraser":
    case "marquee":
      return hints[mode]
  }
}

/** Under the picture while a tool is in the hand: the next step in words, and what ends it without a drag. */
export function ToolBar({ work, commands, hint }: { work: Labelling; commands: Commands; hint: string }) {
  const words = useWords()
  const state = work.editor.value
  const { gesture, mode } = state
  const paints = mode === "brush" || mode === "eraser"
  const path = gesture.name === "path" ? gesture.points.length : 0
  const enough = path >= (mode === "polygon" ? 3 : 2)
  const stays = paints || mode === "point" || mode === "link" || mode === "segment" || state.adding
  return (
    <div class="box-bar">
      <p class="box-hint" role="status" data-testid="editor-hint">
        {work.toolMissing.value ? words.editor.toolMissing : hint}
      </p>
      {paints && (
        <div class="box-chip">
          {(["brush", "eraser"] as const).map((tool) => (
            <button
              key={tool}
              type="button"
              class={`box-chip-do ${mode === tool ? "box-chip-on" : ""}`}
              aria-pressed={mode === tool}
              onClick={() => work.dispatch({ type: "mode", mode: tool })}
              data-testid="editor-tool"
              data-mode={tool}
            >
              <Icon name={tool} />
              {words.editor.tools[tool]}
            </button>
          ))}
          <button
            type="button"
            class="box-chip-do"
            aria-label={words.editor.actions.thinner}
            onClick={commands.thinner}
            data-testid="editor-thinner"
          >
            <Icon name="minus" />
          </button>
          <span class="box-chip-name num">{words.editor.size(state.brush)}</span>
          <button
            type="button"
            class="box-chip-do"
            aria-label={words.editor.actions.thicker}
            onClick={commands.thicker}
            data-testid="editor-thicker"
          >
            <Icon name="plus" />
          </button>
        </div>
      )}
      <div class="box-chip">
        {path > 0 && (
          <button type="button" class="box-chip-do" onClick={() => work.dispatch({ type: "undo" })}>
            <Icon name="undo" />
            {words.editor.cornerBack}
          </button>
        )}
        {!stays && (
          <button
            type="button"
            class="box-chip-do"
            onClick={() => {
              work.dispatch({ type: "escape" })
              work.dispatch({ type: "mode", mode: "hand" })
            }}
            data-testid="editor-cancel"
          >
            <Icon name="close" />
            {words.common.cancel}
          </button>
        )}
        {(enough || stays) && (
          <button
            type="button"
            class="box-chip-do box-chip-on"
            onClick={commands.done}
            data-testid="editor-done"
          >
            <Icon name="check" />
            {words.editor.done}
          </button>
        )}
      </div>
    </div>
  )
}
