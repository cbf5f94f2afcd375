import type { Shape } from "./document.ts"
import { boxFromCorners, type ImagePoint, imagePoint, type ScreenPoint } from "./geometry.ts"
import { boundsOfAll } from "./outline.ts"
import { type Picture, seenOf } from "./picture.ts"
import type { Mark, Sheet } from "./sheet.ts"
import { boxOnSide } from "./side.ts"
import { documentOf, type EditorState } from "./state.ts"
import { type Context, inImage, onScreen, strokeOutline } from "./stroke.ts"
import { selectionGrips } from "./tool.ts"
import { toScreen, type Viewport } from "./viewport.ts"

/** Shapes up to which each carries its name: names of hundreds would hide the part. */
const mostNamed = 60
/** Selected shapes up to which they are drawn on their own, so that they can be moved without drawing the others. */
const mostLive = 40

/** Draws the picture; around it the page shows through. `pixels` is the device's pixel ratio. */
export function renderPicture(
  context: Context,
  state: EditorState,
  picture: Picture | null,
  pixels: number,
): void {
  const { stage, viewport, image } = state
  context.setTransform(pixels, 0, 0, pixels, 0, 0)
  context.clearRect(0, 0, stage.w, stage.h)
  if (!picture) return
  // Zoomed in far, a person wants to see the camera's pixels and not what smoothing makes of them.
  context.imageSmoothingEnabled = viewport.scale < 4
  inImage(context, viewport)
  for (const { source, to } of picture.pieces(seenOf(viewport, image, stage), viewport.scale * pixels))
    context.drawImage(source, ...to)
}

/** What the sheet shows of a state: all that is seen and not drawn on its own. The same list for the same shapes. */
export function createMarks() {
  let known: { shapes: readonly Shape[]; selection: readonly string[]; marks: readonly Mark[] } | undefined
  return (state: EditorState): readonly Mark[] => {
    const { shapes } = documentOf(state)
    const { selection } = state
    if (known?.shapes === shapes && known.selection === selection) return known.marks
    const chosen = new Set(selection)
    const live = selection.length <= mostLive
    const marks = shapes.flatMap((shape): Mark[] => {
      if (shape.hidden || (live && chosen.has(shape.id))) return []
      const look = chosen.has(shape.id)
        ? shape.state === "suggested"
          ? "chosen-suggested"
          : "chosen"
        : shape.state
      return [{ id: shape.id, outline: shape.outline, look }]
    })
    known = { shapes, selection, marks }
    return marks
  }
}

/** Draws everything above the picture. False when it should be drawn again, with `settled`, once nothing moves. */
export function renderMarks(
  context: CanvasRenderingContext2D,
  state: EditorState,
  deps: {
    sheet: Sheet
    marks: readonly Mark[]
    picture: Picture | null
    nameOf: (kind: string) => string
    font: string
    filter: string
  },
  pixels: number,
  settled: boolean,
): boolean {
  const { sheet, marks, picture, nameOf, font, filter } = deps
  context.setTransform(pixels, 0, 0, pixels, 0, 0)
  context.clearRect(0, 0, state.stage.w, state.stage.h)
  if (!picture) return true
  const right = sheet.draw(context, state, marks, pixels, settled)
  const { viewport } = state
  const { shapes, relations } = documentOf(state)
  if (state.selection.length <= mostLive) {
    for (const shape of shapes)
      if (state.selection.includes(shape.id) && !shape.hidden)
        strokeOutline(
          context,
          viewport,
          shape.outline,
          shape.state === "suggested" ? "chosen-suggested" : "chosen",
        )
    drawHandles(context, state)
  }
  if (relations.length > 0) {
    const byId = new Map(shapes.map((shape) => [shape.id, shape]))
    for (const { from, to } of relations) {
      const [a, b] = [byId.get(from), byId.get(to)]
      if (a && b && !a.hidden && !b.hidden) drawArrow(context, middleOf(viewport, a), middleOf(viewport, b))
    }
  }
  drawNames(context, state, nameOf, font)
  drawGesture(context, state)
  const { gesture } = state
  if ("to" in gesture && "pointer" in gesture) drawLoupe(context, state, picture, gesture, filter, pixels)
  return right
}

function middleOf(viewport: Viewport, { outline }: Shape): ScreenPoint {
  const [x, y, w, h] = boundsOfAll([outline])
  return toScreen(viewport, imagePoint(x + w / 2, y + h / 2))
}

