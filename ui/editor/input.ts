import { type ScreenPoint, screenPoint } from "./geometry.ts"

export type PointerKind = "mouse" | "pen" | "touch"

/** A pointer event without the DOM: what tests play and the tools understand. */
export type PointerInput = {
  readonly type: "down" | "move" | "up" | "cancel"
  readonly id: number
  readonly kind: PointerKind
  readonly at: ScreenPoint
  /** Larger side of the contact in CSS pixels; 1 for mouse and pen. */
  readonly contact: number
  /** Shift is held: adds to the selection. */
  readonly shift?: boolean
  /** The middle button: moves the picture whatever the tool. */
  readonly pan?: boolean
  /** The other end of a pen. */
  readonly eraser?: boolean
}

/** 25 mm at the 160 dpi of a tablet's CSS pixel: a palm or a sleeve, no finger, not even in a glove. */
export const palm = 157

const types = { pointerdown: "down", pointermove: "move", pointerup: "up", pointercancel: "cancel" } as const

/** Null for what is not ours: other event types and the mouse's side buttons. */
export function readPointer(event: PointerEvent, origin: { left: number; top: number }): PointerInput | null {
  const type = types[event.type as keyof typeof types]
  const eraser = event.pointerType === "pen" && event.button === 5
  const pan = event.pointerType === "mouse" && event.button === 1
  if (!type || (type === "down" && event.button !== 0 && !eraser && !pan)) return null
  const kind = event.pointerType === "pen" || event.pointerType === "touch" ? event.pointerType : "mouse"
  return {
    type,
    id: event.pointerId,
    kind,
    at: screenPoint(event.clientX - origin.left, event.clientY - origin.top),
    contact: kind === "touch" ? Math.max(event.width, event.height) : 1,
    shift: event.shiftKey,
    pan,
    eraser,
  }
}
