import { boxTool } from "./box.tool.ts"
import { distance } from "./geometry.ts"
import { handTool, marqueeTool } from "./hand.tool.ts"
import { type PointerInput, palm } from "./input.ts"
import type { EditorState, Gesture, Mode } from "./state.ts"
import { backOf, cancelGesture, idle, type Node, slop, type Tool } from "./tool.ts"
import { keep, pinch } from "./viewport.ts"

export type Tools = { readonly [mode in Mode]?: Tool }

/** What a worker needs. */
export const workTools: Tools = { hand: handTool, marquee: marqueeTool, box: boxTool }

/** The node of the chart we are in: the tool's own, else the hand's. */
function nodeOf(state: EditorState, name: Gesture["name"], tools: Tools): Node {
  const tool = tools[state.mode] ?? handTool
  return tool[name] ?? (name === "idle" ? {} : (handTool[name] ?? {}))
}

/** One finger, pen or mouse button goes down and nothing else is on the glass. */
function firstDown(state: EditorState, input: PointerInput, tools: Tools): EditorState {
  const back = backOf(state.gesture)
  if (input.pan || (state.penSeen && input.kind === "touch"))
    return { ...state, gesture: { name: "pan", pointer: input.id, last: input.at, back } }
  const begun = nodeOf(state, back.name, tools).down?.(state, input) ?? state
  if (begun !== state) return begun
  const adding = input.shift === true
  return { ...state, gesture: { name: "press", pointer: input.id, from: input.at, adding, back } }
}

function move(state: EditorState, input: PointerInput, tools: Tools): EditorState {
  const { gesture } = state
  if (gesture.name === "press") {
    if (distance(gesture.from, input.at) < slop[input.kind]) return state
    const start = { ...input, at: gesture.from, shift: gesture.adding }
    const dragged = nodeOf(state, gesture.back.name, tools).drag ?? handTool.idle?.drag
    const next = dragged?.({ ...state, gesture: gesture.back }, start) ?? state
    return next.gesture.name === "press" ? next : move(next, input, tools)
  }
  if (gesture.name === "pinch") {
    const [a, b] = gesture.pointers.map((id) => state.pointers.find((p) => p.id === id)?.at)
    if (!a || !b) return state
    const moved = pinch(gesture.viewport, gesture.from, [a, b])
    return { ...state, viewport: keep(moved, state.image, state.stage) }
  }
  return nodeOf(state, gesture.name, tools).move?.(state, input) ?? state
}

function release(state: EditorState, input: PointerInput, tools: Tools): EditorState {
  const { gesture } = state
  if (gesture.name === "press") {
    const tap = nodeOf(state, gesture.back.name, tools).tap
    const start = { ...input, at: gesture.from, shift: gesture.adding }
    return tap?.({ ...state, gesture: gesture.back }, start) ?? { ...state, gesture: gesture.back }
  }
  if (gesture.name === "pinch" || gesture.name === "spent")
    return {
      ...state,
      gesture: state.pointers.length === 0 ? gesture.back : { name: "spent", back: gesture.back },
    }
  return nodeOf(state, gesture.name, tools).up?.(state, input) ?? state
}

/** The one entry for fingers, pen and mouse. */
export function pointer(state: EditorState, input: PointerInput, tools: Tools): EditorState {
  const others = state.pointers.filter((p) => p.id !== input.id)
  const own = { id: input.id, kind: input.kind, at: input.at }
  const known = others.length < state.pointers.length
  switch (input.type) {
    case "down": {
      if (input.contact > palm) return state
      const next = { ...state, pointers: [...others, own], penSeen: state.penSeen || input.kind === "pen" }
      if (others.length === 0) return firstDown(next, input, tools)
      const [a, b] = next.pointers
      const back = backOf(state.gesture)
      // A second finger always means looking closer: what the first had begun is taken back.
      if (next.pointers.length === 2 && a && b)
        return cancelGesture(next, {
          name: "pinch",
          pointers: [a.id, b.id],
          from: [a.at, b.at],
          viewport: state.viewport,
          back,
        })
      return cancelGesture(next, { name: "spent", back })
    }
    case "move": {
      // A mouse hovers: what waits for the next tap follows it.
      if (!known)
        return "back" in state.gesture
          ? state
          : (nodeOf(state, state.gesture.name, tools).hover?.(state, input) ?? state)
      const pointers = state.pointers.map((p) => (p.id === input.id ? own : p))
      return move({ ...state, pointers }, input, tools)
    }
    case "up":
      return known ? release({ ...state, pointers: others }, input, tools) : state
    case "cancel": {
      if (!known) return state
      const back = backOf(state.gesture)
      const left: Gesture = others.length === 0 ? back : { name: "spent", back }
      return cancelGesture({ ...state, pointers: others }, left ?? idle)
    }
  }
}