function drawNames(
  context: CanvasRenderingContext2D,
  state: EditorState,
  nameOf: (kind: string) => string,
  font: string,
): void {
  const { shapes } = documentOf(state)
  const all = shapes.length <= mostNamed
  if (!all && state.selection.length > mostNamed) return
  shapes.forEach((shape, i) => {
    if (shape.hidden || !(all || state.selection.includes(shape.id))) return
    const [x, y, w, h] = onScreen(state.viewport, shape.outline)
    if (x > state.stage.w || y > state.stage.h || x + w < 0 || y + h < 0) return
    const text = `${i + 1}  ${nameOf(shape.kind)}`
    drawChip(context, state, shape, shape.state === "suggested" ? `${text} ?` : text, font)
  })
}

/** What is being drawn right now. */
function drawGesture(context: CanvasRenderingContext2D, state: EditorState): void {
  const { gesture, viewport, mode } = state
  switch (gesture.name) {
    case "draw":
    case "corner": {
      if (mode === "rotated") drawWay(context, viewport, [gesture.from, gesture.to])
      else {
        const box = boxFromCorners(gesture.from, gesture.to, state.image)
        strokeOutline(context, viewport, { type: mode === "ellipse" ? "ellipse" : "box", box }, "kept")
      }
      drawCross(context, toScreen(viewport, gesture.from))
      return
    }
    case "side": {
      const outline = boxOnSide(gesture.from, gesture.to, gesture.at)
      if (outline) strokeOutline(context, viewport, outline, "kept")
      else drawWay(context, viewport, [gesture.from, gesture.to])
      return
    }
    case "path":
    case "trace": {
      const last = gesture.name === "path" ? gesture.at : gesture.to
      drawWay(context, viewport, [...gesture.points, last])
      const [first] = gesture.points
      // A line that is traced has no corners yet; those of a path are shown, the first and the last as places to tap.
      if (gesture.name === "path") for (const p of gesture.points) drawDot(context, toScreen(viewport, p), 5)
      if (first) drawDot(context, toScreen(viewport, first), 9)
      return
    }
    case "paint":
      drawStroke(context, state, gesture)
      return
    case "marquee": {
      const box = boxFromCorners(gesture.from, gesture.to, state.image)
      strokeOutline(context, viewport, { type: "box", box }, "suggested")
      return
    }
    case "linking": {
      const from = documentOf(state).shapes.find(({ id }) => id === gesture.from)
      if (from) drawArrow(context, middleOf(viewport, from), toScreen(viewport, gesture.at))
      return
    }
    case "spots":
      for (const { at, inside } of gesture.spots) {
        drawDot(context, toScreen(viewport, at), inside ? 7 : 5)
        if (!inside) drawCross(context, toScreen(viewport, at))
      }
      return
    case "carry":
    case "bring":
      for (const { at } of selectionGrips(state)) drawDot(context, toScreen(viewport, at), 9)
  }
}

function drawWay(context: CanvasRenderingContext2D, viewport: Viewport, points: readonly ImagePoint[]): void {
  const path = new Path2D()
  points.forEach((p, i) => {
    const { x, y } = toScreen(viewport, p)
    if (i === 0) path.moveTo(x, y)
    else path.lineTo(x, y)
  })
  context.lineJoin = "round"
  context.lineCap = "round"
  strokeTwice(context, path)
}

function strokeTwice(context: CanvasRenderingContext2D, path: Path2D): void {
  context.strokeStyle = "#000000"
  context.lineWidth = 5
  context.stroke(path)
  context.strokeStyle = "#ffffff"
  context.lineWidth = 2.5
  context.stroke(path)
}

/** The brush on its way: light for what comes, dark for what goes, as wide as it is. */
function drawStroke(
  context: CanvasRenderingContext2D,
  state: EditorState,
  gesture: { points: readonly ImagePoint[]; to: ImagePoint; erase: boolean },
): void {
  const { viewport, brush } = state
  const path = new Path2D()
  ;[...gesture.points, gesture.to].forEach((p, i) => {
    const { x, y } = toScreen(viewport, p)
    if (i === 0) path.moveTo(x, y)
    else path.lineTo(x, y)
  })
  context.lineJoin = "round"
  context.lineCap = "round"
  context.lineWidth = Math.max(1, brush * viewport.scale)
  context.strokeStyle = gesture.erase ? "#00000080" : "#ffffff80"
  context.stroke(path)
  const at = toScreen(viewport, gesture.to)
  const ring = new Path2D()
  ring.arc(at.x, at.y, Math.max(2, (brush * viewport.scale) / 2), 0, Math.PI * 2)
  strokeTwice(context, ring)
}

