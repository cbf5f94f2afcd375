import {
  type Answer,
  acceptShape,
  addShapes,
  changeShapes,
  type EditorDocument,
  findShape,
  type Place,
  removeShapes,
  reorder,
  type Shape,
} from "./document.ts"
import { growAll, moveOutlineAll, turnAll } from "./edit.ts"
import { type ScreenPoint, type Size, screenPoint } from "./geometry.ts"
import { touchedVertex } from "./hand.tool.ts"
import { change, redo, undo } from "./history.ts"
import type { PointerInput } from "./input.ts"
import { removeVertex } from "./outline.ts"
import { pointer, type Tools, workTools } from "./pointer.ts"
import { documentOf, type EditorState, freshIds, type Look, type Mode, newEditor, select } from "./state.ts"
import { cancelGesture, selectedShapes } from "./tool.ts"
import { fit, keep, panBy, turnBy, zoomAt } from "./viewport.ts"

/** Everything that can happen to the editor. */
export type EditorAction =
  | PointerInput
  | { readonly type: "wheel"; readonly at: ScreenPoint; readonly delta: number }
  | { readonly type: "stage"; readonly size: Size }
  | {
      readonly type: "open"
      readonly image: Size
      readonly shapes: readonly Shape[]
      readonly rest?: Partial<Omit<EditorDocument, "shapes">>
    }
  | { readonly type: "mode"; readonly mode: Mode }
  /** Kind of the selected shapes, and of the next one drawn. */
  | { readonly type: "kind"; readonly kind: string }
  /** A further class of the selected shapes, given or taken. */
  | { readonly type: "also"; readonly kind: string }
  | { readonly type: "zoom"; readonly factor: number }
  | { readonly type: "fit" }
  | { readonly type: "turn"; readonly quarters: number }
  | { readonly type: "look"; readonly look: Partial<Look> }
  /** Arrow keys: moves the selected shapes by image pixels, else the picture by screen pixels. */
  | { readonly type: "nudge"; readonly dx: number; readonly dy: number }
  /** The selected shapes wider and higher by image pixels. */
  | { readonly type: "grow"; readonly dw: number; readonly dh: number }
  /** The selected shapes turned, clockwise. */
  | { readonly type: "spin"; readonly degrees: number }
  | { readonly type: "select"; readonly id: string | null }
  | { readonly type: "select-all" }
  | { readonly type: "adding"; readonly on: boolean }
  | { readonly type: "snap"; readonly on: boolean }
  | { readonly type: "brush"; readonly size: number }
  | { readonly type: "accept"; readonly id: string }
  | { readonly type: "remove"; readonly id: string }
  /** The corner that was touched last, else everything selected. */
  | { readonly type: "remove-selection" }
  /** The next tap says where the selection goes. */
  | { readonly type: "bring" }
  | { readonly type: "order"; readonly to: Place }
  | { readonly type: "lock"; readonly ids: readonly string[]; readonly on: boolean }
  | { readonly type: "hide"; readonly ids: readonly string[]; readonly on: boolean }
  | { readonly type: "copy" }
  | { readonly type: "paste" }
  /** Of one region, or with null of the whole image; an undefined answer is taken back. */
  | {
      readonly type: "answer"
      readonly id: string | null
      readonly key: string
      readonly answer: Answer | undefined
    }
  /** A whole new document as one step: what a command of its own has worked out. */
  | { readonly type: "edit"; readonly document: EditorDocument; readonly select?: readonly string[] }
  /** Shapes of an assistant or another source, to be agreed with or not. */
  | { readonly type: "add"; readonly shapes: readonly Shape[] }
  /** One corner back while a path is drawn, else one step of history. */
  | { readonly type: "undo" }
  | { readonly type: "redo" }
  /** Ends what is being drawn with what is there, or places what the tool makes; else puts the tool away. */
  | { readonly type: "done" }
  | { readonly type: "escape" }

const panStep = 64
/** A copy lies this far from its original, in image pixels per zoom. */
const pasteStep = 24

