import { acceptShape, changeShape, findShape, removeShape, type Shape } from "./document.ts"
import { moveBox, type ScreenPoint, type Size, screenPoint } from "./geometry.ts"
import { change, redo, undo } from "./history.ts"
import type { PointerInput } from "./input.ts"
import { documentOf, type EditorState, type Mode, newEditor } from "./state.ts"
import { cancelGesture, pointer } from "./tools.ts"
import { fit, keep, panBy, zoomAt } from "./viewport.ts"

/** Everything that can happen to the editor. */
export type EditorAction =
  | PointerInput
  | { readonly type: "wheel"; readonly at: ScreenPoint; readonly delta: number }
  | { readonly type: "stage"; readonly size: Size }
  | { readonly type: "open"; readonly image: Size; readonly shapes: readonly Shape[] }
  | { readonly type: "mode"; readonly mode: Mode }
  /** Kind of the selected box, and of the next one drawn. */
  | { readonly type: "kind"; readonly kind: string }
  | { readonly type: "zoom"; readonly factor: number }
  | { readonly type: "fit" }
  /** Arrow keys: moves the selected box by image pixels, else the picture by screen pixels. */
  | { readonly type: "nudge"; readonly dx: number; readonly dy: number }
  | { readonly type: "select"; readonly id: string | null }
  | { readonly type: "accept"; readonly id: string }
  | { readonly type: "remove"; readonly id: string }
  | { readonly type: "undo" }
  | { readonly type: "redo" }
  | { readonly type: "escape" }

const panStep = 64

/** The editor as one pure function: state and what happened → state. */
export function reduce(state: EditorState, action: EditorAction): EditorState {
  const doc = documentOf(state)
  switch (action.type) {
    case "down":
    case "move":
    case "up":
    case "cancel":
      return pointer(state, action)
    case "wheel":
      return zoomed(state, action.at, Math.exp(-action.delta * 0.0015))
    case "zoom":
      return zoomed(state, screenPoint(state.stage.w / 2, state.stage.h / 2), action.factor)
    case "fit":
      return { ...state, viewport: fit(state.image, state.stage) }
    case "stage": {
      // A stage that was never measured, or shows the whole image, keeps showing the whole image.
      const whole = state.stage.w === 0 || state.viewport.scale <= fit(state.image, state.stage).scale * 1.001
      const viewport = whole ? fit(state.image, action.size) : keep(state.viewport, state.image, action.size)
      return { ...state, stage: action.size, viewport }
    }
    case "open":
      return newEditor(action.image, state.stage, action.shapes)
    case "mode":
      return { ...cancelGesture(state), mode: action.mode }
    case "kind": {
      const shape = findShape(doc, state.selected)
      const history =
        shape && shape.kind !== action.kind
          ? change(state.history, changeShape(doc, shape.id, { kind: action.kind }))
          : state.history
      return { ...state, kind: action.kind, history }
    }
    case "nudge": {
      const shape = findShape(doc, state.selected)
      if (shape) {
        const box = moveBox(shape.box, action.dx, action.dy, state.image)
        return { ...state, history: change(state.history, changeShape(doc, shape.id, { box })) }
      }
      const moved = panBy(state.viewport, -action.dx * panStep, -action.dy * panStep)
      return { ...state, viewport: keep(moved, state.image, state.stage) }
    }
    case "select":
      return { ...cancelGesture(state), selected: action.id }
    case "accept":
      return { ...state, history: change(state.history, acceptShape(doc, action.id)) }
    case "remove":
      return {
        ...cancelGesture(state),
        history: change(state.history, removeShape(doc, action.id)),
        selected: state.selected === action.id ? null : state.selected,
      }
    case "undo":
      return settle({ ...state, history: undo(state.history) })
    case "redo":
      return settle({ ...state, history: redo(state.history) })
    case "escape":
      return { ...cancelGesture(state), mode: "hand", selected: null }
  }
}

function zoomed(state: EditorState, at: ScreenPoint, factor: number): EditorState {
  return { ...state, viewport: keep(zoomAt(state.viewport, at, factor), state.image, state.stage) }
}

/** After a step through history the selection must still exist. */
function settle(state: EditorState): EditorState {
  const found = findShape(documentOf(state), state.selected)
  return { ...state, gesture: { name: "idle" }, selected: found ? state.selected : null }
}
