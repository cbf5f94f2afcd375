import type { InspectionAck } from "#contract/topics"

/** One part as its station knows it: the truth that hub and outbox are compared with. */
type Entry = {
  readonly device: string
  readonly partId: string
  /** SHA-256 of its picture; null for a record without one. */
  readonly image: string | null
  acknowledged: boolean
}

export type Ledger = ReturnType<typeof createLedger>

/** Everything stations have put on their own disk, and what a hub has told them that it has on its disk. */
export function createLedger() {
  const entries = new Map<string, Entry>()
  const wrongAnswers: string[] = []
  return {
    entries,
    wrongAnswers,
    produced: (id: string, entry: Omit<Entry, "acknowledged">): void => {
      entries.set(id, { ...entry, acknowledged: false })
    },
    answered: ({ id, st, code }: InspectionAck): void => {
      const entry = entries.get(id)
      if (!entry) return void wrongAnswers.push(`an answer for ${id}, which nobody has sent`)
      if (st === "stored" || st === "dup") entry.acknowledged = true
      // What stations send here is right; whoever sends rubbish on purpose keeps it out of the ledger.
      if (st === "bad") wrongAnswers.push(`${id} was refused: ${code}`)
    },
    acknowledged: (): number =>
      entries
        .values()
        .filter((entry) => entry.acknowledged)
        .toArray().length,
  }
}
