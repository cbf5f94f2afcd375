import { boxFromCorners, type ImagePoint, isDrawable } from "./geometry.ts"
import type { PointerInput } from "./input.ts"
import { hits } from "./outline.ts"
import type { EditorState } from "./state.ts"
import { idle, pointAt, selectedShapes, type Tool } from "./tool.ts"

/** A tap on what is outlined says that it goes too far there, a tap beside it that more is meant. */
const isOutlined = (state: EditorState, p: ImagePoint): boolean =>
  selectedShapes(state).some(({ outline }) => hits(outline, p, 0))

const spotted = (state: EditorState, input: PointerInput): EditorState => {
  const at = pointAt(state, input)
  const { gesture } = state
  if (gesture.name !== "spots")
    return { ...state, gesture: { name: "spots", spots: [{ at, inside: true }], box: null } }
  const spots = [...gesture.spots, { at, inside: !isOutlined(state, at) }]
  return { ...state, gesture: { ...gesture, spots } }
}

const framed = (state: EditorState, input: PointerInput): EditorState => {
  const at = pointAt(state, input)
  return { ...state, gesture: { name: "draw", pointer: input.id, from: at, to: at, back: idle } }
}

/**
 * Points at something for an assistant to outline: a tap on it, or a box around it; further taps correct what came back.
 * The editor asks nobody itself: who listens to its state does, and puts the answer into the document.
 */
export const segmentTool: Tool = {
  idle: { tap: spotted, drag: framed },
  spots: {
    tap: spotted,
    drag: framed,
    done: (state) => ({ ...state, gesture: idle }),
  },
  draw: {
    move(state, input) {
      if (state.gesture.name !== "draw") return state
      return { ...state, gesture: { ...state.gesture, to: pointAt(state, input) } }
    },
    up(state, input) {
      if (state.gesture.name !== "draw") return state
      const box = boxFromCorners(state.gesture.from, pointAt(state, input), state.image)
      return { ...state, gesture: isDrawable(box) ? { name: "spots", spots: [], box } : idle }
    },
  },
}
