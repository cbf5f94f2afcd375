import type * as v from "valibot"
import type { Evaluation } from "#contract/inspection"
import {
  type InspectionView,
  type LabelReceipt,
  type LabelRevision,
  type LabelStats,
  type LabelTask,
  type LabelVerdict,
  type NewLabel,
  type QueueReason,
  type StoredImage,
  takenAt,
  type Why,
} from "#contract/labelling"
import { boxesOf } from "#contract/outline"
import { Problem } from "#contract/problem"
import type { SampleLabel } from "#contract/training"
import { roles, type User } from "#contract/users"
import type { Clock } from "#platform/clock"
import type { Events } from "#platform/events"
import type { Ids } from "#platform/ids"
import type { Sqlite } from "#platform/sqlite"
import type { FlowStore } from "./flow.store.ts"
import {
  extendAfterMs,
  labelFault,
  leaseMs,
  queueAfter,
  reissueAfterMs,
  stockLeaseMs,
} from "./labelling.rules.ts"
import type { LabellingStore, LabelRow, LeaseRow, SettledRow } from "./labelling.store.ts"
import type { Queue } from "./queue.service.ts"

type Receipt = v.InferOutput<typeof LabelReceipt>
type Priority = { reason: QueueReason; rank: number }

/** What labelling needs of its neighbours. All writes happen inside labelling's own transaction. */
export type LabellingDeps = {
  db: Sqlite
  store: LabellingStore
  queue: Queue
  flow: Pick<FlowStore, "askedOf" | "askedBy" | "closeOpinions" | "countComments">
  /** The newest version of the criteria. */
  criteria: () => number
  inspections: {
    view(id: string): InspectionView | undefined
    /** Why the part was put into the queue when it came in; null when it never was. */
    firstPriority(id: string): Priority | null
    rankOf(reason: QueueReason): number
    /** Writes the newest revision (null: withdrawn) and the place in the queue (null: none). */
    applyLabel(
      id: string,
      label: { revision: number; verdict: LabelVerdict; kinds: string[]; by: string; at: number } | null,
      queue: Priority | null,
    ): void
    setQueue(id: string, queue: Priority | null): void
    waiting(): { reason: QueueReason; waiting: number }[]
    streams(): { look: 1 | 2; waiting: number }[]
  }
  hasKind: (key: string) => boolean
  /** Which parts are shown without help, and what help each label had. */
  help: {
    isBlind(id: string): boolean
    record(label: NewLabel, part: InspectionView, revision: number, storedAt: number): void
  }
  events: Events
  clock: Clock
  ids: Ids
}

/** A part from the line with the newest label people gave it: settled, that is neither unsure, withdrawn nor disputed. */
export type LabelledPart = {
  inspectionId: string
  partId: string | null
  productId: string | null
  capturedAt: number
  labelledAt: number
  labelledBy: string
  /** What the station had said, and the model it said it with. */
  eval: Evaluation
  model: string | null
  image: StoredImage
  label: SampleLabel
}

/** A stored judgement, as readers of the log see it. */
export type StoredLabel = {
  n: number
  id: string
  inspectionId: string
  revision: number
  verdict: LabelRevision["verdict"]
  kinds: string[]
  boxes: LabelRevision["boxes"]
  drawing: LabelRevision["drawing"] | null
  userId: string
  decidedAt: number
  storedAt: number
  activeMs: number
}

/** One defect kind as people have labelled it: how often, on which part first, and since when. */
export type KindHistory = { kind: string; labels: number; firstCapturedAt: number; firstLabelledAt: number }

type Judged = { row: LabelRow; duplicate: boolean; label: NewLabel }
/** Drawn because somebody asked this person, whatever the part is worth. */
const asWhenAsked: Why = { value: 0, shares: [] }

type Sighting = { labels: number; firstSeenAt: number; firstLabelledAt: number }

export type Labelling = ReturnType<typeof createLabelling>

