import { signal } from "@preact/signals"
import { uuidv7 } from "uuidv7"
import type { SkipReason } from "#contract/flow"
import { type Api, asTrouble, type Trouble } from "../../api.ts"
import type { Labelling } from "./labelling.ts"
import type { Held } from "./queue.ts"

/** Something that was done and is said for some seconds. */
export type FlowNote =
  | { say: "skipped" | "asked" }
  | { say: "batch"; count: number; undo: () => void }
  | { say: "trouble"; trouble: Trouble }

/** What a person does with the part in hand beside judging it. What the hub did not take comes back into the hand. */
export function createFlow({ api, work }: { api: Api; work: Labelling }) {
  const note = signal<(FlowNote & { seq: number }) | null>(null)
  let seq = 0
  const tell = (said: FlowNote) => {
    seq += 1
    work.forget()
    note.value = { ...said, seq }
  }

  async function hand(path: string, body: object, done: FlowNote): Promise<void> {
    const part: Held | null = work.leave()
    if (!part) return
    try {
      await api.run("POST", path, { id: uuidv7(), inspection_id: part.task.inspection.id, ...body })
      tell(done)
    } catch (error) {
      work.putAside([part])
      tell({ say: "trouble", trouble: asTrouble(error) })
    }
  }

  return {
    note,
    tell,
    forget: () => {
      note.value = null
    },
    skip: (reason: SkipReason) => hand("/api/labelling/skip", { reason }, { say: "skipped" }),
    ask: (to: string | null, text: string) =>
      hand(
        "/api/labelling/second-opinion",
        { to, ...(text.trim() !== "" && { note: text.trim() }) },
        { say: "asked" },
      ),
  }
}
export type Flow = ReturnType<typeof createFlow>
