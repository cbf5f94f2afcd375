import type { ImagePoint } from "./geometry.ts"
import type { PointerInput } from "./input.ts"
import type { EditorState } from "./state.ts"
import { finish, idle, pointAt, type Tool } from "./tool.ts"

const placed = (state: EditorState, at: ImagePoint): EditorState =>
  finish(state, { type: "point", at: [at.x, at.y] }, "point")

const aimed = (state: EditorState, input: PointerInput): EditorState => ({
  ...state,
  gesture: { name: "aim", pointer: input.id, to: pointAt(state, input), back: idle },
})

/** A point: a tap, or a drag that aims with the magnifier and places where it ends. */
export const pointTool: Tool = {
  idle: { tap: (state, input) => placed(state, pointAt(state, input)), drag: aimed },
  aim: { move: aimed, up: (state, input) => placed(state, pointAt(state, input)) },
}