/** The editor as one pure function: state and what happened → state. */
export function reduce(state: EditorState, action: EditorAction, tools: Tools = workTools): EditorState {
  const doc = documentOf(state)
  const changed = (document: EditorDocument, streak: string | null = null): EditorState => ({
    ...state,
    history: change(state.history, document, streak),
  })
  switch (action.type) {
    case "down":
    case "move":
    case "up":
    case "cancel":
      return pointer(state, action, tools)
    case "wheel":
      return zoomed(state, action.at, Math.exp(-action.delta * 0.0015))
    case "zoom":
      return zoomed(state, screenPoint(state.stage.w / 2, state.stage.h / 2), action.factor)
    case "fit":
      return { ...state, viewport: fit(state.image, state.stage, state.viewport.turn) }
    case "turn": {
      const { viewport, image, stage } = state
      const whole = viewport.scale <= fit(image, stage, viewport.turn).scale * 1.001
      const next = turnBy(viewport, action.quarters, stage)
      return { ...state, viewport: whole ? fit(image, stage, next.turn) : keep(next, image, stage) }
    }
    case "look":
      return { ...state, look: { ...state.look, ...action.look } }
    case "stage": {
      const { viewport, image, stage } = state
      // A stage that was never measured, or shows the whole image, keeps showing the whole image.
      const whole = stage.w === 0 || viewport.scale <= fit(image, stage, viewport.turn).scale * 1.001
      const next = whole ? fit(image, action.size, viewport.turn) : keep(viewport, image, action.size)
      return { ...state, stage: action.size, viewport: next }
    }
    case "open": {
      const opened = newEditor(action.image, state.stage, action.shapes, action.rest)
      const same = state.image.w === action.image.w && state.image.h === action.image.h
      const brush = same ? state.brush : opened.brush
      return { ...opened, clipboard: state.clipboard, snap: state.snap, brush }
    }
    case "mode":
      return { ...cancelGesture(state), mode: action.mode, adding: false }
    case "kind": {
      const ids = selectedShapes(state)
        .filter((shape) => shape.kind !== action.kind && !shape.locked)
        .map(({ id }) => id)
      const { kind } = action
      const next =
        ids.length === 0
          ? state
          : changed(
              changeShapes(doc, ids, ({ also = [] }) => ({ kind, also: also.filter((k) => k !== kind) })),
            )
      return { ...next, kind }
    }
    case "also": {
      const ids = selectedShapes(state).flatMap(({ id, kind, locked }) =>
        kind === action.kind || locked ? [] : [id],
      )
      if (ids.length === 0) return state
      return changed(
        changeShapes(doc, ids, ({ also = [] }) => ({
          also: also.includes(action.kind) ? also.filter((k) => k !== action.kind) : [...also, action.kind],
        })),
      )
    }
    case "nudge": {
      const shapes = selectedShapes(state).filter(({ locked }) => !locked)
      if (shapes.length > 0)
        return changed(
          moveOutlineAll(doc, shapes, action.dx, action.dy, state.image),
          `nudge ${state.selection.join()}`,
        )
      const moved = panBy(state.viewport, -action.dx * panStep, -action.dy * panStep)
      return { ...state, viewport: keep(moved, state.image, state.stage) }
    }
    case "grow":
    case "spin": {
      const shapes = selectedShapes(state).filter(({ locked }) => !locked)
      if (shapes.length === 0) return state
      return changed(
        action.type === "grow"
          ? growAll(doc, shapes, action.dw, action.dh, state.image)
          : turnAll(doc, shapes, action.degrees, state.image),
        `${action.type} ${state.selection.join()}`,
      )
    }
    case "select":
      return select(cancelGesture(state), action.id === null ? [] : [action.id])
    case "select-all":
      return select(
        cancelGesture(state),
        doc.shapes.filter(({ hidden }) => !hidden).map(({ id }) => id),
      )
    case "adding":
      return { ...state, adding: action.on }
    case "snap":
      return { ...state, snap: action.on }
    case "brush":
      return { ...state, brush: Math.min(Math.max(1, action.size), Math.max(state.image.w, state.image.h)) }
    case "accept":
      return changed(acceptShape(doc, action.id))
    case "remove":
      return removed(state, [action.id])
    case "remove-selection": {
      const touched = touchedVertex(state)
      const left = touched && !touched.shape.locked && removeVertex(touched.shape.outline, touched.index)
      if (touched && left)
        return { ...changed(changeShapes(doc, [touched.shape.id], () => ({ outline: left }))), vertex: null }
      return removed(
        state,
        selectedShapes(state).flatMap(({ id, locked }) => (locked ? [] : [id])),
      )
    }
    case "bring":
      return state.selected === null ? state : { ...cancelGesture(state), gesture: { name: "bring" } }
    case "order":
      return changed(reorder(doc, state.selection, action.to))
    case "lock":
      return changed(changeShapes(doc, action.ids, () => ({ locked: action.on })))
    case "hide":
      return changed(changeShapes(doc, action.ids, () => ({ hidden: action.on })))
    case "copy":
      return state.selection.length === 0 ? state : { ...state, clipboard: selectedShapes(state) }
    case "paste":
      return pasted(state)
    case "answer":
      return changed(answered(doc, action), `answer ${action.id} ${action.key}`)
    case "edit":
      return select(changed(action.document), action.select ?? state.selection)
    case "add":
      return changed(addShapes(doc, action.shapes))
    case "undo": {
      const { gesture } = state
      if (gesture.name === "path") {
        const points = gesture.points.slice(0, -1)
        return { ...state, gesture: points.length > 0 ? { ...gesture, points } : { name: "idle" } }
      }
      return settle({ ...cancelGesture(state), history: undo(cancelGesture(state).history) })
    }
    case "redo":
      return settle({ ...cancelGesture(state), history: redo(cancelGesture(state).history) })
    case "done": {
      const done = tools[state.mode]?.[state.gesture.name]?.done
      return done ? done(state) : { ...cancelGesture(state), mode: "hand", adding: false }
    }
    case "escape":
      // First what is under way, then the selection.
      if (state.gesture.name !== "idle") return cancelGesture(state)
      return select({ ...state, mode: "hand", adding: false }, [])
  }
}

