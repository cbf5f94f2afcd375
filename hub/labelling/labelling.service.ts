import type * as v from "valibot"
import {
  type InspectionView,
  type LabelReceipt,
  type LabelRevision,
  type LabelStats,
  type LabelTask,
  type LabelVerdict,
  type Meeting,
  type NewLabel,
  type QueueReason,
  type StoredImage,
  takenAt,
  type Why,
} from "#contract/labelling"
import { boxesOf } from "#contract/outline"
import { Problem } from "#contract/problem"
import type { LabelSetup } from "#contract/questions"
import { setupFor } from "#contract/setups"
import type { User } from "#contract/users"
import type { Clock } from "#platform/clock"
import type { Events } from "#platform/events"
import type { Ids } from "#platform/ids"
import type { Sqlite } from "#platform/sqlite"
import { type AnswerFault, answersFault } from "./answers.rules.ts"
import type { FlowStore } from "./flow.store.ts"
import {
  extendAfterMs,
  labelFault,
  leaseMs,
  queueAfter,
  reissueAfterMs,
  stockLeaseMs,
} from "./labelling.rules.ts"
import {
  type LabelledPart,
  type LabellingStore,
  type LabelRow,
  type LeaseRow,
  labelledPart,
} from "./labelling.store.ts"
import type { Looks } from "./looks.service.ts"
import type { LookRow } from "./looks.store.ts"
import { type Content, isSameContent, mergeLabels } from "./merge.rules.ts"
import type { Queue } from "./queue.service.ts"
import type { ReviewStore } from "./review.store.ts"
import { isReviewer, type Standings } from "./standing.service.ts"

type Receipt = v.InferOutput<typeof LabelReceipt>
type Priority = { reason: QueueReason; rank: number }

/** What labelling needs of its neighbours. All writes happen inside labelling's own transaction. */
export type LabellingDeps = {
  db: Sqlite
  store: LabellingStore
  queue: Queue
  reviews: ReviewStore
  looks: Looks
  standings: Standings
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
    streams(): { look: 1 | 2; reason: QueueReason; waiting: number }[]
  }
  hasKind: (key: string) => boolean
  /** What is asked beside the verdict. */
  setups: () => LabelSetup[]
  /** Which parts are shown without help, and what help each label had. */
  help: {
    isBlind(id: string): boolean
    record(label: NewLabel, part: InspectionView, revision: number, storedAt: number): void
  }
  events: Events
  clock: Clock
  ids: Ids
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

type Author = { user: User; tabletId?: string | undefined }
/** What a receipt is made of: a label, or an answer to a blind look. */
type Stored = Pick<LabelRow, "id" | "inspection_id" | "revision" | "verdict" | "stored_at"> & {
  unseen?: number | null
}
type Judged = { row: Stored; duplicate: boolean; label: NewLabel; met?: Meeting | undefined }
const faultWords: Record<AnswerFault["fault"], string> = {
  missing: "it must be answered before NG",
  type: "the answer is of another type",
  option: "there is no such choice",
  several: "only one choice is asked for",
  range: "the number is out of range",
}

/** Drawn because somebody asked this person, whatever the part is worth. */
const asWhenAsked: Why = { value: 0, shares: [] }

/** A part that was drawn and is not leased yet. */
type Drawn = Pick<LeaseRow, "id" | "inspection_id" | "image_sha256">
type Sighting = { labels: number; firstSeenAt: number; firstLabelledAt: number }

export type Labelling = ReturnType<typeof createLabelling>

