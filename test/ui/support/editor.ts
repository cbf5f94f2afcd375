import { boundsOf } from "#contract/outline"
import type { Shape } from "../../../ui/editor/document.ts"
import { drawingTools } from "../../../ui/editor/drawing-tools.ts"
import { type EditorAction, reduce } from "../../../ui/editor/editor.ts"
import { type Box, type Size, screenPoint } from "../../../ui/editor/geometry.ts"
import type { PointerKind } from "../../../ui/editor/input.ts"
import { workTools } from "../../../ui/editor/pointer.ts"
import { documentOf, type EditorState, newEditor } from "../../../ui/editor/state.ts"

type Place = readonly [number, number]

/**
 * The editor with verbs of the hand. Image 1000 × 800 on a stage of 500 × 400, so one screen pixel is two image pixels
 * until somebody zooms.
 */
export function createTestEditor(shapes: readonly Shape[] = [], image: Size = { w: 1000, h: 800 }) {
  let state: EditorState = newEditor(image, { w: 500, h: 400 }, shapes)
  let fingers = 0
  const at = (place: Place) => screenPoint(place[0], place[1])
  const act = (action: EditorAction) => {
    state = reduce(state, action, { ...workTools, ...drawingTools })
  }
  const play = (
    type: "down" | "move" | "up" | "cancel",
    id: number,
    place: Place,
    kind: PointerKind,
    contact = 20,
  ) => act({ type, id, kind, at: at(place), contact })

  return {
    act,
    get state() {
      return state
    },
    get boxes(): Box[] {
      return documentOf(state).shapes.map((shape) => boundsOf(shape.outline))
    },
    get shapes() {
      return documentOf(state).shapes
    },
    /** Puts a finger down and keeps it there. */
    touch(place: Place, kind: PointerKind = "touch", contact = 20) {
      fingers += 1
      const id = fingers
      play("down", id, place, kind, contact)
      return {
        move: (to: Place) => play("move", id, to, kind, contact),
        lift: (to: Place) => play("up", id, to, kind, contact),
        cancel: (to: Place) => play("cancel", id, to, kind, contact),
      }
    },
    tap(place: Place, kind: PointerKind = "touch") {
      this.touch(place, kind).lift(place)
    },
    drag(from: Place, to: Place, kind: PointerKind = "touch") {
      const finger = this.touch(from, kind)
      for (let i = 1; i <= 5; i++)
        finger.move([from[0] + ((to[0] - from[0]) * i) / 5, from[1] + ((to[1] - from[1]) * i) / 5])
      finger.lift(to)
    },
  }
}

export const suggestion = (id: string, box: Box, kind = "scratch"): Shape => ({
  id,
  kind,
  outline: { type: "box", box },
  by: "model",
  state: "suggested",
  score: 0.8,
})
