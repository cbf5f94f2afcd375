import { uuidv7 } from "uuidv7"
import type { LabelTask, LabelVerdict, NewLabel } from "#contract/labelling"
import type { LabelSetup } from "#contract/questions"
import { newDocument } from "../editor/document.ts"
import type { Entry } from "../screens/label/kept.ts"
import {
  gapIn,
  inCatalogue,
  isNamed,
  judge,
  labelOf,
  suggestedKinds,
  suggestedShapes,
} from "../screens/label/label.rules.ts"

/** A tap that is meant for what was there before does not count: taps this soon after the part is shown. */
const deadMs = 150

/**
 * The first part in the hand, before the screens are there: it is judged by the same rules, and its label goes to the same
 * place on the tablet's disk, from where the outbox sends it.
 */
export function createFirstHand(deps: {
  task: LabelTask
  user: string
  setup: LabelSetup
  isKnown: (kind: string) => boolean
  keep: (entry: Entry) => Promise<void>
  now: () => number
  newId?: () => string
}) {
  const { task, user, setup, keep, now } = deps
  const findings = inCatalogue(task.inspection.findings, deps.isKnown)
  const inspection = { ...task.inspection, findings }
  const shapes = suggestedShapes(findings)
  const picked = suggestedKinds(findings)
  const doc = newDocument({ shapes })
  let shownAt: number | undefined
  let label: NewLabel | null = null
  let later: LabelVerdict | null = null
  let kept = Promise.resolve(true)

  return {
    /** What the model has marked. */
    shapes,
    /** From here on a tap counts. */
    show(): void {
      shownAt = now()
    },
    /** `later`: it takes controls that are not there yet, and is asked for as soon as they are. */
    press(verdict: LabelVerdict): "judged" | "later" | "nothing" {
      const at = now()
      if (shownAt === undefined || label || at - shownAt < deadMs) return "nothing"
      later = null
      if (verdict === "ng" && (!isNamed(shapes, picked) || gapIn(setup.questions, doc))) {
        later = verdict
        return "later"
      }
      label = labelOf(
        { ...task, inspection },
        {
          id: (deps.newId ?? uuidv7)(),
          verdict,
          judged: judge(inspection, verdict, doc, picked),
          setup,
          shown_at: shownAt,
          decided_at: at,
          active_ms: Math.round(at - shownAt),
        },
      )
      kept = keep({ id: label.id, user, at, label }).then(
        () => true,
        (error: unknown) => {
          console.warn("the first label is not on the disk yet", error)
          return false
        },
      )
      return "judged"
    },
    done: () => ({ shownAt, label, kept, later }),
  }
}
