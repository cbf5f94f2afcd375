import { boundsOf, spansOf } from "#contract/outline"
import type { Outline, Shape } from "./document.ts"
import { type Box, boxFromCorners, type ImagePoint, imagePoint, type ScreenPoint } from "./geometry.ts"
import { cornersOf } from "./outline.ts"
import { documentOf, type EditorState } from "./state.ts"
import { selectionGrips } from "./tool.ts"
import { axisOf, toScreen } from "./viewport.ts"

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
  if ((gesture.name === "draw" || gesture.name === "corner") && state.mode !== "rotated") {
    const box = boxFromCorners(gesture.from, gesture.to, state.image)
    strokeOutlines(context, state, [{ type: state.mode === "ellipse" ? "ellipse" : "box", box }], [])
    drawCross(context, toScreen(state.viewport, gesture.from))
  }
  if ("to" in gesture && "pointer" in gesture) drawLoupe(context, state, picture, gesture)
}

function drawPicture(context: CanvasRenderingContext2D, state: EditorState, picture: CanvasImageSource) {
  const { scale, x, y, turn } = state.viewport
  const [cos, sin] = axisOf(turn)
  // Zoomed in far, a person wants to see the camera's pixels and not what smoothing makes of them.
  context.imageSmoothingEnabled = scale < 4
  context.imageSmoothingQuality = "high"
  context.save()
  context.transform(cos * scale, sin * scale, -sin * scale, cos * scale, x, y)
  context.drawImage(picture, 0, 0, state.image.w, state.image.h)
  context.restore()
}

const onScreen = (state: EditorState, outline: Outline): Box => {
  const [x, y, w, h] = boundsOf(outline)
  const a = toScreen(state.viewport, imagePoint(x, y))
  const b = toScreen(state.viewport, imagePoint(x + w, y + h))
  return [Math.min(a.x, b.x), Math.min(a.y, b.y), Math.abs(a.x - b.x), Math.abs(a.y - b.y)]
}

function isInView(state: EditorState, outline: Outline): boolean {
  const [x, y, w, h] = onScreen(state, outline)
  return x <= state.stage.w && y <= state.stage.h && x + w >= 0 && y + h >= 0
}

/** Adds an outline to a path on the stage. */
function trace(path: Path2D, state: EditorState, outline: Outline) {
  const at = (x: number, y: number) => toScreen(state.viewport, imagePoint(x, y))
  switch (outline.type) {
    case "ellipse": {
      const [x, y, w, h] = outline.box
      const { scale, turn } = state.viewport
      const middle = at(x + w / 2, y + h / 2)
      const angle = (((outline.angle ?? 0) + turn * 90) * Math.PI) / 180
      const [rx, ry] = [(w / 2) * scale, (h / 2) * scale]
      path.moveTo(middle.x + rx * Math.cos(angle), middle.y + rx * Math.sin(angle))
      path.ellipse(middle.x, middle.y, rx, ry, angle, 0, Math.PI * 2)
      return
    }
    case "point": {
      const { x, y } = at(...outline.at)
      path.moveTo(x + 9, y)
      path.arc(x, y, 9, 0, Math.PI * 2)
      return
    }
    case "mask": {
      const [height] = outline.size
      const spans = spansOf(outline)
      // A mask is shown by its columns' ends: its edge, at any zoom.
      for (let i = 0; i < spans.length; i += 2) {
        const [start, last] = [spans[i] ?? 0, (spans[i + 1] ?? 1) - 1]
        const column = Math.floor(start / height)
        const a = at(column, start % height)
        const b = at(Math.floor(last / height) + 1, (last % height) + 1)
        path.rect(Math.min(a.x, b.x), Math.min(a.y, b.y), Math.abs(a.x - b.x), Math.abs(a.y - b.y))
      }
      return
    }
    default: {
      const corners = cornersOf(outline).map((p) => toScreen(state.viewport, p))
      corners.forEach(({ x, y }, i) => {
        if (i === 0) path.moveTo(x, y)
        else path.lineTo(x, y)
      })
      if (outline.type !== "line") path.closePath()
    }
  }
}

const dashes = { suggested: [9, 7], kept: [] }

/**
 * Black under white: one of the two stands out from any part, shiny or dark. All outlines of one look are one path; masks
 * are a veil, as an edge of every column would hide the part.
 */
function strokeOutlines(
  context: CanvasRenderingContext2D,
  state: EditorState,
  outlines: readonly Outline[],
  dash: readonly number[],
  wide = 0,
) {
  const [lines, veils] = [new Path2D(), new Path2D()]
  for (const outline of outlines) trace(outline.type === "mask" ? veils : lines, state, outline)
  context.fillStyle = wide > 0 ? "#ffffff99" : "#ffffff66"
  context.fill(veils)
  context.lineJoin = "round"
  context.setLineDash([])
  context.strokeStyle = "#000000cc"
  context.lineWidth = 5 + wide
  context.stroke(lines)
  context.setLineDash([...dash])
  context.strokeStyle = "#ffffff"
  context.lineWidth = 2.5 + wide
  context.stroke(lines)
  context.setLineDash([])
}

function drawShapes(
  context: CanvasRenderingContext2D,
  state: EditorState,
  nameOf: (kind: string) => string,
  palette: Palette,
) {
  const { shapes } = documentOf(state)
  const chosen = new Set(state.selection)
  const seen = shapes.filter((shape) => !shape.hidden && isInView(state, shape.outline))
  for (const look of ["suggested", "kept"] as const) {
    const outlines = seen
      .filter((shape) => shape.state === look && !chosen.has(shape.id))
      .map((shape) => shape.outline)
    if (outlines.length > 0) strokeOutlines(context, state, outlines, dashes[look])
  }
  const selected = seen.filter((shape) => chosen.has(shape.id))
  for (const shape of selected) strokeOutlines(context, state, [shape.outline], dashes[shape.state], 1.5)
  if (selected.length > 0) drawHandles(context, state)
  // Names of hundreds of shapes would hide the part, and measuring text is what costs the time.
  const named = shapes.length <= mostNamed ? seen : selected.slice(0, mostNamed)
  for (const shape of named) {
    const text = `${shapes.indexOf(shape) + 1}  ${nameOf(shape.kind)}`
    drawChip(context, state, shape, shape.state === "suggested" ? `${text} ?` : text, palette)
  }
}

function drawHandles(context: CanvasRenderingContext2D, state: EditorState) {
  for (const grip of selectionGrips(state)) {
    const at = toScreen(state.viewport, grip.at)
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
  const [x, y] = onScreen(state, shape.outline)
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
  const [cos, sin] = axisOf(state.viewport.turn)
  context.save()
  context.translate(x, y)
  context.transform(cos * zoom, sin * zoom, -sin * zoom, cos * zoom, 0, 0)
  context.drawImage(picture, -at.x, -at.y, state.image.w, state.image.h)
  context.restore()
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
