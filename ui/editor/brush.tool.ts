import type { Spans } from "#contract/outline"
import { spansOf } from "#contract/outline"
import { changeShapes, type EditorDocument, findShape, removeShapes, type Shape } from "./document.ts"
import { distance } from "./geometry.ts"
import { change } from "./history.ts"
import type { PointerInput } from "./input.ts"
import { maskOf, strokeSpans, union, without } from "./mask.ts"
import { documentOf, type EditorState, select } from "./state.ts"
import { finish, idle, pointAt, type Tool } from "./tool.ts"

type Mask = Shape & { outline: { type: "mask" } }
const isMask = (shape: Shape | undefined): shape is Mask =>
  shape?.outline.type === "mask" && !shape.locked && !shape.hidden

/** The brush goes on with the selected mask, else it begins one. */
function painted(state: EditorState, stroke: Spans): EditorState {
  const own = findShape(documentOf(state), state.selected)
  const rested: EditorState = { ...state, gesture: idle }
  if (isMask(own)) {
    const outline = maskOf(union(spansOf(own.outline), stroke), state.image)
    if (!outline) return rested
    const doc = changeShapes(documentOf(state), [own.id], () => ({ outline }))
    return { ...rested, history: change(state.history, doc) }
  }
  const outline = maskOf(stroke, state.image)
  return outline ? finish(rested, outline, state.mode) : rested
}

/** The eraser takes from the selected mask, else from every mask it passes. A mask without pixels is gone. */
function erased(state: EditorState, stroke: Spans): EditorState {
  const own = findShape(documentOf(state), state.selected)
  const masks = isMask(own) ? [own] : documentOf(state).shapes.filter(isMask)
  let doc: EditorDocument = documentOf(state)
  for (const { id, outline: before } of masks) {
    const left = without(spansOf(before), stroke)
    const outline = maskOf(left, state.image)
    if (!outline) doc = removeShapes(doc, [id])
    else if (outline.counts !== before.counts) doc = changeShapes(doc, [id], () => ({ outline }))
  }
  const ids = new Set(doc.shapes.map(({ id }) => id))
  const next = { ...state, history: change(state.history, doc), gesture: idle }
  return select(
    next,
    state.selection.filter((id) => ids.has(id)),
  )
}

const begun =
  (erase: boolean) =>
  (state: EditorState, input: PointerInput): EditorState => {
    const to = pointAt(state, input)
    return {
      ...state,
      gesture: {
        name: "paint",
        pointer: input.id,
        points: [to],
        to,
        erase: erase || input.eraser === true,
        back: idle,
      },
    }
  }

const brushing = (erase: boolean): Tool => ({
  // At once, without waiting for a drag: a tap is a dot.
  idle: { down: begun(erase) },
  paint: {
    move(state, input) {
      const { gesture } = state
      if (gesture.name !== "paint") return state
      const to = pointAt(state, input)
      const last = gesture.points.at(-1)
      if (last && distance(last, to) < Math.max(1, state.brush / 8))
        return { ...state, gesture: { ...gesture, to } }
      return { ...state, gesture: { ...gesture, points: [...gesture.points, to], to } }
    },
    up(state, input) {
      const { gesture } = state
      if (gesture.name !== "paint") return state
      const points = gesture.points.length > 1 ? [...gesture.points, pointAt(state, input)] : gesture.points
      const stroke = strokeSpans(points, state.brush, state.image)
      return gesture.erase ? erased(state, stroke) : painted(state, stroke)
    },
  },
})

export const brushTool = brushing(false)
export const eraserTool = brushing(true)
