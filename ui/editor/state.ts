import { type EditorDocument, newDocument, type Shape } from "./document.ts"
import type { Box, ImagePoint, ScreenPoint, Size } from "./geometry.ts"
import { type History, newHistory } from "./history.ts"
import type { PointerKind } from "./input.ts"
import type { Grip } from "./outline.ts"
import { fit, type Viewport } from "./viewport.ts"

/** `hand` looks and selects; most others draw one shape and give the hand back; brush and eraser stay. */
export type Mode =
  | "hand"
  | "marquee"
  | "box"
  | "rotated"
  | "ellipse"
  | "polygon"
  | "line"
  | "point"
  | "brush"
  | "eraser"
  | "link"
  | "segment"

export type Spot = { readonly at: ImagePoint; readonly inside: boolean }

/**
 * What waits between taps while no finger is on the glass. Looking closer with two fingers, or moving the picture, does
 * not disturb it.
 */
export type Waiting =
  | { readonly name: "idle" }
  /** The first corner is tapped; the next tap is the opposite one. */
  | { readonly name: "corner"; readonly from: ImagePoint; readonly to: ImagePoint }
  /** One side of a turned box is there; the next tap says how far the opposite side is. */
  | { readonly name: "side"; readonly from: ImagePoint; readonly to: ImagePoint; readonly at: ImagePoint }
  /** Corners of a polygon or line so far; `at` is where the pointer hovers. */
  | { readonly name: "path"; readonly points: readonly ImagePoint[]; readonly at: ImagePoint }
  /** What an assistant is to outline: places that belong to it and places that do not, or a box around it. */
  | { readonly name: "spots"; readonly spots: readonly Spot[]; readonly box: Box | null }
  /** A grip was tapped instead of dragged; the next tap says where it goes. */
  | { readonly name: "carry"; readonly grip: Grip }
  /** The selection goes to the next tap. */
  | { readonly name: "bring" }
  /** The region a relation starts from. */
  | { readonly name: "linking"; readonly from: string; readonly at: ImagePoint }

/** What the fingers are doing. Every gesture ends in what waited before, in a finished edit, or without a trace. */
export type Gesture =
  | Waiting
  /** Down, but not yet moved far enough to be a drag. */
  | {
      readonly name: "press"
      readonly pointer: number
      readonly from: ScreenPoint
      readonly adding: boolean
      readonly back: Waiting
    }
  | { readonly name: "pan"; readonly pointer: number; readonly last: ScreenPoint; readonly back: Waiting }
  | {
      readonly name: "pinch"
      readonly pointers: readonly [number, number]
      readonly from: readonly [ScreenPoint, ScreenPoint]
      readonly viewport: Viewport
      readonly back: Waiting
    }
  | {
      readonly name: "draw"
      readonly pointer: number
      readonly from: ImagePoint
      readonly to: ImagePoint
      readonly back: Waiting
    }
  | {
      readonly name: "trace"
      readonly pointer: number
      readonly points: readonly ImagePoint[]
      readonly to: ImagePoint
      readonly back: Waiting
    }
  | { readonly name: "aim"; readonly pointer: number; readonly to: ImagePoint; readonly back: Waiting }
  | {
      readonly name: "paint"
      readonly pointer: number
      readonly points: readonly ImagePoint[]
      readonly to: ImagePoint
      readonly erase: boolean
      readonly back: Waiting
    }
  | {
      readonly name: "move"
      readonly pointer: number
      readonly grab: ImagePoint
      readonly shapes: readonly Shape[]
      readonly back: Waiting
    }
  | {
      readonly name: "resize"
      readonly pointer: number
      readonly grip: Grip
      readonly shapes: readonly Shape[]
      readonly from: ScreenPoint
      readonly moved: boolean
      readonly to: ImagePoint
      readonly back: Waiting
    }
  | {
      readonly name: "marquee"
      readonly pointer: number
      readonly from: ImagePoint
      readonly to: ImagePoint
      readonly back: Waiting
    }
  /** Fingers still lie on the glass after a pinch or a palm: nothing they do counts until all are up. */
  | { readonly name: "spent"; readonly back: Waiting }

export type Pointer = { readonly id: number; readonly kind: PointerKind; readonly at: ScreenPoint }

/** How the picture is shown; nothing of it is stored. 1 is as taken. */
export type Look = { readonly brightness: number; readonly contrast: number; readonly invert: boolean }
const plainLook: Look = { brightness: 1, contrast: 1, invert: false }

export type EditorState = {
  readonly image: Size
  readonly stage: Size
  readonly viewport: Viewport
  readonly look: Look
  readonly mode: Mode
  /** Kind a newly drawn shape gets. */
  readonly kind: string
  readonly selection: readonly string[]
  /** The one selected last. */
  readonly selected: string | null
  /** Taps add to the selection and take from it, as with Shift held. */
  readonly adding: boolean
  /** The corner of the selected shape that was touched last. */
  readonly vertex: number | null
  readonly snap: boolean
  /** Diameter of brush and eraser in image pixels. */
  readonly brush: number
  readonly history: History<EditorDocument>
  readonly gesture: Gesture
  readonly pointers: readonly Pointer[]
  /** Once a pen is seen on this image, fingers only move it. */
  readonly penSeen: boolean
  readonly clipboard: readonly Shape[]
  /** Makes ids of shapes. */
  readonly made: number
}

export function newEditor(
  image: Size,
  stage: Size = { w: 0, h: 0 },
  shapes: readonly Shape[] = [],
  rest: Partial<Omit<EditorDocument, "shapes">> = {},
): EditorState {
  return {
    image,
    stage,
    viewport: fit(image, stage),
    look: plainLook,
    mode: "hand",
    kind: "unknown",
    selection: [],
    selected: null,
    adding: false,
    vertex: null,
    snap: false,
    brush: Math.max(8, Math.round(Math.min(image.w, image.h) / 25)),
    history: newHistory(newDocument({ ...rest, shapes })),
    gesture: { name: "idle" },
    pointers: [],
    penSeen: false,
    clipboard: [],
    made: 0,
  }
}

export const documentOf = (state: EditorState): EditorDocument => state.history.present

export const select = (state: EditorState, ids: readonly string[]): EditorState => ({
  ...state,
  selection: ids,
  selected: ids.at(-1) ?? null,
  vertex: null,
})

/** Ids that no shape of this document has, also when it was drawn in an earlier sitting. */
export function freshIds(state: EditorState, count: number): { ids: string[]; made: number } {
  const taken = new Set(documentOf(state).shapes.map(({ id }) => id))
  const ids: string[] = []
  let { made } = state
  while (ids.length < count) {
    made += 1
    if (!taken.has(`p${made}`)) ids.push(`p${made}`)
  }
  return { ids, made }
}
