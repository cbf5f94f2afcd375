import { uuidv7 } from "uuidv7"
import * as v from "valibot"
import { type InspectionView, LabelTask } from "#contract/labelling"
import { PreviewItem, QueueView } from "#contract/queue"
import { minute } from "./names.ts"

export function makeTask(inspection: InspectionView, waiting: number, now: number): LabelTask {
  const { eval: evaluation } = inspection.verdict
  return v.parse(LabelTask, {
    inspection,
    reason: evaluation === "undecidable" ? "undecidable" : evaluation === "ng" ? "ng" : "audit",
    why: { value: 0.8, shares: [{ part: "audit", share: 0.8 }], chance: 0.02 },
    comments: 0,
    criteria: 3,
    lease: { id: uuidv7(), expires_at: now + 10 * minute },
    waiting,
  })
}

export const makeQueueView = (waiting: number): QueueView =>
  v.parse(QueueView, {
    policies: [
      {
        line: null,
        weights: {
          undecided: 1,
          disagreement: 0.9,
          uncertainty: 0.4,
          coverage: 0.5,
          rare: 0.3,
          audit: 0.8,
          ng: 0.3,
          second_look: 0.5,
          age: 0,
        },
        audit_share: 0.02,
        version: 2,
        by: "Kim",
        at: 0,
      },
    ],
    floors: { audit: 0.15, rare: 0.1 },
    lines: [{ line: "main", waiting }],
  })

export const makePreview = (inspections: readonly InspectionView[]): PreviewItem[] =>
  inspections.map((inspection) => {
    const undecided = inspection.verdict.eval === "undecidable"
    const shares = undecided
      ? [
          { part: "undecided", share: 1 },
          { part: "uncertainty", share: 0.4 },
        ]
      : [
          { part: "ng", share: 0.3 },
          { part: "uncertainty", share: 0.11 },
        ]
    return v.parse(PreviewItem, {
      inspection,
      reason: undecided ? "undecidable" : "ng",
      second_look: false,
      why: { value: shares.reduce((sum, { share }) => sum + share, 0), shares },
    })
  })
