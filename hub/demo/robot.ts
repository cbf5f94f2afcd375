import type { DefectClass } from "#contract/catalogue"
import type { LabelTask, NewLabel } from "#contract/labelling"
import { Problem } from "#contract/problem"
import type { SampleLabel } from "#contract/training"
import type { Ids } from "#platform/ids"
import type { HubClient } from "./client.ts"
import type { Material } from "./material.ts"

export type Robot = {
  /** Labels until told to stop. Rejects when the hub refuses something a person could not have expected. */
  run(signal: AbortSignal): Promise<void>
  labels(): number
}

/**
 * A worker made of code. It signs in as an ordinary worker and judges parts only through the public HTTP API:
 * it takes the next part, looks at the picture, says what it is and where. `think_ms` is its time to decide.
 */
export function createRobot(deps: {
  client: HubClient
  material: Material
  ids: Ids
  thinkMs: number
  /** Called when it meets a kind of defect the catalogue does not have. */
  onNewKind: (kind: DefectClass) => void
}): Robot {
  const { client, material, ids } = deps
  const known = new Set(material.knownKinds.map((k) => k.key))
  let labels = 0

  async function name(kind: string) {
    if (known.has(kind)) return
    if (kind !== material.newKind.key) throw new Error(`the robot has no name for the defect kind ${kind}`)
    try {
      // As a worker does it: a name and a picture; how severe the kind is, an engineer says later.
      const { names, icon, color } = material.newKind
      await client.post("/api/defect-classes", { key: kind, names, icon, color })
    } catch (error) {
      if (!(error instanceof Problem && error.code === "conflict")) throw error
    }
    known.add(kind)
    deps.onNewKind(material.newKind)
  }

  async function judge(task: LabelTask, shownAt: number) {
    const { inspection, lease } = task
    if (inspection.image) await client.bytes(`/api/images/${inspection.image.sha256}`)
    const truth = material.truthOf(inspection)
    const label: SampleLabel | null = truth
    for (const kind of label?.kinds ?? []) await name(kind)
    await Bun.sleep(deps.thinkMs)
    const decidedAt = Date.now()
    const body: NewLabel = {
      id: ids.uuid(),
      inspection_id: inspection.id,
      lease_id: lease.id,
      verdict: label?.verdict ?? "unsure",
      kinds: label?.kinds ?? [],
      boxes: label?.boxes ?? [],
      accepted: false,
      shown_at: shownAt,
      decided_at: decidedAt,
      active_ms: decidedAt - shownAt,
    }
    await client.post("/api/labels", body)
    labels++
  }

  return {
    labels: () => labels,
    async run(signal) {
      while (!signal.aborted) {
        const shownAt = Date.now()
        const task = await client.post<LabelTask>("/api/labelling/next", { holding: [] })
        if (task) await judge(task, shownAt)
        else await Bun.sleep(250)
      }
    },
  }
}
