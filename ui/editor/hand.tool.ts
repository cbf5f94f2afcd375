import { acceptShape, type EditorDocument, findShape, type Shape } from "./document.ts"
import { moveOutlineAll, replaced } from "./edit.ts"
import { type Box, boxFromCorners, distance, type ImagePoint, resizeBox } from "./geometry.ts"
import { amend, begin, change, commit } from "./history.ts"
import type { PointerInput } from "./input.ts"
import { boundsOfAll, type Grip, hits, pullGrip, scaleOutline } from "./outline.ts"
import { documentOf, type EditorState, select } from "./state.ts"
import {
  backOf,
  cancelGesture,
  gripUnder,
  idle,
  isFree,
  selectedShapes,
  shapesUnder,
  slop,
  snapped,
  type Tool,
} from "./tool.ts"
import { keep, panBy, toImage } from "./viewport.ts"

function pulled(state: EditorState, shapes: readonly Shape[], grip: Grip, to: ImagePoint): EditorDocument {
  const doc = documentOf(state)
  const [only] = shapes
  const ids = shapes.map(({ id }) => id)
  const at = grip.on === "turn" ? to : snapped(state, to, ids)
  const isFramed = only && !(only.outline.type === "box" || only.outline.type === "ellipse")
  if (grip.on === "side" && (shapes.length > 1 || isFramed)) {
    const from: Box = boundsOfAll(shapes.map(({ outline }) => outline))
    const frame = resizeBox(from, grip.side, at, state.image)
    return replaced(doc, shapes, ({ outline }) => scaleOutline(outline, from, frame))
  }
  return replaced(doc, shapes, ({ outline }) => pullGrip(outline, grip, at, state.image))
}

/** A tap selects; on a suggestion it agrees as well. On what is selected already it reaches for what lies below. */
function tap(state: EditorState, input: PointerInput): EditorState {
  const rested: EditorState = { ...state, gesture: idle }
  const adding = state.adding || input.shift === true
  const under = shapesUnder(state, input.at)
  const place = under.findIndex(({ id }) => id === state.selected)
  const below = place >= 0 && !adding ? under.slice(place + 1).find((s) => s.state === "kept") : undefined
  const shape = below ?? (place >= 0 && !adding ? under[place] : under[0])
  if (!shape) return adding ? rested : select(rested, [])
  const history =
    shape.state === "suggested" && !shape.locked
      ? change(state.history, acceptShape(documentOf(state), shape.id))
      : state.history
  const ids = !adding
    ? [shape.id]
    : state.selection.includes(shape.id)
      ? state.selection.filter((id) => id !== shape.id)
      : [...state.selection, shape.id]
  return select({ ...rested, history }, ids)
}

/** Only what is selected moves: a swipe over a shape that was not asked for moves the picture. */
function drag(state: EditorState, input: PointerInput): EditorState {
  const pointer = input.id
  const grab = toImage(state.viewport, input.at)
  const back = backOf(state.gesture)
  const shapes = selectedShapes(state).filter(({ locked, hidden }) => !locked && !hidden)
  if (input.shift) return { ...state, gesture: { name: "marquee", pointer, from: grab, to: grab, back } }
  if (shapes.some(({ outline }) => hits(outline, grab, 0) || isSmall(state, outline, grab)))
    return { ...state, history: begin(state.history), gesture: { name: "move", pointer, grab, shapes, back } }
  return { ...state, gesture: { name: "pan", pointer, last: input.at, back } }
}

/** Lines and points have no inside to take hold of. */
const isSmall = (state: EditorState, outline: Shape["outline"], p: ImagePoint) =>
  (outline.type === "line" || outline.type === "point") && hits(outline, p, 16 / state.viewport.scale)

/** A shape's grips come first: they lie over its neighbours. */
function down(state: EditorState, input: PointerInput): EditorState {
  const found = gripUnder(state, input.at)
  if (!found) return state
  const { grip, at } = found
  return {
    ...state,
    vertex: grip.on === "vertex" ? grip.index : null,
    history: begin(state.history),
    gesture: {
      name: "resize",
      pointer: input.id,
      grip,
      shapes: selectedShapes(state),
      from: input.at,
      moved: false,
      to: at,
      back: idle,
    },
  }
}

