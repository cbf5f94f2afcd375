import type { Drawing, Region } from "#contract/drawing"
import type { EditorDocument, Shape } from "./document.ts"

/** Free text about a region or the image. */
export const noteKey = "note"

const hasAnswers = (answers: Shape["answers"]): answers is NonNullable<Shape["answers"]> =>
  answers !== undefined && Object.keys(answers).length > 0

const regionOf = (shape: Shape): Region => ({
  id: shape.id,
  kinds: [...new Set([shape.kind, ...(shape.also ?? [])])],
  outline: shape.outline,
  by: shape.by,
  ...(shape.score === undefined ? {} : { score: shape.score }),
  ...(shape.locked ? { locked: true } : {}),
  ...(shape.hidden ? { hidden: true } : {}),
  ...(hasAnswers(shape.answers) ? { answers: shape.answers } : {}),
})

/** What is stored of a document. A suggestion that is still there is stored as well: it is what was on the screen. */
export const drawingOf = (doc: EditorDocument): Drawing => ({
  v: 1,
  regions: doc.shapes.map(regionOf),
  ...(doc.relations.length > 0 ? { relations: [...doc.relations] } : {}),
  ...(hasAnswers(doc.answers) ? { answers: doc.answers } : {}),
})

/** A stored drawing as a document again. */
export const documentOfDrawing = (drawing: Drawing): EditorDocument => ({
  shapes: drawing.regions.map((region): Shape => {
    const [kind = "unknown", ...also] = region.kinds
    return {
      id: region.id,
      kind,
      ...(also.length > 0 ? { also } : {}),
      outline: region.outline,
      by: region.by,
      state: "kept",
      ...(region.score === undefined ? {} : { score: region.score }),
      ...(region.locked ? { locked: true } : {}),
      ...(region.hidden ? { hidden: true } : {}),
      ...(region.answers ? { answers: region.answers } : {}),
    }
  }),
  relations: drawing.relations ?? [],
  answers: drawing.answers ?? {},
})

/** Whether upright boxes of one class say all there is: then no drawing needs to be stored beside them. */
export const isPlain = (doc: EditorDocument): boolean =>
  doc.relations.length === 0 &&
  !hasAnswers(doc.answers) &&
  doc.shapes.every(
    ({ outline, also, locked, hidden, answers }) =>
      outline.type === "box" &&
      !outline.angle &&
      (also ?? []).length === 0 &&
      !locked &&
      !hidden &&
      !hasAnswers(answers),
  )
