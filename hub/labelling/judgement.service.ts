import type { InspectionView, Meeting, NewLabel } from "#contract/labelling"
import { Problem } from "#contract/problem"
import type { LabelSetup } from "#contract/questions"
import { setupFor } from "#contract/setups"
import type { User } from "#contract/users"
import type { Ids } from "#platform/ids"
import { type AnswerFault, answersFault } from "./answers.rules.ts"
import { labelFault } from "./labelling.rules.ts"
import type { LabellingStore, LabelRow } from "./labelling.store.ts"
import type { Looks } from "./looks.service.ts"
import type { LookRow } from "./looks.store.ts"
import { type Content, isSameContent, mergeLabels } from "./merge.rules.ts"
import type { ReviewStore } from "./review.store.ts"
import { type Author, drawingText, type Revisions, withBoxes } from "./revision.service.ts"
import { isReviewer, type Standings } from "./standing.service.ts"

export type JudgementDeps = {
  store: LabellingStore
  revisions: Revisions
  reviews: Pick<ReviewStore, "meeting" | "insertMeeting">
  looks: Looks
  standings: Standings
  inspections: { view(id: string): InspectionView | undefined }
  hasKind: (key: string) => boolean
  /** What is asked beside the verdict. */
  setups: () => LabelSetup[]
  /** What help each label had. */
  help: { record(label: NewLabel, part: InspectionView, revision: number, storedAt: number): void }
  ids: Ids
}

/** What a receipt is made of: a label, or an answer to a blind look. */
export type Stored = Pick<LabelRow, "id" | "inspection_id" | "revision" | "verdict" | "stored_at"> & {
  unseen?: number | null
}
export type Judged = { row: Stored; duplicate: boolean; label: NewLabel; met?: Meeting | undefined }

const faultWords: Record<AnswerFault["fault"], string> = {
  missing: "it must be answered before NG",
  type: "the answer is of another type",
  option: "there is no such choice",
  several: "only one choice is asked for",
  range: "the number is out of range",
}

