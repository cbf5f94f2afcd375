import type { InspectionView, NewLabel } from "#contract/labelling"
import type { List } from "#contract/list"
import { Problem } from "#contract/problem"
import type { NewReview, ReviewCase, Reviewed, ReviewItem, ReviewWhy } from "#contract/review"
import type { User } from "#contract/users"
import type { Clock } from "#platform/clock"
import type { Events } from "#platform/events"
import type { Sqlite } from "#platform/sqlite"
import type { Labelling } from "./labelling.service.ts"
import type { Looks } from "./looks.service.ts"
import type { PresenceService } from "./presence.service.ts"
import type { ReviewRow, ReviewStore, StandingRow } from "./review.store.ts"
import type { Standings } from "./standing.service.ts"
import type { Suspects } from "./suspect.service.ts"

export type ReviewsDeps = {
  db: Sqlite
  store: ReviewStore
  looks: Looks
  standings: Standings
  suspects: Suspects
  labelling: Labelling
  presence: PresenceService
  view: (id: string) => InspectionView | undefined
  events: Events
  clock: Clock
}

/** Labels that somebody else looks at once more: what contradicts, what was doubted, and a sample of the rest. */
export function createReviews(deps: ReviewsDeps) {
  const { db, store, looks, standings, suspects, labelling, presence, view, events, clock } = deps

  /** Where a label stands that was stored before anything was noted of it. */
  function standingOf(inspectionId: string): StandingRow {
    const newest = labelling.labelOf(inspectionId)
    if (!newest) throw new Problem("conflict", "review_unlabelled", "this part has no label to review")
    return (
      store.standing(inspectionId) ?? {
        inspection_id: inspectionId,
        revision: newest.revision,
        user_id: newest.user_id,
        state: "unreviewed",
        agreed: 0,
        why: null,
        at: newest.stored_at,
      }
    )
  }

  function partOf(inspectionId: string): InspectionView {
    const part = view(inspectionId)
    if (!part) throw new Problem("not_found", "inspection", "there is no such part")
    return part
  }

  const doubtOf = ({ inspection_id, revision }: StandingRow) => {
    const doubt = suspects.doubt(inspection_id, revision)
    return doubt && { doubt }
  }

  function caseOf(viewer: User, inspectionId: string): ReviewCase {
    const inspection = partOf(inspectionId)
    const standing = standingOf(inspectionId)
    const { state, why, at, user_id } = standing
    const revisions = labelling.revisions(inspectionId)
    return {
      inspection,
      state,
      why,
      since: at,
      ...doubtOf(standing),
      label_by: revisions.findLast(({ by }) => by.id === user_id)?.by ?? { id: user_id, name: "" },
      revisions,
      seconds: looks.seconds(inspectionId),
      reviews: store.reviews(inspectionId),
      reference: looks.reference(inspectionId),
      present: presence
        .list(viewer)
        .filter(({ inspection_id, by }) => inspection_id === inspectionId && by.id !== viewer.id),
    }
  }

  return {
    /** Labels that wait for a reviewer, or those sent back to their authors; the longest first. */
    queue(which: "waiting" | "sent_back", cursor: string | undefined, limit: number): List<ReviewItem> {
      const after = cursor === undefined ? { at: -1, id: "" } : placeOf(cursor)
      const rows = which === "waiting" ? store.waiting(after, limit + 1) : store.sentBack(after, limit + 1)
      const page = rows.slice(0, limit)
      const last = page.at(-1)
      return {
        items: page.flatMap((row) => {
          const inspection = view(row.inspection_id)
          if (!inspection) return []
          const { state, why, at: since } = row
          const label_by = { id: row.user_id, name: row.name }
          return { inspection, state, why, since, label_by, ...doubtOf(row) }
        }),
        next: rows.length > limit && last ? `${last.at}-${last.inspection_id}` : null,
      }
    },
    /** How many labels wait for a reviewer, by why. */
    waiting: (): Partial<Record<ReviewWhy, number>> =>
      Object.fromEntries(store.countWaiting().map(({ why, n }) => [why, n])),

    /** Throws `not_found`, and `conflict` for a part without a label. */
    find: caseOf,

    /**
     * Accepts, fixes or sends back the newest label of a part; on disk when this returns. The same id again changes
     * nothing. Throws `conflict` when the label has changed since it was looked at, or is the reviewer's own.
     */
    review(by: User, asked: NewReview): ReviewCase {
      const part = partOf(asked.inspection_id)
      const repeated = store.review(asked.id)
      if (repeated) {
        if (!isSame(repeated, by, asked))
          throw new Problem("conflict", "review_id", "this id was used for another review")
        return caseOf(by, part.id)
      }
      const fixed = db.transaction(() => {
        const standing = standingOf(part.id)
        if (standing.revision !== asked.revision)
          throw new Problem("conflict", "review_stale", "the label has changed since; look at it again")
        if (standing.user_id === by.id)
          throw new Problem("conflict", "review_own", "nobody reviews their own label")
        const { id, outcome, reason, revision } = asked
        store.insertReview({
          id,
          inspection_id: part.id,
          revision,
          labeller_id: standing.user_id,
          outcome,
          reason,
          reviewer_id: by.id,
          at: clock.now(),
        })
        if (asked.outcome === "fixed") {
          const label = labelOf(asked, clock.now())
          return { row: labelling.fix(by, label), label }
        }
        if (asked.outcome === "accepted" && part.label?.verdict === "unsure")
          throw new Problem("conflict", "review_unsure", "unsure is no answer: say what the part is")
        standings.decide(standing, asked.outcome)
        return undefined
      })
      if (fixed) labelling.announce(fixed.row, fixed.label, by)
      events.announce("review", { inspection_id: part.id, outcome: asked.outcome })
      return caseOf(by, part.id)
    },

    /** What reviewers made of each person's labels since a time. */
    outcomes: (since: number): { id: string; name: string; outcome: Reviewed["outcome"]; n: number }[] =>
      store.outcomes(since).map(({ labeller_id: id, name, outcome, n }) => ({ id, name, outcome, n })),
  }
}
export type Reviews = ReturnType<typeof createReviews>

/** A fix is a label like any other; the review's own id is the label's, so that neither is stored twice. */
const labelOf = (asked: NewReview & { outcome: "fixed" }, at: number): NewLabel => ({
  id: asked.id,
  inspection_id: asked.inspection_id,
  ...asked.label,
  accepted: false,
  shown_at: at,
  decided_at: at,
  active_ms: 0,
})

const isSame = (row: ReviewRow, by: User, asked: NewReview) =>
  row.reviewer_id === by.id &&
  row.inspection_id === asked.inspection_id &&
  row.outcome === asked.outcome &&
  row.revision === asked.revision

function placeOf(cursor: string): { at: number; id: string } {
  const found = /^(\d{1,16})-([0-9a-f-]{36})$/.exec(cursor)
  if (!found) throw new Problem("invalid", "cursor", "this cursor is not one of this list")
  return { at: Number(found[1]), id: found[2]! }
}
