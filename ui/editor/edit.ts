import { changeShapes, type EditorDocument, type Outline, type Shape } from "./document.ts"
import { imagePoint, resizeBox, type Size } from "./geometry.ts"
import { boundsOfAll, moveOutline, scaleOutline, turnOutline } from "./outline.ts"

/** Shapes given a new outline, worked out from how they were when a gesture began. */
export function replaced(
  doc: EditorDocument,
  shapes: readonly Shape[],
  outline: (shape: Shape) => Outline,
): EditorDocument {
  const before = new Map(shapes.map((shape) => [shape.id, shape]))
  return changeShapes(doc, [...before.keys()], (shape) => ({
    outline: outline(before.get(shape.id) ?? shape),
  }))
}

/** All moved by the same way, as far as the image allows for every one of them. */
export function moveOutlineAll(
  doc: EditorDocument,
  shapes: readonly Shape[],
  dx: number,
  dy: number,
  size: Size,
): EditorDocument {
  if (shapes.length <= 1) return replaced(doc, shapes, ({ outline }) => moveOutline(outline, dx, dy, size))
  const [x, y, w, h] = boundsOfAll(shapes.map(({ outline }) => outline))
  const within = (d: number, at: number, length: number, room: number) =>
    Math.min(Math.max(d, Math.min(0, -at)), Math.max(0, room - length - at))
  // Whole pixels when a mask is among them: it moves by whole pixels only, and the others stay beside it.
  const hasMask = shapes.some(({ outline }) => outline.type === "mask")
  const [sx, sy] = [within(dx, x, w, size.w), within(dy, y, h, size.h)].map((d) =>
    hasMask ? Math.trunc(d) : d,
  )
  return replaced(doc, shapes, ({ outline }) => moveOutline(outline, sx ?? 0, sy ?? 0, size))
}

/** All together larger or smaller; their upper left corner stays. */
export function growAll(
  doc: EditorDocument,
  shapes: readonly Shape[],
  dw: number,
  dh: number,
  size: Size,
): EditorDocument {
  const from = boundsOfAll(shapes.map(({ outline }) => outline))
  const [x, y, w, h] = from
  if (w <= 0 || h <= 0) return doc
  const to = resizeBox(from, "se", imagePoint(x + w + dw, y + h + dh), size)
  return replaced(doc, shapes, ({ outline }) => scaleOutline(outline, from, to))
}

/** All turned about the middle between them. */
export function turnAll(
  doc: EditorDocument,
  shapes: readonly Shape[],
  degrees: number,
  size: Size,
): EditorDocument {
  const [x, y, w, h] = boundsOfAll(shapes.map(({ outline }) => outline))
  const middle = imagePoint(x + w / 2, y + h / 2)
  return replaced(doc, shapes, ({ outline }) => turnOutline(outline, middle, degrees, size))
}
