import { boundsOf } from "#contract/outline"
import type { Outline } from "./document.ts"
import { type Box, imagePoint } from "./geometry.ts"
import { pathsOf } from "./paths.ts"
import { axisOf, toScreen, type Viewport } from "./viewport.ts"

/** How a shape is drawn: the model's that nobody has touched, a person's, one that is selected. */
export type Look = "suggested" | "kept" | "chosen" | "chosen-suggested"

const dash = [9, 7]
const black = 5
const white = 2.5
/** Radius of a point on the screen. */
const pointRadius = 9
/** How far, in CSS pixels, what is drawn may stand over the outline itself. */
export const overhang = pointRadius + black

/** Where an outline lies on the stage. */
export function onScreen(viewport: Viewport, outline: Outline): Box {
  const [x, y, w, h] = boundsOf(outline)
  const a = toScreen(viewport, imagePoint(x, y))
  const b = toScreen(viewport, imagePoint(x + w, y + h))
  return [Math.min(a.x, b.x), Math.min(a.y, b.y), Math.abs(a.x - b.x), Math.abs(a.y - b.y)]
}

/** Makes one unit of the context one pixel of the image. */
export function inImage(context: Context, { scale, x, y, turn }: Viewport): void {
  const [cos, sin] = axisOf(turn)
  context.transform(cos * scale, sin * scale, -sin * scale, cos * scale, x, y)
}

export type Context = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D

/**
 * Black under white: one of the two stands out from any part, shiny or dark. A mask is a veil with an edge. The context
 * must be in CSS pixels of the stage.
 */
export function strokeOutline(context: Context, viewport: Viewport, outline: Outline, look: Look): void {
  const isChosen = look === "chosen" || look === "chosen-suggested"
  const wide = isChosen ? 1.5 : 0
  const dashed = look === "suggested" || look === "chosen-suggested"
  context.save()
  context.lineJoin = "round"
  let unit = 1
  let path: Path2D
  if (outline.type === "point") {
    const { x, y } = toScreen(viewport, imagePoint(...outline.at))
    path = new Path2D()
    path.arc(x, y, pointRadius, 0, Math.PI * 2)
    path.moveTo(x + 1, y)
    path.arc(x, y, 1, 0, Math.PI * 2)
  } else {
    unit = 1 / viewport.scale
    inImage(context, viewport)
    const { edge, fill } = pathsOf(outline)
    path = edge
    if (fill) {
      // Pieces of the edge meet at right angles: round ends leave no gaps.
      context.lineCap = "round"
      context.fillStyle = isChosen ? "#ffffff80" : "#ffffff59"
      context.fill(fill)
    }
  }
  context.strokeStyle = "#000000"
  context.lineWidth = (black + wide) * unit
  context.stroke(path)
  // An edge of a mask is made of many short pieces: dashes would be lost in it.
  if (dashed && outline.type !== "mask") context.setLineDash(dash.map((length) => length * unit))
  context.strokeStyle = "#ffffff"
  context.lineWidth = (white + wide) * unit
  context.stroke(path)
  context.restore()
}
