import {
  type InspectionView,
  type LabelVerdict,
  type NewLabel,
  type QueueReason,
  type StoredImage,
  takenAt,
} from "#contract/labelling"
import { boxesOf } from "#contract/outline"
import type { User } from "#contract/users"
import type { Clock } from "#platform/clock"
import type { FlowStore } from "./flow.store.ts"
import { queueAfter } from "./labelling.rules.ts"
import type { LabellingStore, LabelRow } from "./labelling.store.ts"
import type { AnswerRow } from "./looks.store.ts"
import type { Standings } from "./standing.service.ts"

/** Who judges, and on which tablet. */
export type Author = { user: User; tabletId?: string | undefined }
type Priority = { reason: QueueReason; rank: number }

export type RevisionDeps = {
  store: LabellingStore
  standings: Standings
  flow: Pick<FlowStore, "closeOpinions">
  /** The newest version of the criteria. */
  criteria: () => number
  inspections: {
    /** Why the part was put into the queue when it came in; null when it never was. */
    firstPriority(id: string): Priority | null
    rankOf(reason: QueueReason): number
    /** Writes the newest revision (null: withdrawn) and the place in the queue (null: none). */
    applyLabel(
      id: string,
      label: { revision: number; verdict: LabelVerdict; kinds: string[]; by: string; at: number } | null,
      queue: Priority | null,
    ): void
  }
  /** What help each label had. */
  help: { record(label: NewLabel, part: InspectionView, revision: number, storedAt: number): void }
  clock: Clock
}

/** Labels as they are written: one revision after the other, and all that changes with each. Within a transaction. */
export function createRevisions(deps: RevisionDeps) {
  const { store, standings, flow, criteria, inspections, help, clock } = deps

  function isDeliberate(label: NewLabel, part: InspectionView): boolean {
    return label.lease_id === undefined || store.lease(label.lease_id)?.inspection_id === part.id
  }

  function insertRow(
    { user, tabletId }: Author,
    label: NewLabel,
    part: InspectionView,
    before: LabelRow | undefined,
  ): LabelRow {
    const isUnseen = before && before.user_id !== user.id && !isDeliberate(label, part)
    const newest = criteria()
    const row: Omit<LabelRow, "n"> = {
      id: label.id,
      inspection_id: part.id,
      revision: (before?.revision ?? 0) + 1,
      verdict: label.verdict,
      kinds: JSON.stringify(label.kinds),
      boxes: JSON.stringify(label.boxes),
      drawing: drawingText(label),
      accepted: label.accepted ? 1 : 0,
      criteria: Math.min(label.criteria ?? newest, newest),
      user_id: user.id,
      lease_id: label.lease_id ?? null,
      shown_at: label.shown_at,
      decided_at: label.decided_at,
      active_ms: label.active_ms,
      stored_at: clock.now(),
      tablet_id: tabletId ?? null,
      unseen: isUnseen ? before.revision : null,
    }
    store.insert(row)
    return { n: 0, ...row }
  }

  /** `reason` says that the part has to go to a reviewer whatever the label says, `reviewed` that one has decided. */
  function append(
    author: Author,
    label: NewLabel,
    part: InspectionView,
    before: LabelRow | undefined,
    asked: { reason?: "disagreement"; reviewed?: "fixed"; joined?: true } = {},
  ): LabelRow {
    const { user } = author
    const row = insertRow(author, label, part, before)
    // What two labels come to is nobody's work.
    if (!asked.joined) help.record(label, part, row.revision, row.stored_at)
    const earlier = before && {
      userId: before.user_id,
      verdict: before.verdict,
      kinds: JSON.parse(before.kinds),
    }
    // Who names the revision they saw has seen what stands there, or has met it; nobody can have missed what is not there.
    const deliberate = !before || label.base_revision !== undefined || isDeliberate(label, part)
    const own = asked.reason ?? queueAfter({ userId: user.id, ...label }, earlier ?? null, deliberate)
    const { reviewed } = asked
    const reason = standings.onLabel({ user, label, row, before, part, reason: own, reviewed })
    const applied =
      label.verdict === "withdrawn"
        ? null
        : {
            revision: row.revision,
            verdict: label.verdict,
            kinds: label.kinds,
            by: user.name,
            at: row.stored_at,
          }
    inspections.applyLabel(part.id, applied, priorityFor(part.id, reason))
    const kinds = label.verdict === "ng" ? label.kinds : []
    if (before || kinds.length > 0) store.setKinds(part.id, kinds, takenAt(part), row.stored_at)
    count(row, before)
    store.dropLease(part.id)
    if (label.verdict !== "withdrawn") flow.closeOpinions(part.id, user.id, row.stored_at)
    return row
  }

  /** Keeps the numbers of the day: a part counts once per person, and no more once it is withdrawn. */
  function count(row: Omit<LabelRow, "n">, before: LabelRow | undefined): void {
    const wasLabelled = before !== undefined && before.verdict !== "withdrawn"
    if (row.verdict === "withdrawn") {
      store.tally("", "", -1)
      store.tally(dayOf(before?.stored_at ?? row.stored_at), before?.user_id ?? row.user_id, -1)
      return
    }
    if (!wasLabelled) store.tally("", "", 1)
    const again =
      wasLabelled && before.user_id === row.user_id && dayOf(before.stored_at) === dayOf(row.stored_at)
    if (!again) store.tally(dayOf(row.stored_at), row.user_id, 1)
  }

  /** The same for an answer to a blind look. */
  function countAnswer(row: AnswerRow, before: AnswerRow | undefined, user: User): void {
    const was = before !== undefined && before.verdict !== "withdrawn"
    if (row.verdict === "withdrawn") store.tally(dayOf(before?.stored_at ?? row.stored_at), user.id, -1)
    else if (!was) store.tally(dayOf(row.stored_at), user.id, 1)
  }

  function priorityFor(id: string, reason: ReturnType<typeof queueAfter>): Priority | null {
    if (reason === null) return null
    if (reason === "first_reason") return inspections.firstPriority(id)
    return { reason, rank: inspections.rankOf(reason) }
  }

  return { insertRow, append, countAnswer }
}
export type Revisions = ReturnType<typeof createRevisions>

/** The calendar day in the hub's time zone: the shop floor's day. */
export function dayOf(at: number): string {
  const date = new Date(at)
  return [date.getFullYear(), date.getMonth() + 1, date.getDate()]
    .map((n) => String(n).padStart(2, "0"))
    .join("-")
}

export const drawingText = ({ drawing }: NewLabel): string | null =>
  drawing ? JSON.stringify(drawing) : null

/** With a drawing the boxes are those it comes to. */
export const withBoxes = (label: NewLabel, image: StoredImage | null): NewLabel =>
  label.drawing && image ? { ...label, boxes: boxesOf(label.drawing, image) } : label
