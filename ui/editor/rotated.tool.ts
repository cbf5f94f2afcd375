import { distance, type ImagePoint, minBox } from "./geometry.ts"
import { boxOnSide } from "./side.ts"
import type { EditorState } from "./state.ts"
import { finish, idle, pointAt, type Tool } from "./tool.ts"

function finishSide(state: EditorState, a: ImagePoint, b: ImagePoint, at: ImagePoint): EditorState {
  const outline = boxOnSide(a, b, at)
  if (!outline) return state
  const [x, y, w, h] = outline.box
  const [mx, my] = [x + w / 2, y + h / 2]
  const isOnImage = mx >= 0 && my >= 0 && mx <= state.image.w && my <= state.image.h
  return isOnImage ? finish(state, outline) : { ...state, gesture: idle }
}

/** A turned box: one side by two taps or a drag, then how far the opposite side lies. */
export const rotatedTool: Tool = {
  idle: {
    tap(state, input) {
      const at = pointAt(state, input)
      return { ...state, gesture: { name: "corner", from: at, to: at } }
    },
    drag(state, input) {
      const at = pointAt(state, input)
      return { ...state, gesture: { name: "draw", pointer: input.id, from: at, to: at, back: idle } }
    },
  },
  corner: {
    tap(state, input) {
      if (state.gesture.name !== "corner") return state
      const to = pointAt(state, input)
      if (distance(state.gesture.from, to) < minBox) return state
      return { ...state, gesture: { name: "side", from: state.gesture.from, to, at: to } }
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
      if (state.gesture.name !== "draw") return state
      const { from } = state.gesture
      const to = pointAt(state, input)
      if (distance(from, to) < minBox) return { ...state, gesture: idle }
      return { ...state, gesture: { name: "side", from, to, at: to } }
    },
  },
  side: {
    tap(state, input) {
      if (state.gesture.name !== "side") return state
      return finishSide(state, state.gesture.from, state.gesture.to, pointAt(state, input))
    },
    hover(state, input) {
      if (state.gesture.name !== "side") return state
      return { ...state, gesture: { ...state.gesture, at: pointAt(state, input) } }
    },
  },
}
