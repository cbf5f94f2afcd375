import { signal } from "@preact/signals"
import { uuidv7 } from "uuidv7"
import { type InspectionView, LabelTask, type NewLabel } from "#contract/labelling"
import { listOf } from "#contract/list"
import type { LabelSetup } from "#contract/questions"
import { type Api, asTrouble, type Trouble } from "../../api.ts"
import { newDocument } from "../../editor/document.ts"
import {
  gapIn,
  inCatalogue,
  judge,
  modelVerdict,
  namedSetup,
  suggestedKinds,
  suggestedShapes,
} from "./label.rules.ts"
import type { Outbox } from "./outbox.ts"

export const batchSizes = [12, 24, 48] as const
export type BatchSize = (typeof batchSizes)[number]

export type BatchState =
  | { at: "loading" }
  | { at: "ready" }
  | { at: "empty" }
  | { at: "cut"; trouble: Trouble }

const deadMs = 150
/** The model's marks, as nobody has touched them. */
const drawn = ({ findings }: InspectionView) => newDocument({ shapes: suggestedShapes(findings) })
const batchAnswer = listOf(LabelTask)

/** Look-alikes on one screen: the odd ones are marked, the rest judged in one action, each with a label of its own. */
export function createBatch({
  api,
  outbox,
  now,
  isKnown,
  criteria,
  setup,
}: {
  api: Api
  outbox: Pick<Outbox, "add">
  now: () => number
  isKnown: (kind: string) => boolean
  criteria: () => number | undefined
  /** What is asked beside the verdict, of a product. */
  setup: (product: string | null) => LabelSetup
}) {
  const state = signal<BatchState>({ at: "loading" })
  const tasks = signal<LabelTask[]>([])
  const odd = signal<ReadonlySet<string>>(new Set())
  const size = signal<BatchSize>(12)
  let shownAt = 0
  let asked = 0

  async function load(): Promise<void> {
    const mine = ++asked
    state.value = { at: "loading" }
    odd.value = new Set()
    tasks.value = []
    try {
      const body = { size: size.value }
      const { items } = await api.post("/api/labelling/batch", body, batchAnswer)
      if (mine !== asked) return
      tasks.value = items.map((task) => ({
        ...task,
        inspection: { ...task.inspection, findings: inCatalogue(task.inspection.findings, isKnown) },
      }))
      shownAt = now()
      state.value = { at: items.length === 0 ? "empty" : "ready" }
    } catch (error) {
      if (mine === asked) state.value = { at: "cut", trouble: asTrouble(error) }
    }
  }

  return {
    state,
    tasks,
    odd,
    size,
    load,
    resize(to: BatchSize): void {
      size.value = to
      void load()
    },
    toggle(id: string): void {
      const next = new Set(odd.value)
      if (!next.delete(id)) next.add(id)
      odd.value = next
    },
    /** What the model says of all of them, if it says the same of all. */
    opinion(): "ok" | "ng" | null {
      const opinions = new Set(tasks.value.map((task) => modelVerdict(task.inspection)))
      return opinions.size === 1 ? [...opinions][0]! : null
    },
    /**
     * Judges all but the odd ones: each gets a label with its own id, lease and findings. Returns them and the odd ones;
     * null for a tap that comes too soon to be meant for these pictures.
     */
    async confirm(verdict: "ok" | "ng"): Promise<{ labels: NewLabel[]; odd: LabelTask[] } | null> {
      const at = now()
      if (state.value.at !== "ready" || at - shownAt < deadMs) return null
      // What must be answered before NG cannot be answered for many at once: those are looked at one by one.
      const isAsked = ({ inspection }: LabelTask) =>
        verdict === "ng" && gapIn(setup(inspection.product_id).questions, drawn(inspection)) !== null
      const isAside = (task: LabelTask) => odd.value.has(task.inspection.id) || isAsked(task)
      const rest = tasks.value.filter((task) => !isAside(task))
      const aside = tasks.value.filter(isAside)
      state.value = { at: "loading" }
      const labels = rest.map((task): NewLabel => {
        const { findings } = task.inspection
        const version = criteria() ?? task.criteria
        return {
          id: uuidv7(),
          inspection_id: task.inspection.id,
          lease_id: task.lease.id,
          verdict,
          ...judge(task.inspection, verdict, drawn(task.inspection), suggestedKinds(findings)),
          ...(version !== undefined && { criteria: version }),
          setup: namedSetup(setup(task.inspection.product_id)),
          shown_at: shownAt,
          decided_at: at,
          // Looked at together: each has its share of the time.
          active_ms: Math.round(Math.min(at - shownAt, 30_000 * rest.length) / Math.max(1, rest.length)),
        }
      })
      await Promise.all(labels.map((label) => outbox.add(label)))
      tasks.value = []
      odd.value = new Set()
      return { labels, odd: aside }
    },
    /** Takes the labels of a batch back: its parts wait again. */
    async undo(labels: readonly NewLabel[]): Promise<void> {
      const at = now()
      for (const { inspection_id, shown_at } of labels)
        await outbox.add({
          id: uuidv7(),
          inspection_id,
          verdict: "withdrawn",
          kinds: [],
          boxes: [],
          accepted: false,
          shown_at,
          decided_at: at,
          active_ms: 0,
        })
    },
  }
}
export type Batch = ReturnType<typeof createBatch>
