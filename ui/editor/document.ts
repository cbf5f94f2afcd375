import type { Box } from "./geometry.ts"

/** `suggested` = the model's, nobody has touched it yet; `kept` = a person agrees with it or drew it. */
export type Shape = {
  readonly id: string
  readonly kind: string
  readonly box: Box
  readonly by: "model" | "person"
  readonly state: "suggested" | "kept"
  readonly score?: number
}

/** What is marked on one image. Never changed in place: every edit is a new document. */
export type EditorDocument = { readonly shapes: readonly Shape[] }

export const emptyDocument: EditorDocument = { shapes: [] }

export const findShape = (doc: EditorDocument, id: string | null): Shape | undefined =>
  doc.shapes.find((shape) => shape.id === id)

export const addShape = (doc: EditorDocument, shape: Shape): EditorDocument => ({
  shapes: [...doc.shapes, shape],
})

export const removeShape = (doc: EditorDocument, id: string): EditorDocument => ({
  shapes: doc.shapes.filter((shape) => shape.id !== id),
})

/** Changes one shape; a suggestion somebody changed is theirs from then on. */
export const changeShape = (
  doc: EditorDocument,
  id: string,
  change: Partial<Pick<Shape, "box" | "kind">>,
): EditorDocument => ({
  shapes: doc.shapes.map((shape) => (shape.id === id ? { ...shape, ...change, state: "kept" } : shape)),
})

export const acceptShape = (doc: EditorDocument, id: string): EditorDocument => changeShape(doc, id, {})
