import type { Prelabel } from "#contract/assist"
import type { Finding } from "#contract/inspection"
import type { InspectionView, StoredImage } from "#contract/labelling"
import { labelOfResults } from "./dialect.ts"
import type { LabelBridge } from "./labels.service.ts"
import type { PredictionRow, TasksStore } from "./tasks.store.ts"

/** What a prediction says in our words: a verdict unless it says none, kinds and boxes, and what was not understood. */
export type Opinion = {
  verdict: Prelabel["verdict"] | null
  findings: Finding[]
  note: string | null
}

const evaluationOf = { ok: "ok", ng: "ng", unsure: "undecidable" } as const

/** Predictions of model servers as people here read them: beside the part, deciding nothing. */
export function createOpinions({
  store,
  bridge,
  partOf,
}: {
  store: Pick<TasksStore, "ofInspection" | "predictionsOf">
  bridge: Pick<LabelBridge, "readingOf">
  partOf: (inspection: string) => InspectionView | undefined
}) {
  const read = (
    { result, score }: { result: readonly unknown[]; score: number | null },
    project: number,
    image: Pick<StoredImage, "w" | "h">,
  ): Opinion => {
    const reading = bridge.readingOf(project)
    if (!reading) return { verdict: null, findings: [], note: "the project's config cannot be read" }
    const { label, note } = labelOfResults(result, image, reading.config, reading.dialect)
    if (label === null || label.verdict === "withdrawn") return { verdict: null, findings: [], note }
    const sure = Math.min(1, Math.max(0, score ?? 1))
    const boxed = label.boxes.map(({ kind, box }): Finding => ({ kind, score: sure, box }))
    const named = label.kinds
      .filter((kind) => !boxed.some((one) => one.kind === kind))
      .map((kind): Finding => ({ kind, score: sure }))
    return {
      verdict: { eval: evaluationOf[label.verdict], ...(score !== null && { score: sure }) },
      findings: [...boxed, ...named].slice(0, 64),
      note,
    }
  }

  return {
    read,
    /** The newest word of each model of a part, the newest model last. */
    of(inspection: string): Prelabel[] {
      const rows = store.ofInspection(inspection)
      const image = rows.length > 0 ? partOf(inspection)?.image : undefined
      if (!image) return []
      const newest = new Map<string, { row: PredictionRow; project: number }>()
      for (const { id, project } of rows)
        for (const row of store.predictionsOf(id)) newest.set(row.model_version, { row, project })
      return [...newest.values()].flatMap(({ row, project }): Prelabel[] => {
        const { score, model_version, created_at } = row
        const { verdict, findings } = read({ result: JSON.parse(row.result), score }, project, image)
        if (verdict === null) return []
        return [
          { role: "server", model: model_version, verdict, findings, disagrees: false, made_at: created_at },
        ]
      })
    },
  }
}
export type Opinions = ReturnType<typeof createOpinions>
