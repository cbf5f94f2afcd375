import type { Doubt } from "#contract/review"
import type { Suspect } from "#contract/training"
import type { Clock } from "#platform/clock"
import type { Events } from "#platform/events"
import type { Sqlite } from "#platform/sqlite"
import type { LabellingStore } from "./labelling.store.ts"
import type { ReviewStore } from "./review.store.ts"
import { createSuspectStore } from "./suspect.store.ts"

/** Of one training at most: a reviewer's morning, not a week. */
const mostOfOne = 40

/**
 * Labels that a trainer doubts wait for a reviewer, with what the model saw instead. They teach on meanwhile: a doubt is
 * no judgement, and no label changes by it.
 */
export function createSuspects({
  db,
  labels,
  standings,
  events,
  clock,
}: {
  db: Sqlite
  labels: Pick<LabellingStore, "newest">
  standings: Pick<ReviewStore, "standing" | "putStanding">
  events: Events
  clock: Clock
}) {
  const store = createSuspectStore(db)

  /** The label a doubt is about, if it is still the one that stands and nobody has looked at it again. */
  function doubtedLabel({ sample, given }: Suspect) {
    const label = labels.newest(sample)
    if (!label) return undefined
    const isSame =
      label.verdict === (given.length > 0 ? "ng" : "ok") && kindsOf(label.kinds) === [...given].sort().join()
    const known = standings.standing(sample)
    const isReviewed = known?.revision === label.revision && known.state !== "unreviewed"
    return isSame && !isReviewed ? { label, known } : undefined
  }

  return {
    /** Puts what a training doubts before reviewers; what is doubted already or has changed since is passed over. */
    take(job: string, suspects: readonly Suspect[]): void {
      const taken = db.transaction(() => {
        const parts: string[] = []
        for (const suspect of suspects) {
          if (parts.length === mostOfOne) break
          const found = doubtedLabel(suspect)
          if (!found) continue
          const { label, known } = found
          const { said, p_said, p_given } = suspect
          const at = clock.now()
          const inspection = label.inspection_id
          if (!store.insert({ inspection, revision: label.revision, job, said, p_said, p_given, at }))
            continue
          standings.putStanding({
            inspection_id: inspection,
            revision: label.revision,
            user_id: label.user_id,
            state: "unreviewed",
            agreed: known?.agreed ?? 0,
            why: known?.why ?? "suspect",
            at: known?.why ? known.at : at,
          })
          parts.push(inspection)
        }
        return parts
      })
      for (const inspection_id of taken) events.announce("review", { inspection_id, outcome: "suspect" })
    },
    /** Why the label of this revision is doubted, if it is. */
    doubt: (inspection: string, revision: number): Doubt | undefined => store.find(inspection, revision),
    /** What became of doubted labels: how many were looked at again, and how many of them were wrong. */
    outcome(): { waiting: number; looked: number; wrong: number } {
      const looked = store.lookedAt()
      const wrong = looked.filter(
        (one) => one.verdict !== one.now_verdict || kindsOf(one.kinds) !== kindsOf(one.now_kinds),
      )
      return { waiting: store.waiting(), looked: looked.length, wrong: wrong.length }
    },
  }
}
export type Suspects = ReturnType<typeof createSuspects>

const kindsOf = (kinds: string): string => [...new Set(JSON.parse(kinds) as string[])].sort().join()
