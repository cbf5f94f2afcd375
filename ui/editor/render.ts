import { findShape, type Shape } from "./document.ts"
import { type Box, boxFromCorners, handleAt, handles, type ImagePoint, type ScreenPoint } from "./geometry.ts"
import { documentOf, type EditorState } from "./state.ts"
import { toScreen } from "./viewport.ts"

export type Palette = { stage: string; font: string }

/** Boxes up to which each carries its name. */
const mostNamed = 60

/** Draws one frame. `pixels` is the device's pixel ratio; `nameOf` gives a kind in the person's language. */
export function render(
  context: CanvasRenderingContext2D,
  state: EditorState,
  picture: CanvasImageSource | null,
  nameOf: (kind: string) => string,
  palette: Palette,
  pixels: number,
): void {
  context.setTransform(pixels, 0, 0, pixels, 0, 0)
  context.fillStyle = palette.stage
  context.fillRect(0, 0, state.stage.w, state.stage.h)
  if (!picture) return
  drawPicture(context, state, picture)
  drawShapes(context, state, nameOf, palette)
  const { gesture } = state
  if (gesture.name === "draw" || gesture.name === "corner") {
    strokeBoxes(context, state, [boxFromCorners(gesture.from, gesture.to, state.image)], [])
    drawCross(context, toScreen(state.viewport, gesture.from))
  }
  if (gesture.name === "draw" || gesture.name === "resize") drawLoupe(context, state, picture, gesture)
}

function drawPicture(context: CanvasRenderingContext2D, state: EditorState, picture: CanvasImageSource) {
  const { scale, x, y } = state.viewport
  // Zoomed in far, a person wants to see the camera's pixels and not what smoothing makes of them.
  context.imageSmoothingEnabled = scale < 4
  context.imageSmoothingQuality = "high"
  context.drawImage(picture, x, y, state.image.w * scale, state.image.h * scale)
}

function onScreen(state: EditorState, [x, y, w, h]: Box): [number, number, number, number] {
  const { scale } = state.viewport
  return [x * scale + state.viewport.x, y * scale + state.viewport.y, w * scale, h * scale]
}

function isInView(state: EditorState, box: Box): boolean {
  const [x, y, w, h] = onScreen(state, box)
  return x <= state.stage.w && y <= state.stage.h && x + w >= 0 && y + h >= 0
}

const dashes = { suggested: [9, 7], kept: [] }

/** Black under white: one of the two stands out from any part, shiny or dark. All boxes of one look are one path. */
function strokeBoxes(
  context: CanvasRenderingContext2D,
  state: EditorState,
  boxes: readonly Box[],
  dash: readonly number[],
  wide = 0,
) {
  const path = new Path2D()
  for (const box of boxes) path.rect(...onScreen(state, box))
  context.lineJoin = "round"
  context.setLineDash([])
  context.strokeStyle = "#000000cc"
  context.lineWidth = 5 + wide
  context.stroke(path)
  context.setLineDash([...dash])
  context.strokeStyle = "#ffffff"
  context.lineWidth = 2.5 + wide
  context.stroke(path)
  context.setLineDash([])
}

function drawShapes(
  context: CanvasRenderingContext2D,
  state: EditorState,
  nameOf: (kind: string) => string,
  palette: Palette,
) {
  const { shapes } = documentOf(state)
  const seen = shapes.filter((shape) => isInView(state, shape.box))
  const selected = findShape(documentOf(state), state.selected)
  for (const look of ["suggested", "kept"] as const) {
    const boxes = seen.filter((shape) => shape.state === look && shape !== selected).map((shape) => shape.box)
    if (boxes.length > 0) strokeBoxes(context, state, boxes, dashes[look])
  }
  if (selected) {
    strokeBoxes(context, state, [selected.box], dashes[selected.state], 1.5)
    drawHandles(context, state, selected)
  }
  // Names of hundreds of boxes would hide the part, and measuring text is what costs the time.
  const named = shapes.length <= mostNamed ? seen : selected ? [selected] : []
  for (const shape of named) {
    const text = `${shapes.indexOf(shape) + 1}  ${nameOf(shape.kind)}`
    drawChip(context, state, shape, shape.state === "suggested" ? `${text} ?` : text, palette)
  }
}

function drawHandles(context: CanvasRenderingContext2D, state: EditorState, shape: Shape) {
  for (const handle of handles) {
    const at = toScreen(state.viewport, handleAt(shape.box, handle))
    context.beginPath()
    context.arc(at.x, at.y, 7, 0, Math.PI * 2)
    context.fillStyle = "#ffffff"
    context.fill()
    context.lineWidth = 2.5
    context.strokeStyle = "#000000"
    context.stroke()
  }
}

/** The name of a box, above it or, at the top of the stage, inside it. */
function drawChip(
  context: CanvasRenderingContext2D,
  state: EditorState,
  shape: Shape,
  text: string,
  palette: Palette,
) {
  const [x, y] = onScreen(state, shape.box)
  context.font = `600 16px ${palette.font}`
  context.textBaseline = "middle"
  const width = context.measureText(text).width + 18
  const left = Math.min(Math.max(x - 2, 4), Math.max(4, state.stage.w - width - 4))
  const top = y - 34 < 4 ? Math.max(y + 6, 4) : y - 34
  const kept = shape.state === "kept"
  context.beginPath()
  context.roundRect(left, top, width, 28, 6)
  context.fillStyle = kept ? "#000000" : "#ffffff"
  context.fill()
  context.lineWidth = 1.5
  context.strokeStyle = kept ? "#ffffff" : "#000000"
  context.stroke()
  context.fillStyle = kept ? "#ffffff" : "#000000"
  context.fillText(text, left + 9, top + 15)
}

function drawCross(context: CanvasRenderingContext2D, at: ScreenPoint) {
  for (const [width, colour] of [
    [5, "#000000"],
    [2, "#ffffff"],
  ] as const) {
    context.lineWidth = width
    context.strokeStyle = colour
    context.beginPath()
    context.moveTo(at.x - 14, at.y)
    context.lineTo(at.x + 14, at.y)
    context.moveTo(at.x, at.y - 14)
    context.lineTo(at.x, at.y + 14)
    context.stroke()
  }
}

/** A round magnifier beside the finger, because the finger hides the very corner it is placing. */
function drawLoupe(
  context: CanvasRenderingContext2D,
  state: EditorState,
  picture: CanvasImageSource,
  gesture: { pointer: number; to: ImagePoint },
) {
  const finger = state.pointers.find((p) => p.id === gesture.pointer)
  if (finger?.kind !== "touch") return
  const radius = 72
  const above = finger.at.y > radius * 2 + 48
  const x = Math.min(Math.max(finger.at.x, radius + 8), state.stage.w - radius - 8)
  const y = above ? finger.at.y - radius - 56 : finger.at.y + radius + 72
  const zoom = state.viewport.scale * 2.5
  const at = gesture.to
  context.save()
  context.beginPath()
  context.arc(x, y, radius, 0, Math.PI * 2)
  context.clip()
  context.fillStyle = "#000000"
  context.fillRect(x - radius, y - radius, radius * 2, radius * 2)
  context.drawImage(picture, x - at.x * zoom, y - at.y * zoom, state.image.w * zoom, state.image.h * zoom)
  drawCross(context, { space: "screen", x, y })
  context.restore()
  context.beginPath()
  context.arc(x, y, radius, 0, Math.PI * 2)
  context.lineWidth = 6
  context.strokeStyle = "#000000"
  context.stroke()
  context.lineWidth = 3
  context.strokeStyle = "#ffffff"
  context.stroke()
}