/** What becomes of a judgement: a label, an answer to a blind look, or a meeting with somebody else's label. Within a transaction. */
export function createJudgements(deps: JudgementDeps) {
  const { store, revisions, reviews, looks, standings, inspections, hasKind, setups, help, ids } = deps
  const { append, insertRow, countAnswer } = revisions

  function checkLabel(label: NewLabel, part: InspectionView): void {
    const fault = labelFault(label, part.image)
    if (fault)
      throw new Problem("invalid", `label_${fault}`, `this label does not fit: ${fault.replaceAll("_", " ")}`)
    const foreign = label.kinds.find((kind) => !hasKind(kind))
    if (foreign !== undefined)
      throw new Problem("invalid", "label_kind", `the catalogue has no defect class ${foreign}`, {
        kind: foreign,
      })
  }

  /** Answers are held to the questions there are, unless the person had others before them. */
  function checkAnswers(label: NewLabel, part: InspectionView): void {
    const setup = setupFor(setups(), part.product_id)
    const { setup: had } = label
    if (had && (had.product !== setup.product || had.revision < setup.revision)) return
    const before = store.newest(part.id)?.drawing
    const fault = answersFault(setup.questions, label, before ? JSON.parse(before) : null)
    if (!fault) return
    const where = fault.region === null ? "the part" : `region ${fault.region}`
    throw new Problem(
      "invalid",
      "label_answer",
      `question ${fault.question} of ${where}: ${faultWords[fault.fault]}; nothing was stored`,
      { question: fault.question, region: fault.region ?? "", fault: fault.fault },
    )
  }

  /** Stores one judgement; within a transaction. What is imported answers no blind look, and no questions of ours. */
  function judge(author: Author, sent: NewLabel, from: "person" | "program" | "import" = "person"): Judged {
    const { user } = author
    const part = inspections.view(sent.inspection_id)
    const label = withBoxes(sent, part?.image ?? null)
    const known = store.byId(label.id) ?? looks.stored(label.id)
    if (known) {
      if (!isSame(known, user, label))
        throw new Problem("conflict", "label_id", "this id was used for another label")
      const meeting = reviews.meeting(label.id)
      const row = { ...known, revision: meeting?.stands ?? known.revision }
      return { row, duplicate: true, label, met: meeting?.met }
    }
    if (!part) throw new Problem("not_found", "inspection", "there is no such part")
    checkLabel(label, part)
    if (from === "person" && label.verdict !== "withdrawn") checkAnswers(label, part)
    const look = from === "import" ? undefined : looks.answeredBy(user, label, store.lastBy(part.id, user.id))
    if (look) return { row: answer(user, look, label), duplicate: false, label }
    const before = store.newest(label.inspection_id)
    const mayWithdraw =
      before && before.verdict !== "withdrawn" && (before.user_id === user.id || isReviewer(user))
    if (label.verdict === "withdrawn" && !mayWithdraw)
      throw new Problem("conflict", "label_withdraw", "only one's own newest label can be withdrawn")
    if (!before || !isMeeting(user, label, before))
      return { row: append(author, label, part, before), duplicate: false, label }
    const row = { ...meet(author, label, part, before), id: label.id }
    return { row, duplicate: false, label, met: reviews.meeting(label.id)?.met }
  }

  /** An answer to a blind look is stored beside the labels: it changes no part and teaches no model. */
  function answer(user: User, look: LookRow, label: NewLabel): Stored {
    const { row, before } = looks.answer(look, label)
    countAnswer(row, before, user)
    const newest = store.newest(look.inspection_id)
    if (look.purpose === "second" && newest) standings.onSecond(look.inspection_id, newest)
    store.dropLease(look.inspection_id)
    return { ...row, inspection_id: look.inspection_id }
  }

  /** A label that meets another person's: stored as it was sent, and joined with the other where that is possible. */
  function meet(author: Author, label: NewLabel, part: InspectionView, theirs: LabelRow): LabelRow {
    const base = label.base_revision ? store.revisionRow(part.id, label.base_revision) : undefined
    const met = mergeLabels(base ? contentOf(base) : null, contentOf(theirs), label)
    const merged = "content" in met ? withBoxes({ ...label, ...met.content }, part.image) : undefined
    const fits = merged !== undefined && labelFault(merged, part.image) === null
    const isSame = fits && isSameContent(merged, contentOf(theirs))
    const note = (outcome: Meeting["outcome"], stands: number) =>
      reviews.insertMeeting({
        label_id: label.id,
        base_revision: label.base_revision ?? 0,
        theirs_revision: theirs.revision,
        stands_revision: stands,
        outcome,
      })
    if (!fits) {
      const row = append(author, label, part, theirs, { reason: "disagreement" })
      note("disputed", row.revision)
      return row
    }
    // A dispute that others began is not settled by a label that fits one side of it.
    const disputed = store.reason(part.id) === "disagreement" ? { reason: "disagreement" as const } : {}
    const isMine = isSameContent(merged, label)
    const own = isMine
      ? append(author, label, part, theirs, disputed)
      : insertRow(author, label, part, theirs)
    if (!isMine) help.record(label, part, own.revision, own.stored_at)
    note(isSame ? "agreed" : "merged", isMine ? own.revision : own.revision + 1)
    if (isMine) return own
    const { lease_id: _, ...rest } = merged
    const both = { ...rest, id: ids.uuid(), accepted: false }
    const joined = append(author, both, part, own, { ...disputed, joined: true })
    return { ...joined, stored_at: own.stored_at, unseen: own.unseen }
  }

  return {
    judge,
    /** A reviewer's own label in place of the newest one, inside the transaction of the review. */
    fix(user: User, label: NewLabel): Stored {
      const part = inspections.view(label.inspection_id)
      if (!part) throw new Problem("not_found", "inspection", "there is no such part")
      const whole = withBoxes(label, part.image)
      checkLabel(whole, part)
      return append({ user }, whole, part, store.newest(part.id), { reviewed: "fixed" })
    },
  }
}

const contentOf = (row: LabelRow): Content => ({
  verdict: row.verdict,
  kinds: JSON.parse(row.kinds),
  boxes: JSON.parse(row.boxes),
  ...(row.drawing !== null && { drawing: JSON.parse(row.drawing) }),
})

/** Whether somebody else has judged the part since this person looked; their own later word simply stands. */
const isMeeting = (user: User, label: NewLabel, before: LabelRow): boolean =>
  label.base_revision !== undefined &&
  label.base_revision !== before.revision &&
  label.verdict !== "withdrawn" &&
  before.verdict !== "withdrawn" &&
  before.user_id !== user.id

/** Whether a stored revision is this very label: a repeat after a lost receipt. */
function isSame(
  row: Pick<LabelRow, "user_id" | "inspection_id" | "verdict" | "kinds" | "boxes" | "drawing">,
  user: User,
  label: NewLabel,
): boolean {
  return (
    row.user_id === user.id &&
    row.inspection_id === label.inspection_id &&
    row.verdict === label.verdict &&
    row.kinds === JSON.stringify(label.kinds) &&
    row.boxes === JSON.stringify(label.boxes) &&
    row.drawing === drawingText(label)
  )
}
