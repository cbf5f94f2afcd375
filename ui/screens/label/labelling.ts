import { batch, computed, effect, signal } from "@preact/signals"
import { uuidv7 } from "uuidv7"
import type { LabelVerdict, NewLabel } from "#contract/labelling"
import type { Shape } from "../../editor/document.ts"
import { type EditorAction, reduce } from "../../editor/editor.ts"
import { documentOf, newEditor } from "../../editor/state.ts"
import { inCatalogue, judge, modelVerdict, suggestedKinds, suggestedShapes } from "./label.rules.ts"
import type { Outbox } from "./outbox.ts"
import type { Held, Queue } from "./queue.ts"

/** One verdict of this visit, with all that is needed to judge the part again. */
export type Past = {
  held: Held
  verdict: LabelVerdict
  shapes: readonly Shape[]
  kinds: string[]
  at: number
}

/** A double tap must not judge the next part: taps this soon after a change of image do not count. */
const deadMs = 150
const idleMs = 30_000
const historyDepth = 50

const unknownKind = "unknown"

/** Whether anything says which defect it is. */
const isNamed = (shapes: readonly Shape[], picked: readonly string[]): boolean =>
  shapes.some((shape) => shape.kind !== unknownKind) || picked.length > 0

/** The work at one tablet: a part, what is marked on it, and what happens when a verdict is given. */
export function createLabelling(deps: {
  queue: Queue
  outbox: Outbox
  now: () => number
  isKnown: (kind: string) => boolean
  newId?: () => string
}) {
  const { queue, outbox, now } = deps
  const newId = deps.newId ?? uuidv7
  const held = signal<Held | null>(null)
  const editor = signal(newEditor({ w: 1, h: 1 }))
  /** Kinds of the whole part, without a box. */
  const picked = signal<string[]>([])
  /** NG was pressed and nothing says which defect. */
  const asking = signal(false)
  const past = signal<Past[]>([])
  /** The verdict just stored, for the toast and the stamp; `seq` tells two equal ones apart. */
  const last = signal<{ verdict: LabelVerdict; seq: number } | null>(null)
  let shownAt = 0
  let touchedAt = 0
  let activeMs = 0
  let seq = 0

  function show(part: Held, shapes: readonly Shape[], kinds: string[]): void {
    const image = part.task.inspection.image ?? { w: 4, h: 3 }
    batch(() => {
      held.value = part
      picked.value = kinds
      asking.value = false
      editor.value = reduce(editor.value, { type: "open", image: { w: image.w, h: image.h }, shapes })
    })
    shownAt = now()
    touchedAt = shownAt
    activeMs = 0
  }

  function next(): void {
    const part = queue.take(now())
    if (!part) {
      held.value = null
      return
    }
    const { inspection } = part.task
    const findings = inCatalogue(inspection.findings, deps.isKnown)
    part.task = { ...part.task, inspection: { ...inspection, findings } }
    show(part, suggestedShapes(findings), suggestedKinds(findings))
  }

  /** Time a person spent on the part, without the time they were away. */
  function touch(): void {
    const at = now()
    activeMs += Math.min(at - touchedAt, idleMs)
    touchedAt = at
  }

  const stopWaiting = effect(() => {
    if (queue.supply.value.state === "ready" && held.peek() === null) next()
  })

  function store(
    part: Held,
    verdict: NewLabel["verdict"],
    judged: Pick<NewLabel, "kinds" | "boxes" | "accepted">,
  ) {
    const at = now()
    const label: NewLabel = {
      id: newId(),
      inspection_id: part.task.inspection.id,
      ...(verdict === "withdrawn" ? {} : { lease_id: part.task.lease.id }),
      verdict,
      ...judged,
      shown_at: shownAt,
      decided_at: at,
      active_ms: Math.round(activeMs),
    }
    return outbox.add(label)
  }

  /**
   * Stores the verdict and shows the next part. NG without a known kind asks for it first, also when the model has
   * boxed something it cannot name: a nameless defect teaches nothing. NG once more means unknown.
   */
  async function decide(verdict: LabelVerdict): Promise<void> {
    const part = held.value
    if (!part || now() - shownAt < deadMs) return
    touch()
    const { shapes } = documentOf(editor.value)
    if (verdict === "ng" && !isNamed(shapes, picked.value) && !asking.value) {
      asking.value = true
      return
    }
    const kinds = picked.value
    const judged = judge(part.task.inspection, verdict, shapes, kinds)
    const stored = store(part, verdict, judged)
    seq += 1
    batch(() => {
      past.value = [{ held: part, verdict, shapes, kinds, at: now() }, ...past.value].slice(0, historyDepth)
      last.value = { verdict, seq }
      next()
    })
    await stored
  }

  /** Takes a verdict back, newest by default, and shows its part again as it was left. */
  async function undo(which = 0): Promise<void> {
    const entry = past.value[which]
    if (!entry) return
    const here = held.value
    const withdrawn = store(entry.held, "withdrawn", { kinds: [], boxes: [], accepted: false })
    batch(() => {
      past.value = past.value.filter((_, i) => i !== which)
      last.value = null
      if (here) queue.putBack(here)
      queue.hold(entry.held.task.inspection.id)
      show(entry.held, entry.shapes, entry.kinds)
    })
    await withdrawn
  }

  function dispatch(action: EditorAction): void {
    editor.value = reduce(editor.value, action)
    if (action.type !== "move" && action.type !== "stage") touch()
  }

  /** A kind is pressed: names the selected box, else the part; while asked for, it is the answer for all that has no name. */
  async function pick(kind: string): Promise<void> {
    touch()
    const answering = asking.value
    const nameless = documentOf(editor.value).shapes.filter((shape) => shape.kind === unknownKind)
    const names = editor.value.selected !== null || (answering && nameless.length > 0)
    if (answering)
      for (const shape of nameless) {
        dispatch({ type: "select", id: shape.id })
        dispatch({ type: "kind", kind })
      }
    dispatch({ type: "kind", kind })
    if (!names) {
      const has = picked.value.includes(kind)
      picked.value =
        has && !answering ? picked.value.filter((k) => k !== kind) : [...new Set([...picked.value, kind])]
    }
    if (answering) await decide("ng")
  }

  return {
    held,
    editor,
    picked,
    asking,
    past,
    last,
    waiting: queue.waiting,
    supply: queue.supply,
    opinion: computed(() => (held.value ? modelVerdict(held.value.task.inspection) : null)),
    decide,
    /** Takes the model's opinion with what is on the screen. False when there is none. */
    async accept(): Promise<boolean> {
      const part = held.value
      const opinion = part && modelVerdict(part.task.inspection)
      if (!opinion) return false
      await decide(opinion)
      return true
    },
    undo,
    dispatch,
    pick,
    stopAsking: () => {
      asking.value = false
    },
    forget: () => {
      last.value = null
    },
    async reopenPicture(): Promise<void> {
      const part = held.value
      if (!part) return
      const opened = await queue.reopen(part.task)
      if (held.value === part) held.value = opened
    },
    start: () => void queue.refill(),
    /** New parts may have come: asks again if there were none. */
    poke(): void {
      if (queue.supply.value.state !== "ready") void queue.refill()
    },
    stop: stopWaiting,
  }
}
export type Labelling = ReturnType<typeof createLabelling>
