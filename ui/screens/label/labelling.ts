import { batch, computed, effect, signal } from "@preact/signals"
import { uuidv7 } from "uuidv7"
import type { Finding } from "#contract/inspection"
import type { HelpTool, LabelVerdict, NewLabel } from "#contract/labelling"
import type { LabelSetup } from "#contract/questions"
import { plainSetup } from "#contract/setups"
import type { Outline } from "../../editor/document.ts"
import { type EditorDocument, newDocument, type Shape } from "../../editor/document.ts"
import { type EditorAction, reduce } from "../../editor/editor.ts"
import { type Tools, workTools } from "../../editor/pointer.ts"
import { documentOf, newEditor } from "../../editor/state.ts"
import {
  type Advice,
  type Gap,
  gapIn,
  helpOf,
  inCatalogue,
  isNamed,
  type Judged,
  judge,
  labelOf,
  modelVerdict,
  type Offer,
  openedLabel,
  suggestedKinds,
  suggestedShapes,
  takenOf,
  unknownKind,
} from "./label.rules.ts"
import type { Outbox } from "./outbox.ts"
import type { Held, PartSource } from "./queue.ts"

/** A part that was let go, with what was marked on it. */
export type Left = { held: Held; doc: EditorDocument; kinds: string[] }
/** One verdict of this visit, with all that is needed to judge the part again. */
export type Past = Left & { verdict: LabelVerdict; at: number }

/** A double tap must not judge the next part: taps this soon after a change of image do not count. */
const deadMs = 150
/** The next part waits no longer than this for the frame that answers a tap, in ms. */
const longestTurnMs = 100
const idleMs = 30_000
const historyDepth = 50
/** Pictures of judged parts that stay decoded, for the way back; those of earlier ones are fetched again. */
const picturesKept = 3

const kindsOfPast = ({ kinds, doc }: Past): string[] => [
  ...new Set([...kinds, ...doc.shapes.map((shape) => shape.kind)]),
]

