import { type EditorDocument, emptyDocument, type Shape } from "./document.ts"
import type { Box, Handle, ImagePoint, ScreenPoint, Size } from "./geometry.ts"
import { type History, newHistory } from "./history.ts"
import type { PointerKind } from "./input.ts"
import { fit, type Viewport } from "./viewport.ts"

/** `hand` looks and selects; `box` draws one box and gives the hand back. */
export type Mode = "hand" | "box"

/** What the fingers are doing. Every gesture ends in idle by completing, or by being cancelled without a trace. */
export type Gesture =
  | { readonly name: "idle" }
  /** Down, but not yet moved far enough to be a drag. */
  | { readonly name: "press"; readonly pointer: number; readonly from: ScreenPoint }
  | { readonly name: "pan"; readonly pointer: number; readonly last: ScreenPoint }
  | {
      readonly name: "pinch"
      readonly pointers: readonly [number, number]
      readonly from: readonly [ScreenPoint, ScreenPoint]
      readonly viewport: Viewport
    }
  | { readonly name: "draw"; readonly pointer: number; readonly from: ImagePoint; readonly to: ImagePoint }
  /** The first corner is tapped; the next tap is the opposite one. */
  | { readonly name: "corner"; readonly from: ImagePoint; readonly to: ImagePoint }
  | {
      readonly name: "move"
      readonly pointer: number
      readonly shape: string
      readonly grab: ImagePoint
      readonly box: Box
    }
  | {
      readonly name: "resize"
      readonly pointer: number
      readonly shape: string
      readonly handle: Handle
      readonly box: Box
      readonly to: ImagePoint
    }
  /** Fingers still lie on the glass after a pinch or a palm: nothing they do counts until all are up. */
  | { readonly name: "spent" }

export type Pointer = { readonly id: number; readonly kind: PointerKind; readonly at: ScreenPoint }

export type EditorState = {
  readonly image: Size
  readonly stage: Size
  readonly viewport: Viewport
  readonly mode: Mode
  /** Kind a newly drawn box gets. */
  readonly kind: string
  readonly selected: string | null
  readonly history: History<EditorDocument>
  readonly gesture: Gesture
  readonly pointers: readonly Pointer[]
  /** Once a pen is seen on this image, fingers only move it. */
  readonly penSeen: boolean
  /** Makes ids of shapes. */
  readonly made: number
}

export function newEditor(
  image: Size,
  stage: Size = { w: 0, h: 0 },
  shapes: readonly Shape[] = [],
): EditorState {
  return {
    image,
    stage,
    viewport: fit(image, stage),
    mode: "hand",
    kind: "unknown",
    selected: null,
    history: newHistory(shapes.length === 0 ? emptyDocument : { shapes }),
    gesture: { name: "idle" },
    pointers: [],
    penSeen: false,
    made: 0,
  }
}

export const documentOf = (state: EditorState): EditorDocument => state.history.present
