import type { InspectionView, LabelBox, NewLabel, QueueReason } from "#contract/labelling"
import type { CheckPlan, ReviewState, ReviewWhy } from "#contract/review"
import { roles, type User } from "#contract/users"
import type { Clock } from "#platform/clock"
import { isChosen, isSameJudgement, sharesOf } from "./check.rules.ts"
import type { queueAfter } from "./labelling.rules.ts"
import type { LabelRow } from "./labelling.store.ts"
import type { LooksStore } from "./looks.store.ts"
import type { ReviewStore, StandingRow } from "./review.store.ts"

type Reason = ReturnType<typeof queueAfter>

export type StandingsDeps = {
  store: ReviewStore
  looks: LooksStore
  plan: () => CheckPlan
  setQueue: (id: string, queue: { reason: QueueReason; rank: number } | null) => void
  rankOf: (reason: QueueReason) => number
  clock: Clock
}

/** Where the newest label of each part stands. All of it happens inside the transaction of a label or an answer. */
export function createStandings({ store, looks, plan, setQueue, rankOf, clock }: StandingsDeps) {
  /** What people who judged the part blind say of this label. */
  function compare(inspection: string, author: string, label: Pick<NewLabel, "verdict" | "kinds" | "boxes">) {
    const { overlap } = plan()
    const others = looks.seconds(inspection).filter(({ by }) => by.id !== author)
    const agreed = others.filter((other) => isSameJudgement(other, label, overlap)).length
    return { agreed, differs: agreed < others.length, asked: others.length > 0 }
  }

  return {
    /**
     * Takes in a label and answers why its part waits from now on, `reason` being what the label by itself asks for.
     * `reviewed` says that a reviewer has decided; a reviewer's own judgement of a part that waited for one decides too.
     */
    onLabel(of: {
      user: User
      label: NewLabel
      row: Omit<LabelRow, "n">
      before: LabelRow | undefined
      part: InspectionView
      reason: Reason
      reviewed?: "fixed" | undefined
    }): Reason {
      const { user, label, row, before, part, reason } = of
      const known = store.standing(part.id)
      if (label.verdict === "withdrawn") {
        store.dropStanding(part.id)
        looks.dropSecond(part.id)
        return reason
      }
      const decides =
        of.reviewed ??
        (reason === null && known?.why != null && known.user_id !== user.id && isReviewer(user)
          ? decisionOf(before, label)
          : undefined)
      if (decides && !of.reviewed && known)
        store.insertReview({
          id: row.id,
          inspection_id: part.id,
          revision: known.revision,
          labeller_id: known.user_id,
          outcome: decides,
          reason: "",
          reviewer_id: user.id,
          at: row.stored_at,
        })
      const { agreed, differs, asked } = compare(part.id, user.id, label)
      const contradicted = reason === null && !decides && differs
      const after: Reason = contradicted ? "disagreement" : reason
      const shares = sharesOf(plan(), part.device_id)
      const isBack = known?.state === "sent_back" && known.user_id === user.id
      const sampled = isChosen(shares.review, "review", part.id) ? "sample" : null
      const why: ReviewWhy | null = contradicted
        ? "second"
        : after === "unsure_label"
          ? "unsure"
          : after !== null
            ? "disputed"
            : decides
              ? null
              : isBack
                ? "again"
                : sampled
      const state: ReviewState = decides ?? "unreviewed"
      store.putStanding({
        inspection_id: part.id,
        revision: row.revision,
        user_id: user.id,
        state,
        agreed,
        why,
        at: row.stored_at,
      })
      if (decides) looks.dropSecond(part.id)
      const isFirst = before === undefined || before.verdict === "withdrawn"
      const wantsSecond = isFirst && after === null && !decides && !asked && !looks.wantsSecond(part.id)
      if (wantsSecond && isChosen(shares.second, "second", part.id))
        looks.want({
          inspection: part.id,
          purpose: "second",
          user: null,
          study: null,
          trial: 1,
          place: row.stored_at,
        })
      return after
    },

    /** A second person has judged the part, or has taken that back. */
    onSecond(
      part: string,
      newest: { user_id: string; verdict: NewLabel["verdict"]; kinds: string; boxes: string },
    ): void {
      const standing = store.standing(part)
      if (!standing || newest.verdict === "withdrawn") return
      const { agreed, differs } = compare(part, newest.user_id, {
        verdict: newest.verdict,
        kinds: JSON.parse(newest.kinds) as string[],
        boxes: JSON.parse(newest.boxes) as LabelBox[],
      })
      let { why } = standing
      // What reviewers have decided stands; what waits for them already waits on.
      if (standing.state === "unreviewed") {
        if (differs && (why === null || why === "sample" || why === "again" || why === "suspect")) {
          why = "second"
          setQueue(part, { reason: "disagreement", rank: rankOf("disagreement") })
        } else if (!differs && why === "second") {
          why = null
          setQueue(part, null)
        }
      }
      store.putStanding({ ...standing, agreed, why, at: why === standing.why ? standing.at : clock.now() })
    },

    /** A reviewer takes the label as it stands, or sends it back to its author. */
    decide(standing: StandingRow, outcome: "accepted" | "sent_back"): void {
      const id = standing.inspection_id
      store.putStanding({ ...standing, state: outcome, why: null, at: clock.now() })
      looks.dropSecond(id)
      setQueue(id, outcome === "accepted" ? null : { reason: "sent_back", rank: rankOf("sent_back") })
    },
  }
}
export type Standings = ReturnType<typeof createStandings>

export const isReviewer = (user: User): boolean => roles.indexOf(user.role) >= roles.indexOf("reviewer")

function decisionOf(before: LabelRow | undefined, label: NewLabel): "accepted" | "fixed" {
  const same =
    before?.verdict === label.verdict &&
    [...(JSON.parse(before.kinds) as string[])].sort().join() === [...label.kinds].sort().join() &&
    before.boxes === JSON.stringify(label.boxes)
  return same ? "accepted" : "fixed"
}