/** From one region to another; the head lies in the middle of the way, where no region hides it. */
function drawArrow(context: CanvasRenderingContext2D, a: ScreenPoint, b: ScreenPoint): void {
  const length = Math.hypot(b.x - a.x, b.y - a.y)
  if (length < 2) return
  const [ux, uy] = [(b.x - a.x) / length, (b.y - a.y) / length]
  const tip = { x: a.x + ux * (length * 0.55 + 8), y: a.y + uy * (length * 0.55 + 8) }
  const path = new Path2D()
  path.moveTo(a.x, a.y)
  path.lineTo(b.x, b.y)
  path.moveTo(tip.x - ux * 16 - uy * 10, tip.y - uy * 16 + ux * 10)
  path.lineTo(tip.x, tip.y)
  path.lineTo(tip.x - ux * 16 + uy * 10, tip.y - uy * 16 - ux * 10)
  context.lineJoin = "round"
  context.lineCap = "round"
  strokeTwice(context, path)
}

function drawDot(context: CanvasRenderingContext2D, at: ScreenPoint, radius: number): void {
  context.beginPath()
  context.arc(at.x, at.y, radius, 0, Math.PI * 2)
  context.fillStyle = "#ffffff"
  context.fill()
  context.lineWidth = 2.5
  context.strokeStyle = "#000000"
  context.stroke()
}

function drawHandles(context: CanvasRenderingContext2D, state: EditorState): void {
  for (const { at, grip } of selectionGrips(state))
    drawDot(context, toScreen(state.viewport, at), grip.on === "edge" ? 4.5 : 7)
}

/** The name of a box, above it or, at the top of the stage, inside it. */
function drawChip(
  context: CanvasRenderingContext2D,
  state: EditorState,
  shape: Shape,
  text: string,
  font: string,
) {
  const [x, y] = onScreen(state.viewport, shape.outline)
  context.font = `600 16px ${font}`
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
  const path = new Path2D()
  path.moveTo(at.x - 14, at.y)
  path.lineTo(at.x + 14, at.y)
  path.moveTo(at.x, at.y - 14)
  path.lineTo(at.x, at.y + 14)
  strokeTwice(context, path)
}

/** A round magnifier beside the finger, because the finger hides the very corner it is placing. */
function drawLoupe(
  context: CanvasRenderingContext2D,
  state: EditorState,
  picture: Picture,
  gesture: { pointer: number; to: ImagePoint },
  filter: string,
  pixels: number,
) {
  const finger = state.pointers.find((p) => p.id === gesture.pointer)
  if (finger?.kind !== "touch") return
  const radius = 72
  const above = finger.at.y > radius * 2 + 48
  const x = Math.min(Math.max(finger.at.x, radius + 8), state.stage.w - radius - 8)
  const y = above ? finger.at.y - radius - 56 : finger.at.y + radius + 72
  const scale = state.viewport.scale * 2.5
  const at = gesture.to
  context.save()
  context.beginPath()
  context.arc(x, y, radius, 0, Math.PI * 2)
  context.clip()
  context.fillStyle = "#000000"
  context.fillRect(x - radius, y - radius, radius * 2, radius * 2)
  // Where a browser knows no filter here the magnifier shows the picture as it was taken.
  if (filter !== "none" && "filter" in context) context.filter = filter
  const reach = radius / scale
  const origin: Viewport = { scale, x: 0, y: 0, turn: state.viewport.turn }
  const centre = toScreen(origin, at)
  const close: Viewport = { ...origin, x: x - centre.x, y: y - centre.y }
  context.save()
  inImage(context, close)
  for (const { source, to } of picture.pieces(
    [at.x - reach, at.y - reach, reach * 2, reach * 2],
    scale * pixels,
  ))
    context.drawImage(source, ...to)
  context.restore()
  if ("filter" in context) context.filter = "none"
  for (const shape of documentOf(state).shapes.slice(0, mostNamed))
    if (!shape.hidden && state.selection.includes(shape.id))
      strokeOutline(context, close, shape.outline, "kept")
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
