import type { Outline } from "./document.ts"
import { distance, type ImagePoint, minBox } from "./geometry.ts"
import type { EditorState } from "./state.ts"
import { finish, idle, pointAt, type Tool } from "./tool.ts"

/** The box with one side from a to b whose opposite side passes `at`; null when nothing could be seen of it. */
export function boxOnSide(a: ImagePoint, b: ImagePoint, at: ImagePoint): (Outline & { type: "box" }) | null {
  const width = distance(a, b)
  if (width < minBox) return null
  const [ux, uy] = [(b.x - a.x) / width, (b.y - a.y) / width]
  const deep = (at.x - a.x) * -uy + (at.y - a.y) * ux
  const height = Math.abs(deep)
  if (height < minBox) return null
  const middle = {
    x: (a.x + b.x) / 2 + (-uy * deep) / 2,
    y: (a.y + b.y) / 2 + (ux * deep) / 2,
  }
  const angle = Math.round(((Math.atan2(uy, ux) * 180) / Math.PI) * 10) / 10
  return { type: "box", box: [middle.x - width / 2, middle.y - height / 2, width, height], angle }
}

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