function zoomed(state: EditorState, at: ScreenPoint, factor: number): EditorState {
  return { ...state, viewport: keep(zoomAt(state.viewport, at, factor), state.image, state.stage) }
}

function removed(state: EditorState, ids: readonly string[]): EditorState {
  if (ids.length === 0) return state
  const rested = cancelGesture(state)
  const history = change(rested.history, removeShapes(documentOf(rested), ids))
  return select(
    { ...rested, history },
    state.selection.filter((id) => !ids.includes(id)),
  )
}

/** Copies lie beside their originals, so that nobody takes two for one; on another image they lie where they lay. */
function pasted(state: EditorState): EditorState {
  if (state.clipboard.length === 0) return state
  const doc = documentOf(state)
  const { ids, made } = freshIds(state, state.clipboard.length)
  const lie = state.clipboard.some(({ id }) => findShape(doc, id) !== undefined)
  const step = lie ? pasteStep / state.viewport.scale : 0
  const copies = state.clipboard
    .filter(({ outline }) => outline.type !== "mask" || fitsImage(outline.size, state.image))
    .map((shape, i): Shape => ({ ...shape, id: ids[i]!, by: "person", state: "kept", locked: false }))
  if (copies.length === 0) return state
  const added = moveOutlineAll(addShapes(doc, copies), copies, step, step, state.image)
  const clipboard = added.shapes.filter(({ id }) => ids.includes(id))
  const next = { ...state, history: change(state.history, added), made, clipboard }
  return select(
    next,
    copies.map(({ id }) => id),
  )
}

const fitsImage = ([h, w]: readonly [number, number], image: Size) => h === image.h && w === image.w

function answered(
  doc: EditorDocument,
  { id, key, answer }: { id: string | null; key: string; answer: Answer | undefined },
): EditorDocument {
  const put = (answers: EditorDocument["answers"]) => {
    const { [key]: _, ...rest } = answers
    return answer === undefined ? rest : { ...rest, [key]: answer }
  }
  if (id === null) return { ...doc, answers: put(doc.answers) }
  return changeShapes(doc, [id], ({ answers = {} }) => ({ answers: put(answers) }))
}

/** After a step through history what is selected must still exist. */
function settle(state: EditorState): EditorState {
  const doc = documentOf(state)
  const left = state.selection.filter((id) => findShape(doc, id) !== undefined)
  return left.length === state.selection.length ? { ...state, vertex: null } : select(state, left)
}
