import { acceptShape, addShape, changeShape, findShape, type Shape } from "./document.ts"
import {
  area,
  boxFromCorners,
  contains,
  distance,
  type Handle,
  handleAt,
  handles,
  type ImagePoint,
  isDrawable,
  moveBox,
  resizeBox,
  type ScreenPoint,
} from "./geometry.ts"
import { amend, begin, cancel, change, commit } from "./history.ts"
import { type PointerInput, palm } from "./input.ts"
import { documentOf, type EditorState, type Gesture } from "./state.ts"
import { keep, panBy, pinch, toImage, toScreen } from "./viewport.ts"

/** Below this many CSS pixels a press is a tap: gloves tremble. */
const slop = { mouse: 4, pen: 6, touch: 10 } as const
/** Half of the 44 px a handle is hit within, drawn at 12 px. */
const handleReach = 22

const idle: Gesture = { name: "idle" }

function handleUnder(state: EditorState, at: ScreenPoint): Handle | undefined {
  const shape = findShape(documentOf(state), state.selected)
  if (!shape) return undefined
  return handles
    .map((handle) => ({ handle, d: distance(toScreen(state.viewport, handleAt(shape.box, handle)), at) }))
    .filter(({ d }) => d <= handleReach)
    .sort((a, b) => a.d - b.d)[0]?.handle
}

/** The smallest shape under a finger: a small box within a large one can be reached. */
function shapeUnder(state: EditorState, at: ScreenPoint): Shape | undefined {
  const point = toImage(state.viewport, at)
  const slack = 12 / state.viewport.scale
  return documentOf(state)
    .shapes.filter((shape) => contains(shape.box, point, slack))
    .sort((a, b) => area(a.box) - area(b.box))[0]
}

/** Ends whatever is under way without a trace. */
export function cancelGesture(state: EditorState, gesture: Gesture = idle): EditorState {
  return { ...state, history: cancel(state.history), gesture }
}

function finishBox(state: EditorState, a: ImagePoint, b: ImagePoint): EditorState {
  const box = boxFromCorners(a, b, state.image)
  if (!isDrawable(box)) return { ...state, gesture: idle }
  const id = `p${state.made + 1}`
  const shape: Shape = { id, kind: state.kind, box, by: "person", state: "kept" }
  return {
    ...state,
    history: change(state.history, addShape(documentOf(state), shape)),
    selected: id,
    made: state.made + 1,
    mode: "hand",
    gesture: idle,
  }
}

function tap(state: EditorState, at: ScreenPoint): EditorState {
  if (state.mode === "box") {
    const point = toImage(state.viewport, at)
    return { ...state, gesture: { name: "corner", from: point, to: point } }
  }
  const shape = shapeUnder(state, at)
  const rested = { ...state, gesture: idle }
  if (!shape) return { ...rested, selected: null }
  const history =
    shape.state === "suggested"
      ? change(state.history, acceptShape(documentOf(state), shape.id))
      : state.history
  return { ...rested, history, selected: shape.id }
}

/** One finger, pen or mouse button goes down and nothing else is on the glass. */
function firstDown(state: EditorState, input: PointerInput): EditorState {
  const pointer = input.id
  const from = input.at
  if (state.penSeen && input.kind === "touch")
    return { ...state, gesture: { name: "pan", pointer, last: from } }
  if (state.gesture.name === "corner")
    return {
      ...state,
      gesture: { name: "draw", pointer, from: state.gesture.from, to: toImage(state.viewport, from) },
    }
  const handle = handleUnder(state, from)
  const shape = findShape(documentOf(state), state.selected)
  if (handle && shape) {
    const to = handleAt(shape.box, handle)
    return {
      ...state,
      history: begin(state.history),
      gesture: { name: "resize", pointer, shape: shape.id, handle, box: shape.box, to },
    }
  }
  return { ...state, gesture: { name: "press", pointer, from } }
}

