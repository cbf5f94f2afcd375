import { distance, type ImagePoint } from "./geometry.ts"
import type { PointerInput } from "./input.ts"
import { simplify } from "./outline.ts"
import type { EditorState } from "./state.ts"
import { backOf, finish, gripReach, idle, pointAt, type Tool } from "./tool.ts"
import { toScreen } from "./viewport.ts"

/** Finer than this, in CSS pixels, a traced edge is finger noise. */
const traceTolerance = 1.5

/** Closes a polygon or ends a line; too few corners leave everything as it is. */
function finishPath(state: EditorState, points: readonly ImagePoint[]): EditorState {
  const closed = state.mode === "polygon"
  const apart = points.filter((p, i) => i === 0 || distance(p, points[i - 1] ?? p) > 0)
  if (apart.length < (closed ? 3 : 2)) return state
  const places = apart.map(({ x, y }): [number, number] => [x, y])
  return finish(state, { type: closed ? "polygon" : "line", points: places })
}

const isOn = (state: EditorState, p: ImagePoint | undefined, input: PointerInput) =>
  p !== undefined && distance(toScreen(state.viewport, p), input.at) <= gripReach

const begun = (state: EditorState, input: PointerInput, points: readonly ImagePoint[]): EditorState => {
  const at = pointAt(state, input)
  return { ...state, gesture: { name: "path", points: [...points, at], at } }
}

const traced = (state: EditorState, input: PointerInput, points: readonly ImagePoint[]): EditorState => {
  const to = pointAt(state, input)
  return {
    ...state,
    gesture: { name: "trace", pointer: input.id, points: [...points, to], to, back: backOf(state.gesture) },
  }
}

/**
 * Polygon and line: a tap for each corner, ended by a tap on the first (polygon) or on the last one; or traced in one go;
 * or both in turn.
 */
export const pathTool: Tool = {
  idle: {
    tap: (state, input) => begun(state, input, []),
    drag: (state, input) => traced(state, input, []),
  },
  path: {
    done: (state) => (state.gesture.name === "path" ? finishPath(state, state.gesture.points) : state),
    tap(state, input) {
      if (state.gesture.name !== "path") return state
      const { points } = state.gesture
      const closes =
        (state.mode === "polygon" && points.length > 2 && isOn(state, points[0], input)) ||
        (points.length > 1 && isOn(state, points.at(-1), input))
      return closes ? finishPath(state, points) : begun(state, input, points)
    },
    drag(state, input) {
      if (state.gesture.name !== "path") return state
      return traced(state, input, state.gesture.points)
    },
    hover(state, input) {
      if (state.gesture.name !== "path") return state
      return { ...state, gesture: { ...state.gesture, at: pointAt(state, input) } }
    },
  },
  trace: {
    move(state, input) {
      const { gesture } = state
      if (gesture.name !== "trace") return state
      const to = pointAt(state, input)
      const last = gesture.points.at(-1)
      const points =
        last && distance(last, to) * state.viewport.scale < 2 ? gesture.points : [...gesture.points, to]
      return { ...state, gesture: { ...gesture, points, to } }
    },
    up(state, input) {
      const { gesture } = state
      if (gesture.name !== "trace") return state
      const before = gesture.back.name === "path" ? gesture.back.points : []
      const own = [...gesture.points.slice(before.length), pointAt(state, input)]
      const points = [...before, ...simplify(own, traceTolerance / state.viewport.scale)]
      if (before.length === 0) return finishPath({ ...state, gesture: idle }, points)
      const at = points.at(-1) ?? gesture.to
      const next: EditorState = { ...state, gesture: { name: "path", points, at } }
      return state.mode === "polygon" && isOn(state, points[0], input) ? finishPath(next, points) : next
    },
  },
}
