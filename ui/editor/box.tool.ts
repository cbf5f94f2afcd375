import { boxFromCorners, type ImagePoint, isDrawable, screenPoint } from "./geometry.ts"
import type { EditorState } from "./state.ts"
import { backOf, finish, idle, pointAt, type Tool } from "./tool.ts"
import { toImage } from "./viewport.ts"

function finishBox(state: EditorState, type: "box" | "ellipse", a: ImagePoint, b: ImagePoint): EditorState {
  const box = boxFromCorners(a, b, state.image)
  if (!isDrawable(box)) return { ...state, gesture: idle }
  return finish(state, { type, box })
}

/** In the middle of what is seen: keys move and stretch it from there. */
function placed(state: EditorState, type: "box" | "ellipse"): EditorState {
  const { viewport, stage } = state
  const at = (part: number) => toImage(viewport, screenPoint(stage.w * part, stage.h * part))
  return finishBox(state, type, at(2 / 5), at(3 / 5))
}

/** Draws between two corners: a drag, or two taps; without a pointer it is placed. */
const betweenCorners = (type: "box" | "ellipse"): Tool => ({
  idle: {
    tap(state, input) {
      const at = pointAt(state, input)
      return { ...state, gesture: { name: "corner", from: at, to: at } }
    },
    drag(state, input) {
      const at = pointAt(state, input)
      return { ...state, gesture: { name: "draw", pointer: input.id, from: at, to: at, back: idle } }
    },
    done: (state) => placed(state, type),
  },
  corner: {
    down(state, input) {
      if (state.gesture.name !== "corner") return state
      const { from } = state.gesture
      const to = pointAt(state, input)
      return { ...state, gesture: { name: "draw", pointer: input.id, from, to, back: state.gesture } }
    },
    hover(state, input) {
      if (state.gesture.name !== "corner") return state
      return { ...state, gesture: { ...state.gesture, to: pointAt(state, input) } }
    },
  },
  draw: {
    move(state, input) {
      if (state.gesture.name !== "draw") return state
      return { ...state, gesture: { ...state.gesture, to: pointAt(state, input) } }
    },
    up(state, input) {
      if (state.gesture.name !== "draw") return { ...state, gesture: backOf(state.gesture) }
      return finishBox(state, type, state.gesture.from, pointAt(state, input))
    },
  },
})

export const boxTool = betweenCorners("box")
export const ellipseTool = betweenCorners("ellipse")
