import type { Relation } from "./document.ts"
import { change } from "./history.ts"
import type { PointerInput } from "./input.ts"
import { documentOf, type EditorState, select } from "./state.ts"
import { idle, pointAt, shapesUnder, type Tool } from "./tool.ts"

/** Relates two regions, or takes the relation back when they are related already. */
function linked(state: EditorState, from: string, to: string): EditorState {
  const doc = documentOf(state)
  const isSame = (relation: Relation) => relation.from === from && relation.to === to
  const relations = doc.relations.some(isSame)
    ? doc.relations.filter((relation) => !isSame(relation))
    : [...doc.relations, { from, to }]
  return select({ ...state, history: change(state.history, { ...doc, relations }), gesture: idle }, [
    from,
    to,
  ])
}

function reached(state: EditorState, input: PointerInput): EditorState {
  if (state.gesture.name !== "linking") return state
  const { from } = state.gesture
  const to = shapesUnder(state, input.at).find(({ id }) => id !== from)
  return to ? linked(state, from, to.id) : { ...state, gesture: idle }
}

/** A relation: tap one region, then the other. */
export const linkTool: Tool = {
  idle: {
    tap(state, input) {
      const [from] = shapesUnder(state, input.at)
      if (!from) return { ...state, gesture: idle }
      return select({ ...state, gesture: { name: "linking", from: from.id, at: pointAt(state, input) } }, [
        from.id,
      ])
    },
  },
  linking: {
    tap: reached,
    hover(state, input) {
      if (state.gesture.name !== "linking") return state
      return { ...state, gesture: { ...state.gesture, at: pointAt(state, input) } }
    },
  },
}