/** The work at one tablet: a part, what is marked on it, and what happens when a verdict is given. */
export function createLabelling(deps: {
  queue: PartSource
  outbox: Pick<Outbox, "add">
  now: () => number
  isKnown: (kind: string) => boolean
  newId?: () => string
  /** Tools beyond hand and box, fetched when one is asked for. */
  moreTools?: () => Promise<Tools>
  /** What is asked beside the verdict, of a product. */
  setup?: (product: string | null) => LabelSetup
  /** Behind the frame that answers a tap; without it the next part is shown at once. */
  afterFrame?: (then: () => void) => void
}) {
  const { queue, outbox, now } = deps
  const newId = deps.newId ?? uuidv7
  const held = signal<Held | null>(null)
  const editor = signal(newEditor({ w: 1, h: 1 }))
  /** Kinds of the whole part, without a box. */
  const picked = signal<string[]>([])
  /** NG was pressed and nothing says which defect. */
  const asking = signal(false)
  /** NG was pressed and this has not been answered. */
  const missing = signal<Gap | null>(null)
  const past = signal<Past[]>([])
  /** The verdict just stored, for the toast and the stamp; `seq` tells two equal ones apart. */
  const last = signal<{ verdict: LabelVerdict; seq: number } | null>(null)
  /** The version of the criteria that is on the screen. */
  const criteria = signal<number | undefined>(undefined)
  let shownAt = 0
  let touchedAt = 0
  let activeMs = 0
  let seq = 0
  /** Outlines an assistant made on this part, by the region each became, and how often it was pointed at. */
  const offered = new Map<string, Offer>()
  /** What else has said something of this part, where the person could see it. */
  const advised = new Map<HelpTool, Advice>()
  let tools: Tools = workTools
  let fetching: Promise<void> | undefined
  /** A tool was asked for and could not be fetched. */
  const toolMissing = signal(false)
  /** The part in the hand is judged, and the next one is about to be shown. */
  let isTurning = false

  function show(part: Held, doc: EditorDocument, kinds: string[]): void {
    const image = part.task.inspection.image ?? { w: 4, h: 3 }
    batch(() => {
      held.value = part
      picked.value = kinds
      asking.value = false
      missing.value = null
      const { shapes, ...rest } = doc
      editor.value = reduce(editor.value, { type: "open", image: { w: image.w, h: image.h }, shapes, rest })
    })
    shownAt = now()
    touchedAt = shownAt
    activeMs = 0
    offered.clear()
    advised.clear()
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
    if (part.earlier) {
      const { doc, kinds } = openedLabel(part.earlier)
      show(part, doc, kinds)
    } else show(part, newDocument({ shapes: suggestedShapes(findings) }), suggestedKinds(findings))
  }

  /** A tap is answered with little, at once; the next part, which is the whole screen drawn anew, comes behind that frame. */
  function turnSoon(): void {
    isTurning = true
    if (deps.afterFrame) {
      deps.afterFrame(turn)
      // A tablet that is busy, or shows something else, may draw no frame for long.
      setTimeout(turn, longestTurnMs)
    } else turn()
  }

  /** Whatever is done before that frame has passed is done to the part that follows. */
  function turn(): void {
    if (!isTurning) return
    isTurning = false
    next()
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

  const setupOf = ({ task }: Held) => deps.setup?.(task.inspection.product_id) ?? plainSetup

  function store(part: Held, verdict: NewLabel["verdict"], judged: Judged) {
    const at = now()
    const help = [
      ...helpOf(offered, documentOf(editor.value).shapes),
      ...[...advised].map(([tool, advice]) => ({ tool, taken: takenOf(advice, verdict, judged.kinds) })),
    ]
    const label = labelOf(part.task, {
      id: newId(),
      verdict,
      judged,
      setup: setupOf(part),
      criteria: criteria.value,
      shown_at: shownAt,
      decided_at: at,
      active_ms: Math.round(activeMs),
    })
    if (verdict !== "withdrawn" && help.length > 0) label.help = help
    return outbox.add(label)
  }

  /**
   * Stores the verdict and shows the next part. NG without a known kind asks for it first, also when the model has
   * boxed something it cannot name: a nameless defect teaches nothing. NG once more means unknown.
   */
  async function decide(verdict: LabelVerdict): Promise<void> {
    turn()
    const part = held.value
    if (!part || now() - shownAt < deadMs) return
    touch()
    const doc = documentOf(editor.value)
    if (verdict === "ng" && !isNamed(doc.shapes, picked.value) && !asking.value) {
      asking.value = true
      return
    }
    const gap = verdict === "ng" ? gapIn(setupOf(part).questions, doc) : null
    if (gap) {
      missing.value = gap
      if (gap.region !== null) dispatch({ type: "select", id: gap.region })
      return
    }
    const stored = store(part, verdict, judge(part.task.inspection, verdict, doc, picked.value))
    remember(part, verdict, now())
    await stored
  }

  /** The part in the hand is judged: it can be taken back, and the next one is shown. */
  function remember(part: Held, verdict: LabelVerdict, at: number): void {
    seq += 1
    batch(() => {
      const entry = { held: part, verdict, doc: documentOf(editor.value), kinds: picked.value, at }
      past.value = [entry, ...past.value].slice(0, historyDepth)
      for (const { held } of past.value.slice(picturesKept)) {
        held.picture?.close()
        held.picture = null
      }
      last.value = { verdict, seq }
    })
    turnSoon()
  }

  /** Takes a verdict back, newest by default, and shows its part again as it was left. */
  async function undo(which = 0): Promise<void> {
    turn()
    const entry = past.value[which]
    if (!entry) return
    const here = held.value
    const withdrawn = store(entry.held, "withdrawn", { kinds: [], boxes: [], accepted: false })
    batch(() => {
      past.value = past.value.filter((_, i) => i !== which)
      last.value = null
      if (here) queue.putBack(here)
      queue.hold(entry.held.task.inspection.id)
      show(entry.held, entry.doc, entry.kinds)
    })
    if (!entry.held.picture) void reopenPicture()
    await withdrawn
  }

  function fetchTools(): Promise<void> {
    fetching ??= (deps.moreTools?.() ?? Promise.resolve({}))
      .then((more) => {
        tools = { ...workTools, ...more }
        toolMissing.value = false
      })
      .catch((error: unknown) => {
        console.warn("tools", error)
        fetching = undefined
        toolMissing.value = true
      })
    return fetching
  }

  function dispatch(action: EditorAction): void {
    if (action.type === "mode" && !tools[action.mode]) {
      void fetchTools().then(() => {
        if (tools[action.mode]) dispatch(action)
      })
      return
    }
    editor.value = reduce(editor.value, action, tools)
    if (action.type === "answer") missing.value = null
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

  async function reopenPicture(): Promise<void> {
    const part = held.value
    if (!part) return
    const picture = await queue.openPicture(part.task)
    if (held.value === part) held.value = { ...part, picture }
    else picture?.close()
  }

  return {
    held,
    editor,
    toolMissing,
    picked,
    asking,
    missing,
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
    /** The part in the hand has been on the screen since then. */
    shownSince(at: number): void {
      shownAt = Math.min(shownAt, at)
      touchedAt = shownAt
    },
    /** The part in the hand was judged, and its label kept, before this screen was there. */
    pass({ inspection_id, verdict, decided_at }: NewLabel): void {
      const part = held.value
      if (!part || part.task.inspection.id !== inspection_id || verdict === "withdrawn") return
      remember(part, verdict, decided_at)
    },
    criteria,
    /** Lets the part go without a verdict and shows the next; null for a tap that is not meant for it. */
    leave(): Left | null {
      turn()
      const part = held.value
      if (!part || now() - shownAt < deadMs) return null
      const left = { held: part, doc: documentOf(editor.value), kinds: picked.value }
      next()
      return left
    },
    /** Brings a part that was let go back into the hand as it was left. */
    takeUp(left: Left): void {
      turn()
      const here = held.value
      batch(() => {
        if (here) queue.putBack(here)
        queue.hold(left.held.task.inspection.id)
        show(left.held, left.doc, left.kinds)
      })
    },
    /** Shows these next, the first of them at once; what is in the hand comes after. */
    putAside(parts: readonly Held[]): void {
      if (parts.length === 0) return
      turn()
      const here = held.value
      if (here) queue.putBack(here)
      for (const part of parts.toReversed()) queue.putBack(part)
      next()
    },
    /** Judges like the part before: its verdict, and the kinds it had. What is drawn on this part stays. */
    async sameAsLast(): Promise<void> {
      const entry = past.value[0]
      if (!entry || !held.value) return
      const kinds = entry.verdict === "ng" ? kindsOfPast(entry) : []
      if (entry.verdict !== "unsure") advised.set("same_as_last", { verdict: entry.verdict, kinds })
      if (entry.verdict === "ng") picked.value = [...new Set([...picked.value, ...kinds])]
      await decide(entry.verdict)
    },
    /** A part that was handed out elsewhere, ready to be shown. */
    openTask: queue.open,
    dispatch,
    pick,
    stopAsking: () => {
      asking.value = false
    },
    forget: () => {
      last.value = null
    },
    reopenPicture,
    /** An assistant has outlined something: what becomes of it is said with the label. */
    offer: (id: string, outline: Outline, taps: number): void => {
      offered.set(id, { outline, taps })
    },
    /** Something that advises is on the screen: what becomes of its word is said with the label. */
    advise: (tool: HelpTool, advice: Advice): void => void advised.set(tool, advice),
    /** Brings the part that was judged last back into the hand as it was left, without taking its verdict back. */
    putBack(): void {
      turn()
      const [entry, ...rest] = past.value
      if (!entry) return
      past.value = rest
      last.value = null
      show(entry.held, entry.doc, entry.kinds)
    },
    /** Puts the marks of an adviser in place of the model's that nobody has touched. */
    takeOver(findings: readonly Finding[]): void {
      const doc = documentOf(editor.value)
      const own = doc.shapes.filter(({ state }) => state === "kept")
      const known = inCatalogue(findings, deps.isKnown)
      const taken = suggestedShapes(known).map(
        (shape, i): Shape => ({ ...shape, id: `t${i + 1}`, state: "kept" }),
      )
      const fresh = taken.filter(({ id }) => !own.some((shape) => shape.id === id))
      dispatch({ type: "edit", document: { ...doc, shapes: [...own, ...fresh] } })
    },
    /** Fetches the other tools ahead of time, once the first part is on the screen. */
    prepare: fetchTools,
    start: () => void queue.refill(),
    /** New parts may have come: asks again if there were none. */
    poke(): void {
      if (queue.supply.value.state !== "ready") void queue.refill()
    },
    stop: stopWaiting,
  }
}
export type Labelling = ReturnType<typeof createLabelling>
