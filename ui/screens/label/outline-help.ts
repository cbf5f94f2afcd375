import { effect, signal } from "@preact/signals"
import { OutlineAnswer, type Pointing } from "#contract/segmenter"
import type { Api } from "../../api.ts"
import type { Outline, Shape } from "../../editor/document.ts"
import { documentOf, type Waiting } from "../../editor/state.ts"
import type { Labelling } from "./labelling.ts"

type Spots = Waiting & { name: "spots" }

/** Most corners of a polygon that hands can still change; beyond that a mask is the better form. */
const mostCorners = 120

/** Asks the hub for the outline of what is pointed at, and puts the answer on the picture. One answer at a time counts. */
export function createOutlineHelp({ work, api }: { work: Labelling; api: Pick<Api, "post" | "run"> }) {
  const state = signal<"idle" | "asking" | "nothing" | "failed">("idle")
  let asked: Spots | undefined
  /** The region that answers to the present pointing. */
  let made: string | undefined
  let count = 0
  let prepared = ""

  async function ask(spots: Spots, image: string): Promise<void> {
    const pointing: Pointing = {
      points: spots.spots.map(({ at, inside }) => ({ x: at.x, y: at.y, inside })),
      ...(spots.box && { box: [...spots.box] as [number, number, number, number] }),
    }
    state.value = "asking"
    try {
      const { polygon, mask } = await api.post(`/api/images/${image}/outline`, pointing, OutlineAnswer)
      if (asked !== spots) return
      const few = polygon?.type === "polygon" && polygon.points.length <= mostCorners
      const outline = few ? polygon : mask
      state.value = outline ? "idle" : "nothing"
      if (outline) put(outline, spots.spots.length + (spots.box ? 1 : 0))
    } catch (error) {
      if (asked !== spots) return
      console.warn("outline", error)
      state.value = "failed"
    }
  }

  function put(outline: Outline, taps: number): void {
    const editor = work.editor.peek()
    const doc = documentOf(editor)
    const known = made !== undefined && doc.shapes.some(({ id }) => id === made)
    let id = known && made !== undefined ? made : ""
    while (id === "" || (!known && doc.shapes.some((shape) => shape.id === id))) id = `s${++count}`
    made = id
    const shape: Shape = { id, kind: editor.kind, outline, by: "person", state: "kept" }
    const shapes = known
      ? doc.shapes.map((other) => (other.id === id ? { ...other, outline } : other))
      : [...doc.shapes, shape]
    work.offer(id, outline, taps)
    work.dispatch({ type: "edit", document: { ...doc, shapes }, select: [id] })
  }

  const stop = effect(() => {
    const { gesture, mode } = work.editor.value
    const image = work.held.value?.task.inspection.image?.sha256
    const waits = "back" in gesture ? gesture.back : gesture
    if (mode === "segment" && image && prepared !== image) {
      prepared = image
      // Whoever takes the tool into the hand is going to point: the first answer shall not wait for the encoder.
      api.run("POST", `/api/images/${image}/outline/prepare`).catch(() => {
        prepared = ""
      })
    }
    if (waits.name !== "spots" || !image) {
      asked = undefined
      made = undefined
      state.value = "idle"
      return
    }
    if (waits === asked) return
    asked = waits
    void ask(waits, image)
  })
  return { state, stop }
}
export type OutlineHelp = ReturnType<typeof createOutlineHelp>
