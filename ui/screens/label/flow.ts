import { signal } from "@preact/signals"
import { uuidv7 } from "uuidv7"
import type { SkipReason } from "#contract/flow"
import { asTrouble, type Trouble } from "../../api.ts"
import type { Labelling } from "./labelling.ts"
import type { Outbox } from "./outbox.ts"
import type { Held } from "./queue.ts"

/** Something that was done and is said for some seconds. */
export type FlowNote =
  | { say: "skipped" | "asked" }
  | { say: "batch"; count: number; undo: () => void }
  | { say: "trouble"; trouble: Trouble }

/**
 * What a person does with the part in hand beside judging it. It goes through the outbox as a label does: the part is
 * done with when it is on the tablet's disk, with or without the network.
 */
export function createFlow({
  outbox,
  work,
  now,
}: {
  outbox: Pick<Outbox, "addDeed">
  work: Labelling
  now: () => number
}) {
  const note = signal<(FlowNote & { seq: number }) | null>(null)
  let seq = 0
  const tell = (said: FlowNote) => {
    seq += 1
    work.forget()
    note.value = { ...said, seq }
  }

  async function hand(
    deed: { do: "skip"; reason: SkipReason } | { do: "ask"; to: string | null; note?: string },
    done: FlowNote,
  ): Promise<void> {
    const part: Held | null = work.leave()
    if (!part) return
    const { id: inspection_id, label } = part.task.inspection
    const about = { id: uuidv7(), inspection_id, made_at: now() }
    try {
      await outbox.addDeed(
        deed.do === "ask"
          ? { ...about, ...deed, base_revision: label?.revision ?? 0 }
          : { ...about, ...deed },
      )
      tell(done)
    } catch (error) {
      // The tablet's disk took nothing: the part comes back into the hand.
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
    skip: (reason: SkipReason) => hand({ do: "skip", reason }, { say: "skipped" }),
    ask: (to: string | null, text: string) =>
      hand({ do: "ask", to, ...(text.trim() !== "" && { note: text.trim() }) }, { say: "asked" }),
  }
}
export type Flow = ReturnType<typeof createFlow>