export function createLabelling(deps: LabellingDeps) {
  const { db, store, queue, flow, criteria, inspections, hasKind, help, events, clock, ids } = deps

  const sees = (user: User) => ({
    user: user.id,
    reviewer: roles.indexOf(user.role) >= roles.indexOf("reviewer"),
  })

  /** Takes a part nobody else holds; parts whose picture has been judged leave the queue on the way. */
  function drawNew(user: User, sessionId: string, now: number, ends_at: number): LeaseRow | undefined {
    // Somebody waits for this very person's opinion.
    const asked = flow.askedOf(user.id)
    if (asked) return give(asked, asWhenAsked, user, sessionId, now, ends_at)
    for (;;) {
      const head = queue.head(user.id, sees(user).reviewer)
      if (!head) return undefined
      const { part, why } = head
      if (!part.seen) return give(part, why, user, sessionId, now, ends_at)
      inspections.setQueue(part.id, null)
    }
  }

  function give(
    part: { id: string; image_sha256: string },
    why: Why,
    user: User,
    sessionId: string,
    now: number,
    ends_at: number,
  ): LeaseRow {
    const lease: LeaseRow = {
      id: ids.uuid(),
      inspection_id: part.id,
      image_sha256: part.image_sha256,
      session_id: sessionId,
      drawn_at: now,
      ends_at,
    }
    store.putLease(lease)
    queue.log(lease, user.id, why)
    return lease
  }

  function taskOf(user: User, lease: LeaseRow): LabelTask {
    const inspection = inspections.view(lease.inspection_id)
    const reason = store.reason(lease.inspection_id)
    if (!inspection || !reason) throw new Error(`${lease.inspection_id} is leased and does not wait`)
    const open = inspections.streams().filter(({ look }) => sees(user).reviewer || look === 1)
    const why = queue.whyOf(lease.id)
    const askedBy = reason === "second_opinion" ? flow.askedBy(inspection.id) : undefined
    // Whoever looks again should know what has been said.
    const blind = inspection.label === null && help.isBlind(inspection.id)
    return {
      inspection: blind ? withoutOpinion(inspection) : inspection,
      reason,
      ...(why && { why }),
      ...(askedBy !== undefined && { asked_by: askedBy }),
      comments: flow.countComments(inspection.id),
      criteria: criteria(),
      lease: { id: lease.id, expires_at: store.lease(lease.id)?.ends_at ?? lease.ends_at },
      waiting: Math.max(0, open.reduce((sum, { waiting }) => sum + waiting, 0) - 1),
      ...(blind && { blind }),
    }
  }

  /** What this session holds stays its own while it says so, and comes back to it when it has forgotten. */
  function heldAgain(
    sessionId: string,
    holding: readonly string[],
    now: number,
    ends_at: number,
  ): LeaseRow | undefined {
    let forgotten: LeaseRow | undefined
    for (const lease of store.leasesOf(sessionId)) {
      const held = holding.includes(lease.inspection_id)
      if (!held && (forgotten || now - lease.drawn_at < reissueAfterMs)) continue
      // Not at every draw: writing the same minute again would cost more than the draw itself.
      if (ends_at - lease.ends_at >= extendAfterMs) store.extendLease(lease.id, ends_at)
      if (!held) forgotten = lease
    }
    return forgotten
  }

  function storedReceipt(row: LabelRow, duplicate: boolean): Receipt {
    const { id, inspection_id, revision, stored_at, unseen } = row
    const other = unseen === null ? undefined : store.revision(inspection_id, unseen)
    return {
      id,
      inspection_id,
      revision,
      stored_at,
      duplicate,
      ...(other &&
        unseen !== null && { unseen: { revision: unseen, by: other.name, verdict: other.verdict } }),
    }
  }

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

  /** Stores one judgement; within a transaction. */
  function judge(user: User, sent: NewLabel, tabletId?: string): Judged {
    const part = inspections.view(sent.inspection_id)
    const label = withBoxes(sent, part?.image ?? null)
    const known = store.byId(label.id)
    if (known) {
      if (!isSame(known, user, label))
        throw new Problem("conflict", "label_id", "this id was used for another label")
      return { row: known, duplicate: true, label }
    }
    if (!part) throw new Problem("not_found", "inspection", "there is no such part")
    checkLabel(label, part)
    const before = store.newest(label.inspection_id)
    const mayWithdraw =
      before && before.verdict !== "withdrawn" && (before.user_id === user.id || sees(user).reviewer)
    if (label.verdict === "withdrawn" && !mayWithdraw)
      throw new Problem("conflict", "label_withdraw", "only one's own newest label can be withdrawn")
    return { row: append({ user, tabletId }, label, part, before), duplicate: false, label }
  }

  /** Announces what is on disk. */
  function told(user: User, { row, duplicate, label }: Judged): Receipt {
    if (!duplicate)
      events.announce("label", {
        inspection_id: row.inspection_id,
        revision: row.revision,
        verdict: row.verdict,
        kinds: label.kinds,
        by: user.name,
      })
    return storedReceipt(row, duplicate)
  }

  return {
    /**
     * Leases the most valuable part to a session, or null when nothing waits for this person. One transaction: no part
     * and no picture is ever held by two sessions. `holding` are parts the session still has; their leases go on.
     */
    next(user: User, sessionId: string, holding: readonly string[], stock = false): LabelTask | null {
      return db.transaction(() => {
        const now = clock.now()
        const ends = now + (stock ? stockLeaseMs : leaseMs)
        store.dropEndedLeases(now)
        const lease = heldAgain(sessionId, holding, now, ends) ?? drawNew(user, sessionId, now, ends)
        return lease ? taskOf(user, lease) : null
      })
    },

    /**
     * Leases look-alikes to a session: a valuable part and others of its line, reason, kind and product, the nearest in
     * score first. Each has its own lease; fewer than `size` when there are no more.
     */
    batch(user: User, sessionId: string, size: number, holding: readonly string[]): LabelTask[] {
      return db.transaction(() => {
        const now = clock.now()
        store.dropEndedLeases(now)
        const ends = now + leaseMs
        heldAgain(sessionId, holding, now, ends)
        return (
          queue
            .lookAlikes(user.id, sees(user).reviewer, size)
            // What is to be judged without help must not stand among parts that give the answer away.
            .filter(({ part }) => !help.isBlind(part.id))
            .map(({ part, why }) => taskOf(user, give(part, why, user, sessionId, now, ends)))
        )
      })
    },

    /** Of these parts, those that are still leased to the session; their leases go on. */
    renew(sessionId: string, holding: readonly string[], stock = false): string[] {
      return db.transaction(() => {
        const now = clock.now()
        store.dropEndedLeases(now)
        const held = store.leasesOf(sessionId).filter((lease) => holding.includes(lease.inspection_id))
        const ends_at = now + (stock ? stockLeaseMs : leaseMs)
        for (const lease of held)
          if (ends_at - lease.ends_at >= extendAfterMs) store.extendLease(lease.id, ends_at)
        return held.map((lease) => lease.inspection_id)
      })
    },

    /**
     * Stores one judgement as the next revision of its part; on disk when this returns. The same id again returns the
     * first receipt. A lease that has ended, or somebody else's judgement meanwhile, refuses nothing: both are kept. Throws `not_found`, `invalid`, and `conflict` (id used for something else, nothing to withdraw).
     */
    submit(user: User, sent: NewLabel, tabletId?: string): Receipt {
      return told(
        user,
        db.transaction(() => judge(user, sent, tabletId)),
      )
    },

    /**
     * Stores many judgements of one person in one transaction, as an import brings them. What is wrong with one concerns
     * that one alone: its answer is the problem.
     */
    submitAll(user: User, sent: readonly NewLabel[]): (Receipt | Problem)[] {
      const judged = db.transaction(() =>
        sent.map((label) => {
          try {
            return judge(user, label)
          } catch (error) {
            if (error instanceof Problem) return error
            throw error
          }
        }),
      )
      return judged.map((one) => (one instanceof Problem ? one : told(user, one)))
    },

    /** The newest revision of a part, whatever it says. */
    newest: (inspectionId: string): LabelRevision | undefined => store.revisions(inspectionId).at(-1),

    /** Every revision of a part, oldest first. Throws `not_found`. */
    revisions(inspectionId: string): LabelRevision[] {
      if (!inspections.view(inspectionId))
        throw new Problem("not_found", "inspection", "there is no such part")
      return store.revisions(inspectionId)
    },

    /** Labels in the order they were stored, behind number `n`: for readers that must not miss one. */
    storedAfter: (n: number, limit: number): StoredLabel[] =>
      store.after(n, limit).map((row) => ({
        n: row.n,
        id: row.id,
        inspectionId: row.inspection_id,
        revision: row.revision,
        verdict: row.verdict,
        kinds: JSON.parse(row.kinds),
        boxes: JSON.parse(row.boxes),
        drawing: row.drawing === null ? null : JSON.parse(row.drawing),
        userId: row.user_id,
        decidedAt: row.decided_at,
        storedAt: row.stored_at,
        activeMs: row.active_ms,
      })),

    /** The queue and the day in numbers; "today" is the day of the hub's time zone. */
    stats(user: User): LabelStats {
      const waiting = inspections.waiting()
      const today = store.tallied(dayOf(clock.now()), user.id)
      return {
        waiting: waiting.reduce((sum, w) => sum + w.waiting, 0),
        waiting_by_reason: Object.fromEntries(waiting.map((w) => [w.reason, w.waiting])),
        labelled: store.tallied("", "").everyone,
        labelled_today: today.everyone,
        mine_today: today.mine,
        by_kind: Object.fromEntries(store.kinds().map(({ kind, labels }) => [kind, labels])),
      }
    },

    /** Figures of everyone together, for the first screen. */
    totals(): { waiting: number; labelledToday: number } {
      return {
        waiting: inspections.waiting().reduce((sum, w) => sum + w.waiting, 0),
        labelledToday: store.tallied(dayOf(clock.now()), "").everyone,
      }
    },

    /** The settled label of every part that has one, in the order they were stored: all of them, to be learned from. */
    current: (): LabelledPart[] => store.settled().map(labelledPart),
    /** How many parts are settled. */
    settled: (): number => store.countSettled(),
    /** NG parts that a station had passed, newest first, one a picture. */
    escapes: (limit: number): LabelledPart[] => store.escaped(limit).map(labelledPart),
    /** Settled parts of a kind that were taken after `since`; undefined when there is none. */
    sightings(kind: string, since: number): Sighting | undefined {
      const row = store.sightings(kind, since)
      if (!row) return undefined
      return {
        labels: row.labels,
        firstSeenAt: row.first_captured_at,
        firstLabelledAt: row.first_labelled_at,
      }
    },
    /** Of these parts, those that people have judged differently, or that somebody is looking at. */
    contested: (parts: readonly string[]): Set<string> => store.contested(parts),
    /** Every kind that a newest label names. */
    kinds: (): KindHistory[] =>
      store.kinds().map((row) => ({
        kind: row.kind,
        labels: row.labels,
        firstCapturedAt: row.first_captured_at,
        firstLabelledAt: row.first_labelled_at,
      })),
  }

  function append(
    { user, tabletId }: { user: User; tabletId: string | undefined },
    label: NewLabel,
    part: InspectionView,
    before: LabelRow | undefined,
  ): LabelRow {
    const now = clock.now()
    const deliberate = label.lease_id === undefined || store.lease(label.lease_id)?.inspection_id === part.id
    const unseen = !deliberate && before && before.user_id !== user.id ? before.revision : null
    const row: Omit<LabelRow, "n"> = {
      id: label.id,
      inspection_id: label.inspection_id,
      revision: (before?.revision ?? 0) + 1,
      verdict: label.verdict,
      kinds: JSON.stringify(label.kinds),
      boxes: JSON.stringify(label.boxes),
      drawing: drawingText(label),
      accepted: label.accepted ? 1 : 0,
      criteria: Math.min(label.criteria ?? criteria(), criteria()),
      user_id: user.id,
      lease_id: label.lease_id ?? null,
      shown_at: label.shown_at,
      decided_at: label.decided_at,
      active_ms: label.active_ms,
      stored_at: now,
      tablet_id: tabletId ?? null,
      unseen,
    }
    store.insert(row)
    help.record(label, part, row.revision, now)
    const earlier = before && {
      userId: before.user_id,
      verdict: before.verdict,
      kinds: JSON.parse(before.kinds),
    }
    const reason = queueAfter({ userId: user.id, ...label }, earlier ?? null, deliberate)
    const applied =
      label.verdict === "withdrawn"
        ? null
        : { revision: row.revision, verdict: label.verdict, kinds: label.kinds, by: user.name, at: now }
    inspections.applyLabel(part.id, applied, priorityFor(part.id, reason))
    store.setKinds(part.id, label.verdict === "ng" ? label.kinds : [], takenAt(part), now)
    count(row, before)
    store.dropLease(part.id)
    if (label.verdict !== "withdrawn") flow.closeOpinions(part.id, user.id, now)
    return { n: 0, ...row }
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

  function priorityFor(id: string, reason: ReturnType<typeof queueAfter>): Priority | null {
    if (reason === null) return null
    if (reason === "first_reason") return inspections.firstPriority(id)
    return { reason, rank: inspections.rankOf(reason) }
  }
}

/** A part as nobody has judged it: what no model has said cannot lead anybody. */
const withoutOpinion = ({ shadow: _, ...part }: InspectionView): InspectionView => ({
  ...part,
  verdict: { eval: "undefined" },
  findings: [],
})

function labelledPart({ sha256, mime, w, h, size, ...row }: SettledRow): LabelledPart {
  return {
    inspectionId: row.id,
    partId: row.part_id,
    productId: row.product_id,
    capturedAt: row.captured_at,
    labelledAt: row.stored_at,
    labelledBy: row.user_id,
    eval: row.eval,
    model: row.model_digest,
    image: { sha256, mime, w, h, size },
    label: { verdict: row.verdict, kinds: JSON.parse(row.kinds), boxes: JSON.parse(row.boxes) },
  }
}

/** The calendar day in the hub's time zone: the shop floor's day. */
function dayOf(at: number): string {
  const date = new Date(at)
  return [date.getFullYear(), date.getMonth() + 1, date.getDate()]
    .map((n) => String(n).padStart(2, "0"))
    .join("-")
}

const drawingText = ({ drawing }: NewLabel): string | null => (drawing ? JSON.stringify(drawing) : null)

/** With a drawing the boxes are those it comes to. */
const withBoxes = (label: NewLabel, image: StoredImage | null): NewLabel =>
  label.drawing && image ? { ...label, boxes: boxesOf(label.drawing, image) } : label

/** Whether a stored revision is this very label: a repeat after a lost receipt. */
function isSame(row: LabelRow, user: User, label: NewLabel): boolean {
  return (
    row.user_id === user.id &&
    row.inspection_id === label.inspection_id &&
    row.verdict === label.verdict &&
    row.kinds === JSON.stringify(label.kinds) &&
    row.boxes === JSON.stringify(label.boxes) &&
    row.drawing === drawingText(label)
  )
}
