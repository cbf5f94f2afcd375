import { areasToMasks, mergeAreas } from "../../editor/areas.ts"
import type { Place } from "../../editor/document.ts"
import { documentOf, type Mode } from "../../editor/state.ts"
import type { ActionId } from "./keys.ts"
import type { Labelling } from "./labelling.ts"

/** What can be opened over the work. */
export type Open =
  | "none"
  | "help"
  | "history"
  | "new-kind"
  | "skip"
  | "ask"
  | "comment"
  | "mentions"
  | "batch"
export type Drawer = "none" | "tools" | "regions"
/** What stands beside the part to judge it by: the criteria, or parts like it. */
export type Beside = "guide" | "alike"

const zoomStep = 1.5
const lookStep = 0.15
const far = 10
const growStep = 5
const spinStep = 5

/** One step of brush size: finer when small. */
const brushStep = (size: number, up: boolean): number => {
  const step = Math.max(1, Math.round(size * 0.25))
  return Math.max(1, up ? size + step : size - step)
}

/** What every action does, by its name; keys and buttons both come here. */
export function createCommands(deps: {
  work: Labelling
  kinds: () => readonly { key: string }[]
  open: (what: Open) => void
  drawer: (which: Drawer) => void
  /** Shows what helps to judge beside the part, or puts it away. */
  beside: (which: Beside) => void
  /** Whether this person has the tool on this line. */
  has: (mode: Mode) => boolean
  /** Takes back what was done beside judging; false when that is not what was done last. */
  undoBeside?: () => boolean
}): Record<ActionId, () => void> {
  const { work, kinds, open, drawer, beside, has, undoBeside = () => false } = deps
  const { dispatch } = work
  const state = () => work.editor.value
  const tool = (mode: Mode) => () => {
    if (has(mode)) dispatch({ type: "mode", mode: state().mode === mode ? "hand" : mode })
  }
  const kind = (i: number) => () => {
    const found = kinds()[i]
    if (found && work.held.value) void work.pick(found.key)
  }
  /** About the part in the hand. */
  const about = (what: Open) => () => {
    if (work.held.value) open(what)
  }
  const nudge = (dx: number, dy: number) => () => dispatch({ type: "nudge", dx, dy })
  const grow = (dw: number, dh: number) => () => dispatch({ type: "grow", dw, dh })
  const order = (to: Place) => () => dispatch({ type: "order", to })
  const look = (brightness: number, contrast: number) => () => {
    const now = state().look
    const within = (value: number) => Math.min(3, Math.max(0.25, Math.round(value * 100) / 100))
    dispatch({
      type: "look",
      look: { brightness: within(now.brightness + brightness), contrast: within(now.contrast + contrast) },
    })
  }
  /** Walks through the regions from the bottom to the top. */
  const walk = (by: 1 | -1) => () => {
    const shapes = documentOf(state()).shapes.filter(({ hidden }) => !hidden)
    const at = shapes.findIndex(({ id }) => id === state().selected)
    const next =
      shapes[at < 0 ? (by === 1 ? 0 : shapes.length - 1) : (at + by + shapes.length) % shapes.length]
    if (next) dispatch({ type: "select", id: next.id })
  }
  const edit = (make: typeof mergeAreas) => () => {
    const action = make(state())
    if (action) dispatch(action)
  }
  const chosen = () => documentOf(state()).shapes.filter(({ id }) => state().selection.includes(id))

  return {
    accept: () => void work.accept(),
    ok: () => void work.decide("ok"),
    ng: () => void work.decide("ng"),
    unsure: () => void work.decide("unsure"),
    kind1: kind(0),
    kind2: kind(1),
    kind3: kind(2),
    kind4: kind(3),
    kind5: kind(4),
    kind6: kind(5),
    kind7: kind(6),
    kind8: kind(7),
    kind9: kind(8),
    same: () => void work.sameAsLast(),
    skip: about("skip"),
    ask: about("ask"),
    comment: about("comment"),
    batch: () => open("batch"),
    undo() {
      if (state().history.past.length > 0 || state().gesture.name === "path") dispatch({ type: "undo" })
      else if (!undoBeside()) void work.undo()
    },
    redo: () => dispatch({ type: "redo" }),
    hand: () => dispatch({ type: "mode", mode: "hand" }),
    box: tool("box"),
    rotated: tool("rotated"),
    ellipse: tool("ellipse"),
    polygon: tool("polygon"),
    line: tool("line"),
    point: tool("point"),
    brush: tool("brush"),
    eraser: tool("eraser"),
    thicker: () => dispatch({ type: "brush", size: brushStep(state().brush, true) }),
    thinner: () => dispatch({ type: "brush", size: brushStep(state().brush, false) }),
    link: tool("link"),
    segment: tool("segment"),
    done: () => dispatch({ type: "done" }),
    snap: () => dispatch({ type: "snap", on: !state().snap }),
    escape() {
      work.stopAsking()
      const { gesture, mode, selection } = state()
      if (gesture.name === "idle" && mode === "hand" && selection.length === 0) drawer("none")
      dispatch({ type: "escape" })
    },
    next: walk(1),
    previous: walk(-1),
    all: () => dispatch({ type: "select-all" }),
    several: () => dispatch({ type: "adding", on: !state().adding }),
    marquee: tool("marquee"),
    agree() {
      for (const { id, state: now } of chosen()) if (now === "suggested") dispatch({ type: "accept", id })
    },
    remove: () => dispatch({ type: "remove-selection" }),
    copy: () => dispatch({ type: "copy" }),
    paste: () => dispatch({ type: "paste" }),
    left: nudge(-1, 0),
    right: nudge(1, 0),
    up: nudge(0, -1),
    down: nudge(0, 1),
    farLeft: nudge(-far, 0),
    farRight: nudge(far, 0),
    farUp: nudge(0, -far),
    farDown: nudge(0, far),
    wider: grow(growStep, 0),
    narrower: grow(-growStep, 0),
    taller: grow(0, growStep),
    shorter: grow(0, -growStep),
    spinRight: () => dispatch({ type: "spin", degrees: spinStep }),
    spinLeft: () => dispatch({ type: "spin", degrees: -spinStep }),
    bring: () => dispatch({ type: "bring" }),
    front: order("front"),
    forward: order("forward"),
    backward: order("backward"),
    back: order("back"),
    lock() {
      const shapes = chosen()
      const ids = shapes.map(({ id }) => id)
      if (ids.length > 0) dispatch({ type: "lock", ids, on: shapes.some(({ locked }) => !locked) })
    },
    hide() {
      const ids = chosen().map(({ id }) => id)
      // Nothing selected: what is hidden comes back.
      const hidden = documentOf(state()).shapes.flatMap((shape) => (shape.hidden ? [shape.id] : []))
      if (ids.length > 0) {
        dispatch({ type: "hide", ids, on: true })
        dispatch({ type: "select", id: null })
      } else if (hidden.length > 0) dispatch({ type: "hide", ids: hidden, on: false })
    },
    merge: edit(mergeAreas),
    toMask: edit(areasToMasks),
    zoomIn: () => dispatch({ type: "zoom", factor: zoomStep }),
    zoomOut: () => dispatch({ type: "zoom", factor: 1 / zoomStep }),
    fit: () => dispatch({ type: "fit" }),
    turnRight: () => dispatch({ type: "turn", quarters: 1 }),
    turnLeft: () => dispatch({ type: "turn", quarters: -1 }),
    brighter: look(lookStep, 0),
    darker: look(-lookStep, 0),
    moreContrast: look(0, lookStep),
    lessContrast: look(0, -lookStep),
    invert: () => dispatch({ type: "look", look: { invert: !state().look.invert } }),
    asTaken: () => dispatch({ type: "look", look: { brightness: 1, contrast: 1, invert: false } }),
    tools: () => drawer("tools"),
    regions: () => drawer("regions"),
    guide: () => beside("guide"),
    alike: () => beside("alike"),
    mentions: () => open("mentions"),
    history: () => open("history"),
    help: () => open("help"),
  }
}
export type Commands = ReturnType<typeof createCommands>