/** A press has moved far enough to be a drag: of what, depends on the mode and on what lay under it. */
function startDrag(state: EditorState, pointer: number, from: ScreenPoint): EditorState {
  const grab = toImage(state.viewport, from)
  if (state.mode === "box") return { ...state, gesture: { name: "draw", pointer, from: grab, to: grab } }
  const shape = findShape(documentOf(state), state.selected)
  // Only a selected box moves: a swipe over a box that was not asked for moves the picture.
  if (shape && contains(shape.box, grab))
    return {
      ...state,
      history: begin(state.history),
      gesture: { name: "move", pointer, shape: shape.id, grab, box: shape.box },
    }
  return { ...state, gesture: { name: "pan", pointer, last: from } }
}

function drag(state: EditorState, input: PointerInput): EditorState {
  const { gesture } = state
  const to = toImage(state.viewport, input.at)
  switch (gesture.name) {
    case "press": {
      if (distance(gesture.from, input.at) < slop[input.kind]) return state
      return drag(startDrag(state, gesture.pointer, gesture.from), input)
    }
    case "pan": {
      const moved = panBy(state.viewport, input.at.x - gesture.last.x, input.at.y - gesture.last.y)
      return {
        ...state,
        viewport: keep(moved, state.image, state.stage),
        gesture: { ...gesture, last: input.at },
      }
    }
    case "draw":
      return { ...state, gesture: { ...gesture, to } }
    case "move": {
      const box = moveBox(gesture.box, to.x - gesture.grab.x, to.y - gesture.grab.y, state.image)
      return {
        ...state,
        history: amend(state.history, changeShape(documentOf(state), gesture.shape, { box })),
      }
    }
    case "resize": {
      const box = resizeBox(gesture.box, gesture.handle, to, state.image)
      return {
        ...state,
        history: amend(state.history, changeShape(documentOf(state), gesture.shape, { box })),
        gesture: { ...gesture, to },
      }
    }
    case "pinch": {
      const [a, b] = gesture.pointers.map((id) => state.pointers.find((p) => p.id === id)?.at)
      if (!a || !b) return state
      return {
        ...state,
        viewport: keep(pinch(gesture.viewport, gesture.from, [a, b]), state.image, state.stage),
      }
    }
    case "corner":
      return { ...state, gesture: { ...gesture, to } }
    case "idle":
    case "spent":
      return state
  }
}

function release(state: EditorState, input: PointerInput): EditorState {
  const { gesture } = state
  const last = state.pointers.length === 0
  switch (gesture.name) {
    case "press":
      return tap(state, gesture.from)
    case "draw": {
      const to = toImage(state.viewport, input.at)
      return finishBox(state, gesture.from, to)
    }
    case "move":
    case "resize":
      return { ...state, history: commit(state.history), gesture: idle }
    case "pan":
      return { ...state, gesture: idle }
    case "pinch":
    case "spent":
      return { ...state, gesture: last ? idle : { name: "spent" } }
    case "corner":
    case "idle":
      return state
  }
}

/** The one entry for fingers, pen and mouse. */
export function pointer(state: EditorState, input: PointerInput): EditorState {
  const others = state.pointers.filter((p) => p.id !== input.id)
  const own = { id: input.id, kind: input.kind, at: input.at }
  switch (input.type) {
    case "down": {
      if (input.contact > palm) return state
      const next = { ...state, pointers: [...others, own], penSeen: state.penSeen || input.kind === "pen" }
      if (others.length === 0) return firstDown(next, input)
      const [a, b] = next.pointers
      // A second finger always means looking closer: what the first had begun is taken back.
      if (next.pointers.length === 2 && a && b)
        return cancelGesture(next, {
          name: "pinch",
          pointers: [a.id, b.id],
          from: [a.at, b.at],
          viewport: state.viewport,
        })
      return cancelGesture(next, { name: "spent" })
    }
    case "move": {
      const known = state.pointers.some((p) => p.id === input.id)
      // A mouse hovers: the open corner of a two-tap box follows it.
      if (!known) return state.gesture.name === "corner" ? drag(state, input) : state
      return drag({ ...state, pointers: state.pointers.map((p) => (p.id === input.id ? own : p)) }, input)
    }
    case "up":
      if (!state.pointers.some((p) => p.id === input.id)) return state
      return release({ ...state, pointers: others }, input)
    case "cancel":
      if (!state.pointers.some((p) => p.id === input.id)) return state
      return cancelGesture({ ...state, pointers: others }, others.length === 0 ? idle : { name: "spent" })
  }
}
