import type { Spans } from "#contract/outline"
import { changeShapes, type EditorDocument, removeShapes, type Shape } from "./document.ts"
import type { EditorAction } from "./editor.ts"
import { fillSpans, maskOf, union } from "./mask.ts"
import { documentOf, type EditorState } from "./state.ts"
import { selectedShapes } from "./tool.ts"

/** Selected shapes with an area that may be changed. */
const areas = (state: EditorState): Shape[] =>
  selectedShapes(state).filter(
    ({ outline, locked }) => !locked && outline.type !== "line" && outline.type !== "point",
  )

/** The selected areas as one mask in the place of the lowest; null when there are not two. */
export function mergeAreas(state: EditorState): EditorAction | null {
  const shapes = areas(state)
  const [first] = shapes
  if (!first || shapes.length < 2) return null
  const spans = shapes.reduce<Spans>(
    (all, { outline }) => union(all, fillSpans(outline, state.image)),
    new Int32Array(),
  )
  const outline = maskOf(spans, state.image)
  if (!outline) return null
  const doc = documentOf(state)
  const others = shapes.slice(1).map(({ id }) => id)
  const own = new Set(shapes.map(({ id }) => id))
  const kinds = [...new Set(shapes.flatMap(({ kind, also = [] }) => [kind, ...also]))]
  // What related to one of them relates to the whole.
  const relations = doc.relations
    .map(({ from, to, ...rest }) => ({
      ...rest,
      from: own.has(from) ? first.id : from,
      to: own.has(to) ? first.id : to,
    }))
    .filter(
      ({ from, to }, i, all) => from !== to && all.findIndex((r) => r.from === from && r.to === to) === i,
    )
  const merged = changeShapes({ ...doc, relations }, [first.id], () => ({
    outline,
    also: kinds.filter((kind) => kind !== first.kind),
  }))
  return { type: "edit", document: removeShapes(merged, others), select: [first.id] }
}

/** The selected areas as masks, each for itself, to be painted on; null when there is nothing to change. */
export function areasToMasks(state: EditorState): EditorAction | null {
  const masks = areas(state)
    .filter(({ outline }) => outline.type !== "mask")
    .flatMap(({ id, outline }) => {
      const mask = maskOf(fillSpans(outline, state.image), state.image)
      return mask ? [{ id, mask }] : []
    })
  if (masks.length === 0) return null
  const document = masks.reduce<EditorDocument>(
    (doc, { id, mask }) => changeShapes(doc, [id], () => ({ outline: mask })),
    documentOf(state),
  )
  return { type: "edit", document }
}
