import type { Outline, Shape } from "./document.ts"
import { addShapes, findShape } from "./document.ts"
import { type Box, distance, type ImagePoint, imagePoint, type ScreenPoint } from "./geometry.ts"
import { cancel, change } from "./history.ts"
import type { PointerInput } from "./input.ts"
import { boundsOfAll, cornersOf, type Grip, gripsOf, hits, nearestOn } from "./outline.ts"
import { documentOf, type EditorState, freshIds, type Gesture, select, type Waiting } from "./state.ts"
import { toImage, toScreen } from "./viewport.ts"

export type Step = (state: EditorState, input: PointerInput) => EditorState

/** One state of a tool's chart: what an event does in it. What it does not name, the hand answers. */
export type Node = {
  /** A finger goes down: for states that act at once instead of waiting for a tap or a drag. */
  readonly down?: Step
  readonly tap?: Step
  readonly drag?: Step
  readonly hover?: Step
  readonly move?: Step
  readonly up?: Step
  /** The person says that it is finished as it stands: what a double tap is elsewhere. */
  readonly done?: (state: EditorState) => EditorState
}

/** A tool is a state chart: a node for each gesture it knows, `idle` first of all. */
export type Tool = { readonly [name in Gesture["name"]]?: Node }

/** Below this many CSS pixels a press is a tap: gloves tremble. */
export const slop = { mouse: 4, pen: 6, touch: 10 } as const
/** Half of the 44 px a grip is hit within, drawn at 14 px. */
export const gripReach = 22

export const idle: Waiting = { name: "idle" }

/** What a gesture goes back to when it is taken back. */
export const backOf = (gesture: Gesture): Waiting => ("back" in gesture ? gesture.back : gesture)

/** Ends whatever is under way without a trace. */
export const cancelGesture = (state: EditorState, gesture: Gesture = idle): EditorState => ({
  ...state,
  history: cancel(state.history),
  gesture,
})

/** Adds what was drawn, selects it, and gives the hand back. */
export function finish(
  state: EditorState,
  outline: Outline,
  mode: EditorState["mode"] = "hand",
): EditorState {
  const { ids, made } = freshIds(state, 1)
  const shape: Shape = { id: ids[0]!, kind: state.kind, outline, by: "person", state: "kept" }
  const history = change(state.history, addShapes(documentOf(state), [shape]))
  return select({ ...state, history, made, mode, gesture: idle }, ids)
}

export const selectedShapes = (state: EditorState): Shape[] =>
  documentOf(state).shapes.filter(({ id }) => state.selection.includes(id))

/** What the selection's frame may be resized by: the four corners. */
const groupSides = ["nw", "ne", "se", "sw"] as const

/** The places where the selection can be taken hold of. */
export function selectionGrips(state: EditorState): { grip: Grip; at: ImagePoint }[] {
  const shapes = selectedShapes(state)
  const [only] = shapes
  if (!only || shapes.some(({ locked, hidden }) => locked || hidden)) return []
  const reach = gripReach / state.viewport.scale
  if (shapes.length === 1 && (only.outline.type !== "polygon" || gripsOf(only.outline, reach).length > 0)) {
    const grips = gripsOf(only.outline, reach)
    if (grips.length > 0 || only.outline.type === "point") return grips
  }
  const [x, y, w, h]: Box = boundsOfAll(shapes.map(({ outline }) => outline))
  if (w <= 0 || h <= 0) return []
  return groupSides.map((side) => ({
    grip: { on: "side", side },
    at: imagePoint(side.includes("w") ? x : x + w, side.includes("n") ? y : y + h),
  }))
}

export function gripUnder(state: EditorState, at: ScreenPoint): { grip: Grip; at: ImagePoint } | undefined {
  return selectionGrips(state)
    .map((found) => ({ ...found, d: distance(toScreen(state.viewport, found.at), at) }))
    .filter(({ d }) => d <= gripReach)
    .sort((a, b) => a.d - b.d)[0]
}

const area = ([, , w, h]: Box) => w * h

/** The shapes under a finger, the smallest first: a small one within a large one can be reached. Of equals the upper. */
export function shapesUnder(state: EditorState, at: ScreenPoint): Shape[] {
  const p = toImage(state.viewport, at)
  const slack = 12 / state.viewport.scale
  return documentOf(state)
    .shapes.filter((shape) => !shape.hidden && hits(shape.outline, p, slack))
    .reverse()
    .sort((a, b) => area(boundsOfAll([a.outline])) - area(boundsOfAll([b.outline])))
}

/** How near, in CSS pixels, a point must come to be drawn to a corner or an edge. */
const snapReach = 12

/** The point, or the corner, edge or border near it when snapping is on. Corners win over edges. */
export function snapped(state: EditorState, p: ImagePoint, except: readonly string[] = []): ImagePoint {
  if (!state.snap) return p
  const reach = snapReach / state.viewport.scale
  const outlines = documentOf(state)
    .shapes.filter(({ id, hidden }) => !hidden && !except.includes(id))
    .filter(({ outline }) => hits({ type: "box", box: grown(boundsOfAll([outline]), reach) }, p, 0))
    .map(({ outline }) => outline)
  const { w, h } = state.image
  const frame: Outline = { type: "box", box: [0, 0, w, h] }
  const nearest = (places: readonly ImagePoint[]) =>
    places
      .map((place) => ({ place, d: distance(place, p) }))
      .filter(({ d }) => d <= reach)
      .sort((a, b) => a.d - b.d)[0]?.place
  const corner = nearest(outlines.flatMap(cornersOf))
  return corner ?? nearest([...outlines, frame].flatMap((outline) => edgePlaces(outline, p))) ?? p
}

const grown = ([x, y, w, h]: Box, by: number): Box => [x - by, y - by, w + 2 * by, h + 2 * by]

function edgePlaces(outline: Outline, p: ImagePoint): ImagePoint[] {
  if (outline.type === "ellipse") return []
  const corners = cornersOf(outline)
  const last = outline.type === "line" ? corners.length - 1 : corners.length
  return corners.slice(0, last).map((a, i) => nearestOn(a, corners[(i + 1) % corners.length] ?? a, p))
}

/** The point under a finger on the image, snapped. */
export const pointAt = (state: EditorState, input: PointerInput): ImagePoint => {
  const p = toImage(state.viewport, input.at)
  const { w, h } = state.image
  return snapped(state, imagePoint(Math.min(Math.max(p.x, 0), w), Math.min(Math.max(p.y, 0), h)))
}

/** Whether a shape is there and may be changed. */
export const isFree = (state: EditorState, id: string | null): boolean => {
  const shape = findShape(documentOf(state), id)
  return shape !== undefined && !shape.locked
}