export function createLabelling(deps: LabellingDeps) {
  const { db, store, queue, reviews, looks, standings, flow, criteria, ...rest } = deps
  const { inspections, hasKind, setups, help, events, clock, ids } = rest

  const sees = (user: User) => ({ user: user.id, reviewer: isReviewer(user) })
  /** Parts this person may be given, beside those sent back to somebody. */
  const open = (user: User) =>
    inspections
      .streams()
      .filter(({ look, reason }) => reason !== "sent_back" && (look === 1 || sees(user).reviewer))
      .reduce((sum, { waiting }) => sum + waiting, 0)

  function leaseOf(of: Drawn, sessionId: string, now: number, ends_at: number): LeaseRow {
    const row: LeaseRow = { ...of, session_id: sessionId, drawn_at: now, ends_at }
    store.putLease(row)
    return row
  }

  /** What comes before the queue (own labels sent back, by chance a blind look), the queue, and what comes after it. */
  function drawAny(user: User, sessionId: string, now: number, ends_at: number): LeaseRow | undefined {
    const lease = (of: Drawn | undefined) => of && leaseOf(of, sessionId, now, ends_at)
    const back = reviews.returned(user.id)
    if (back) return lease({ ...back, id: ids.uuid() })
    // Whoever waits for this very person comes before any check.
    const before = flow.askedOf(user.id) ? undefined : looks.drawBefore(user, open(user) > 0, now)
    return lease(before) ?? drawNew(user, sessionId, now, ends_at) ?? lease(looks.drawAfter(user, now))
  }

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
    const view = inspections.view(lease.inspection_id)
    const look = looks.find(lease.id)
    const reason = look ? null : store.reason(lease.inspection_id)
    if (!view || (!look && !reason)) throw new Error(`${lease.inspection_id} is leased and does not wait`)
    const shown = look
      ? looks.shown(look, view)
      : { inspection: view, reason: reason!, why: queue.whyOf(lease.id) }
    const askedBy = reason === "second_opinion" ? flow.askedBy(view.id) : undefined
    const back = reason === "sent_back" ? reviews.reviews(view.id).at(-1) : undefined
    // Whoever looks again should know what has been said.
    const blind = shown.inspection.label === null && help.isBlind(view.id)
    return {
      inspection: blind ? withoutOpinion(shown.inspection) : shown.inspection,
      reason: shown.reason,
      ...(shown.why && { why: shown.why }),
      ...(askedBy !== undefined && { asked_by: askedBy }),
      comments: flow.countComments(view.id),
      criteria: criteria(),
      lease: { id: lease.id, expires_at: store.lease(lease.id)?.ends_at ?? lease.ends_at },
      waiting: Math.max(0, open(user) - 1),
      ...(back && { returned: { by: back.by.name, reason: back.reason, at: back.at } }),
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

  function storedReceipt({ row, duplicate, met }: Judged): Receipt {
    const { id, inspection_id, revision, stored_at, unseen = null } = row
    const other = unseen === null ? undefined : store.revision(inspection_id, unseen)
    return {
      id,
      inspection_id,
      revision,
      stored_at,
      duplicate,
      ...(other &&
        unseen !== null && { unseen: { revision: unseen, by: other.name, verdict: other.verdict } }),
      ...(met && { met }),
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
      before && before.verdict !== "withdrawn" && (before.user_id === user.id || sees(user).reviewer)
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
    const was = before !== undefined && before.verdict !== "withdrawn"
    if (row.verdict === "withdrawn") store.tally(dayOf(before?.stored_at ?? row.stored_at), user.id, -1)
    else if (!was) store.tally(dayOf(row.stored_at), user.id, 1)
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

  function announce(row: Stored, label: Pick<NewLabel, "kinds">, user: User): void {
    events.announce("label", {
      inspection_id: row.inspection_id,
      revision: row.revision,
      verdict: row.verdict,
      kinds: label.kinds,
      by: user.name,
    })
  }

  /** Announces what is on disk. */
  function told(user: User, judged: Judged): Receipt {
    if (!judged.duplicate) announce(judged.row, judged.label, user)
    return storedReceipt(judged)
  }

  return {
    /**
     * Leases the most valuable part to a session, or null when nothing waits for this person. One transaction: no part
     * and no picture is ever held by two sessions. `holding` are parts the session still has; their leases go on.
     */
    next(user: User, sessionId: string, holding: readonly string[], stock = false): LabelTask | null {
      const { task, isNew } = db.transaction(() => {
        const now = clock.now()
        const ends = now + (stock ? stockLeaseMs : leaseMs)
        store.dropEndedLeases(now)
        const again = heldAgain(sessionId, holding, now, ends)
        const lease = again ?? drawAny(user, sessionId, now, ends)
        return { task: lease ? taskOf(user, lease) : null, isNew: lease !== undefined && !again }
      })
      // Who works on what is shown to the others.
      if (isNew) events.announce("presence", {})
      return task
    },

    /**
     * Leases look-alikes to a session: a valuable part and others of its line, reason, kind and product, the nearest in
     * score first, and by chance known parts among them. Each has its own lease; fewer than `size` when there are no more.
     */
    batch(user: User, sessionId: string, size: number, holding: readonly string[]): LabelTask[] {
      return db.transaction(() => {
        const now = clock.now()
        store.dropEndedLeases(now)
        const ends = now + leaseMs
        heldAgain(sessionId, holding, now, ends)
        // What is to be judged without help must not stand among parts that give the answer away.
        const found = queue
          .lookAlikes(user.id, sees(user).reviewer, size)
          .filter(({ part }) => !help.isBlind(part.id))
        const leases: LeaseRow[] = []
        for (const { part, why } of found) {
          const check = looks.drawAmong(user, part.product_id, help.isBlind, now)
          if (check) leases.push(leaseOf(check, sessionId, now, ends))
          if (leases.length < size) leases.push(give(part, why, user, sessionId, now, ends))
          if (leases.length >= size) break
        }
        return leases.map((lease) => taskOf(user, lease))
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
     * first receipt. A lease that has ended, or somebody else's judgement meanwhile, refuses nothing: both are kept, and
     * `met` says what became of them. Throws `not_found`, `invalid`, and `conflict` (id used for something else, nothing to withdraw).
     */
    submit(user: User, sent: NewLabel, tabletId?: string): Receipt {
      return told(
        user,
        db.transaction(() => judge({ user, tabletId }, sent)),
      )
    },

    /** The same from a program with questions of its own, whose answers are kept in its words. */
    submitForeign: (user: User, sent: NewLabel): Receipt =>
      told(
        user,
        db.transaction(() => judge({ user }, sent, "program")),
      ),

    /**
     * Stores many judgements of one person in one transaction, as an import brings them. What is wrong with one concerns
     * that one alone: its answer is the problem.
     */
    submitAll(user: User, sent: readonly NewLabel[]): (Receipt | Problem)[] {
      const judged = db.transaction(() =>
        sent.map((label) => {
          try {
            return judge({ user }, label, "import")
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

    /** A reviewer's own label in place of the newest one, inside the transaction of the review. */
    fix(user: User, label: NewLabel): Stored {
      const part = inspections.view(label.inspection_id)
      if (!part) throw new Problem("not_found", "inspection", "there is no such part")
      const whole = withBoxes(label, part.image)
      checkLabel(whole, part)
      return append({ user }, whole, part, store.newest(part.id), { reviewed: "fixed" })
    },
    announce,
    /** The label a part has, whoever gave it; undefined when there is none, or it was taken back. */
    labelOf(inspectionId: string): LabelRow | undefined {
      const row = store.newest(inspectionId)
      return row?.verdict === "withdrawn" ? undefined : row
    },
    /** Of these parts the labels that were given first, by people who knew of no other. */
    firstOf: (parts: readonly string[]): LabelRow[] => store.firstOf(parts),
    /** One stored label by its id. */
    stored: (id: string): LabelRow | undefined => store.byId(id),

    /** Every revision of a part, oldest first, as far as this person is to see them. Throws `not_found`. */
    revisions(inspectionId: string, viewer?: User): LabelRevision[] {
      if (!inspections.view(inspectionId))
        throw new Problem("not_found", "inspection", "there is no such part")
      return (viewer && looks.veiledRevisions(viewer, inspectionId)) ?? store.revisions(inspectionId)
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

    /** The settled label that counts of every part that has one, in the order they were stored: all of them, to be learned from. */
    current: (): LabelledPart[] => store.settled(looks.plan().counts).map(labelledPart),
    /** How many parts are settled. */
    settled: (): number => store.countSettled(looks.plan().counts),
    /** NG parts that a station had passed, newest first, one a picture. */
    escapes: (limit: number): LabelledPart[] => store.escaped(limit, looks.plan().counts).map(labelledPart),
    /** Settled parts of a kind that were taken after `since`; undefined when there is none. */
    sightings(kind: string, since: number): Sighting | undefined {
      const row = store.sightings(kind, since, looks.plan().counts)
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
    const row: Omit<LabelRow, "n"> = {
      id: label.id,
      inspection_id: part.id,
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
    // Who names the revision they saw has seen what stands there, or has met it.
    const deliberate = label.base_revision !== undefined || isDeliberate(label, part)
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
    store.setKinds(part.id, label.verdict === "ng" ? label.kinds : [], takenAt(part), row.stored_at)
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
