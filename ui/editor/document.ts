import type { Answer, Answers, Outline, Relation } from "#contract/drawing"

export type { Answer, Outline, Relation }

/** `suggested` = the model's, nobody has touched it yet; `kept` = a person agrees with it or drew it. */
export type Shape = {
  readonly id: string
  readonly kind: string
  /** Further classes it belongs to. */
  readonly also?: readonly string[]
  readonly outline: Outline
  readonly by: "model" | "person"
  readonly state: "suggested" | "kept"
  readonly score?: number
  readonly locked?: boolean
  readonly hidden?: boolean
  readonly answers?: Answers
}

/** What is marked on one image. Never changed in place: every edit is a new document. Shapes: the last is on top. */
export type EditorDocument = {
  readonly shapes: readonly Shape[]
  readonly relations: readonly Relation[]
  /** Of the whole image. */
  readonly answers: Answers
}

export const newDocument = (parts: Partial<EditorDocument> = {}): EditorDocument => ({
  shapes: [],
  relations: [],
  answers: {},
  ...parts,
})

export const findShape = (doc: EditorDocument, id: string | null): Shape | undefined =>
  id === null ? undefined : doc.shapes.find((shape) => shape.id === id)

export const addShapes = (doc: EditorDocument, shapes: readonly Shape[]): EditorDocument => ({
  ...doc,
  shapes: [...doc.shapes, ...shapes],
})

/** Removes shapes and what related them. */
export function removeShapes(doc: EditorDocument, ids: readonly string[]): EditorDocument {
  const gone = new Set(ids)
  return {
    ...doc,
    shapes: doc.shapes.filter(({ id }) => !gone.has(id)),
    relations: doc.relations.filter(({ from, to }) => !gone.has(from) && !gone.has(to)),
  }
}

type Change = Partial<Pick<Shape, "outline" | "kind" | "also" | "locked" | "hidden" | "answers">>

/** Changes shapes; a suggestion somebody changed is theirs from then on. */
export function changeShapes(
  doc: EditorDocument,
  ids: readonly string[],
  change: (shape: Shape) => Change,
): EditorDocument {
  const chosen = new Set(ids)
  return {
    ...doc,
    shapes: doc.shapes.map((shape) =>
      chosen.has(shape.id) ? { ...shape, ...change(shape), state: "kept" } : shape,
    ),
  }
}

export const acceptShape = (doc: EditorDocument, id: string): EditorDocument =>
  changeShapes(doc, [id], () => ({}))

export type Place = "front" | "back" | "forward" | "backward"

/** Moves shapes in the pile; among themselves they keep their order. */
export function reorder(doc: EditorDocument, ids: readonly string[], to: Place): EditorDocument {
  const chosen = new Set(ids)
  const isChosen = (shape: Shape | undefined) => shape !== undefined && chosen.has(shape.id)
  const moved = doc.shapes.filter(isChosen)
  const rest = doc.shapes.filter((shape) => !isChosen(shape))
  if (to === "front") return { ...doc, shapes: [...rest, ...moved] }
  if (to === "back") return { ...doc, shapes: [...moved, ...rest] }
  const shapes = [...doc.shapes]
  const places = [...shapes.keys()]
  const step = to === "forward" ? 1 : -1
  for (const i of step === 1 ? places.reverse() : places) {
    const [own, next] = [shapes[i], shapes[i + step]]
    if (!own || !next || !isChosen(own) || isChosen(next)) continue
    shapes[i] = next
    shapes[i + step] = own
  }
  return { ...doc, shapes }
}
