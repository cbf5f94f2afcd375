import { signal } from "@preact/signals"
import { uuidv7 } from "uuidv7"
import type { SkipReason } from "#contract/flow"
import { asTrouble, type Trouble } from "../../api.ts"
import type { Labelling, Left } from "./labelling.ts"
import type { Outbox } from "./outbox.ts"

/** Something that was done and is said for some seconds. */
export type FlowNote =
  | { say: "skipped"; undo: () => void }
  | { say: "asked" }
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
    done: (left: Left, id: string) => FlowNote,
  ): Promise<void> {
    const left = work.leave()
    if (!left) return
    const { id: inspection_id, label } = left.held.task.inspection
    const about = { id: uuidv7(), inspection_id, made_at: now() }
    try {
      await outbox.addDeed(
        deed.do === "ask"
          ? { ...about, ...deed, base_revision: label?.revision ?? 0 }
          : { ...about, ...deed },
      )
      tell(done(left, about.id))
    } catch (error) {
      // The tablet's disk took nothing: the part comes back into the hand.
      work.takeUp(left)
      tell({ say: "trouble", trouble: asTrouble(error) })
    }
  }

  /** The part is in the hand at once; the hub hears of it behind the skip itself. */
  async function takeBack(left: Left, skip: string): Promise<void> {
    const { inspection, lease } = left.held.task
    work.takeUp(left)
    await outbox
      .addDeed({
        do: "unskip",
        id: uuidv7(),
        inspection_id: inspection.id,
        skip,
        lease_id: lease.id,
        made_at: now(),
      })
      .catch((error: unknown) => tell({ say: "trouble", trouble: asTrouble(error) }))
  }

  return {
    note,
    tell,
    forget: () => {
      note.value = null
    },
    skip: (reason: SkipReason) =>
      hand({ do: "skip", reason }, (left, id) => ({ say: "skipped", undo: () => void takeBack(left, id) })),
    ask: (to: string | null, text: string) =>
      hand({ do: "ask", to, ...(text.trim() !== "" && { note: text.trim() }) }, () => ({ say: "asked" })),
    /** Takes back what the note says; false when it says nothing that can be. */
    undo(): boolean {
      const said = note.value
      if (!said || !("undo" in said)) return false
      note.value = null
      said.undo()
      return true
    },
  }
}
export type Flow = ReturnType<typeof createFlow>