function bring(state: EditorState, input: PointerInput): EditorState {
  const shapes = selectedShapes(state).filter(({ locked }) => !locked)
  if (shapes.length === 0) return { ...state, gesture: idle }
  const to = toImage(state.viewport, input.at)
  const [x, y, w, h] = boundsOfAll(shapes.map(({ outline }) => outline))
  const doc = moveOutlineAll(documentOf(state), shapes, to.x - x - w / 2, to.y - y - h / 2, state.image)
  return { ...state, history: change(state.history, doc), gesture: idle }
}

/** The hand: looks, selects, and changes what is selected. Also what every other tool falls back on. */
export const handTool: Tool = {
  idle: { down, tap, drag },
  carry: {
    tap(state, input) {
      if (state.gesture.name !== "carry" || !isFree(state, state.selected)) return { ...state, gesture: idle }
      const doc = pulled(state, selectedShapes(state), state.gesture.grip, toImage(state.viewport, input.at))
      return { ...state, history: change(state.history, doc), gesture: idle }
    },
    drag: (state, input) => ({
      ...state,
      gesture: { name: "pan", pointer: input.id, last: input.at, back: backOf(state.gesture) },
    }),
  },
  bring: {
    tap: bring,
    drag: (state, input) => ({
      ...state,
      gesture: { name: "pan", pointer: input.id, last: input.at, back: backOf(state.gesture) },
    }),
  },
  pan: {
    move(state, input) {
      const { gesture } = state
      if (gesture.name !== "pan") return state
      const moved = panBy(state.viewport, input.at.x - gesture.last.x, input.at.y - gesture.last.y)
      return {
        ...state,
        viewport: keep(moved, state.image, state.stage),
        gesture: { ...gesture, last: input.at },
      }
    },
    up: (state) => ({ ...state, gesture: backOf(state.gesture) }),
  },
  move: {
    move(state, input) {
      const { gesture } = state
      if (gesture.name !== "move") return state
      const to = toImage(state.viewport, input.at)
      const [dx, dy] = [to.x - gesture.grab.x, to.y - gesture.grab.y]
      const doc = moveOutlineAll(documentOf(state), gesture.shapes, dx, dy, state.image)
      return { ...state, history: amend(state.history, doc) }
    },
    up: (state) => ({ ...state, history: commit(state.history), gesture: idle }),
  },
  resize: {
    move(state, input) {
      const { gesture } = state
      if (gesture.name !== "resize") return state
      if (!gesture.moved && distance(gesture.from, input.at) < slop[input.kind]) return state
      const to = toImage(state.viewport, input.at)
      const doc = pulled(state, gesture.shapes, gesture.grip, to)
      return {
        ...state,
        history: amend(state.history, doc),
        gesture: { ...gesture, moved: true, to },
      }
    },
    up(state) {
      const { gesture } = state
      if (gesture.name !== "resize") return state
      // Tapped, not dragged: the next tap says where it goes.
      if (!gesture.moved) return cancelGesture(state, { name: "carry", grip: gesture.grip })
      return { ...state, history: commit(state.history), gesture: idle }
    },
  },
  marquee: {
    move(state, input) {
      const { gesture } = state
      if (gesture.name !== "marquee") return state
      return { ...state, gesture: { ...gesture, to: toImage(state.viewport, input.at) } }
    },
    up(state) {
      const { gesture } = state
      if (gesture.name !== "marquee") return state
      const [x, y, w, h] = boxFromCorners(gesture.from, gesture.to, state.image)
      const inside = documentOf(state).shapes.filter(({ outline, hidden }) => {
        const [bx, by, bw, bh] = boundsOfAll([outline])
        return !hidden && bx >= x && by >= y && bx + bw <= x + w && by + bh <= y + h
      })
      const ids = new Set([...state.selection, ...inside.map(({ id }) => id)])
      return select({ ...state, mode: "hand", gesture: idle }, [...ids])
    },
  },
}

/** The corner that was touched last, if the selected shape still has it. */
export const touchedVertex = (state: EditorState): { shape: Shape; index: number } | null => {
  const shape = findShape(documentOf(state), state.selected)
  const { vertex } = state
  if (!shape || vertex === null || state.selection.length !== 1) return null
  return { shape, index: vertex }
}

/** Drags a frame around shapes; its tap alternative is to tap them one by one. */
export const marqueeTool: Tool = {
  idle: {
    tap: (state, input) => tap(state, { ...input, shift: true }),
    drag(state, input) {
      const at = toImage(state.viewport, input.at)
      return {
        ...state,
        gesture: { name: "marquee", pointer: input.id, from: at, to: at, back: idle },
      }
    },
  },
}
