import type { InspectionView, LabelTask, QueueReason, Why } from "#contract/labelling"
import type { User } from "#contract/users"
import type { Clock } from "#platform/clock"
import type { Events } from "#platform/events"
import type { Ids } from "#platform/ids"
import type { Sqlite } from "#platform/sqlite"
import type { FlowStore } from "./flow.store.ts"
import { extendAfterMs, leaseMs, reissueAfterMs, stockLeaseMs } from "./labelling.rules.ts"
import type { LabellingStore, LeaseRow } from "./labelling.store.ts"
import type { Looks } from "./looks.service.ts"
import type { Queue } from "./queue.service.ts"
import type { ReviewStore } from "./review.store.ts"
import { isReviewer } from "./standing.service.ts"

export type LeaseDeps = {
  db: Sqlite
  store: LabellingStore
  queue: Queue
  reviews: Pick<ReviewStore, "returned" | "reviews">
  looks: Looks
  flow: Pick<FlowStore, "askedOf" | "askedBy" | "countComments">
  /** The newest version of the criteria. */
  criteria: () => number
  inspections: {
    view(id: string): InspectionView | undefined
    setQueue(id: string, queue: { reason: QueueReason; rank: number } | null): void
    waiting(): { look: 1 | 2; reason: QueueReason; waiting: number }[]
  }
  /** Which parts are shown without help. */
  help: { isBlind(id: string): boolean }
  events: Events
  clock: Clock
  ids: Ids
}

/** Drawn because somebody asked this person, whatever the part is worth. */
const asWhenAsked: Why = { value: 0, shares: [] }

/** A part that was drawn and is not leased yet. */
type Drawn = Pick<LeaseRow, "id" | "inspection_id" | "image_sha256">
/** A part in somebody's hand, and what it was worth where it has just been drawn from the queue. */
type Given = { lease: LeaseRow; why?: Why }

/**
 * Who may judge which part now: parts are drawn, leased for minutes, and come back when a lease ends. None of it waits for the
 * disk: a lease that a power cut takes is a part that somebody else may draw, and two labels of one part are met anyway.
 */
export function createLeases(deps: LeaseDeps) {
  const { db, store, queue, reviews, looks, flow, criteria, inspections, help, events, clock, ids } = deps

  /** Parts this person may be given, beside those sent back to somebody. */
  const open = (user: User) =>
    inspections
      .waiting()
      .filter(({ look, reason }) => reason !== "sent_back" && (look === 1 || isReviewer(user)))
      .reduce((sum, { waiting }) => sum + waiting, 0)

  function leaseOf(of: Drawn, sessionId: string, now: number, ends_at: number): LeaseRow {
    const row: LeaseRow = { ...of, session_id: sessionId, drawn_at: now, ends_at }
    store.putLease(row)
    return row
  }

  /** What comes before the queue (own labels sent back, by chance a blind look), the queue, and what comes after it. */
  function drawAny(user: User, sessionId: string, now: number, ends_at: number): Given | undefined {
    const lease = (of: Drawn | undefined) => of && { lease: leaseOf(of, sessionId, now, ends_at) }
    const back = reviews.returned(user.id)
    if (back) return lease({ ...back, id: ids.uuid() })
    // Whoever waits for this very person comes before any check.
    const asked = flow.askedOf(user.id)
    if (asked) return give(asked, asWhenAsked, user, sessionId, now, ends_at)
    const before = looks.drawBefore(user, open(user) > 0, now)
    return lease(before) ?? drawNew(user, sessionId, now, ends_at) ?? lease(looks.drawAfter(user, now))
  }

  /** Takes a part nobody else holds; parts whose picture has been judged leave the queue on the way. */
  function drawNew(user: User, sessionId: string, now: number, ends_at: number): Given | undefined {
    for (;;) {
      const head = queue.head(user.id, isReviewer(user))
      if (!head) return undefined
      const { part, why } = head
      if (!part.seen) return give(part, why, user, sessionId, now, ends_at)
      inspections.setQueue(part.id, null)
    }
  }

  function give(
    { id: inspection_id, image_sha256 }: { id: string; image_sha256: string },
    why: Why,
    user: User,
    sessionId: string,
    now: number,
    ends_at: number,
  ): Given {
    const lease = leaseOf({ id: ids.uuid(), inspection_id, image_sha256 }, sessionId, now, ends_at)
    queue.log(lease, user.id, why)
    return { lease, why }
  }

  function taskOf(user: User, { lease, why }: Given): LabelTask {
    const view = inspections.view(lease.inspection_id)
    const look = why ? undefined : looks.find(lease.id)
    const reason = look ? null : store.reason(lease.inspection_id)
    if (!view || (!look && !reason)) throw new Error(`${lease.inspection_id} is leased and does not wait`)
    const shown = look
      ? looks.shown(look, view)
      : { inspection: view, reason: reason!, why: why ?? queue.whyOf(lease.id) }
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
      lease: { id: lease.id, expires_at: lease.ends_at },
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
      const isOld = ends_at - lease.ends_at >= extendAfterMs
      if (isOld) store.extendLease(lease.id, ends_at)
      if (!held) forgotten = isOld ? { ...lease, ends_at } : lease
    }
    return forgotten
  }

  return {
    /**
     * Leases the most valuable part to a session, or null when nothing waits for this person. One transaction: no part
     * and no picture is ever held by two sessions. `holding` are parts the session still has; their leases go on.
     */
    next(user: User, sessionId: string, holding: readonly string[], stock = false): LabelTask | null {
      const { task, isNew } = db.transactionAhead(() => {
        const now = clock.now()
        const ends = now + (stock ? stockLeaseMs : leaseMs)
        store.dropEndedLeases(now)
        const again = heldAgain(sessionId, holding, now, ends)
        const given = again ? { lease: again } : drawAny(user, sessionId, now, ends)
        return { task: given ? taskOf(user, given) : null, isNew: given !== undefined && !again }
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
      return db.transactionAhead(() => {
        const now = clock.now()
        store.dropEndedLeases(now)
        const ends = now + leaseMs
        heldAgain(sessionId, holding, now, ends)
        // What is to be judged without help must not stand among parts that give the answer away.
        const found = queue
          .lookAlikes(user.id, isReviewer(user), size)
          .filter(({ part }) => !help.isBlind(part.id))
        const given: Given[] = []
        for (const { part, why } of found) {
          const check = looks.drawAmong(user, part.product_id, help.isBlind, now)
          if (check) given.push({ lease: leaseOf(check, sessionId, now, ends) })
          if (given.length < size) given.push(give(part, why, user, sessionId, now, ends))
          if (given.length >= size) break
        }
        return given.map((one) => taskOf(user, one))
      })
    },

    /** Of these parts, those that are still leased to the session; their leases go on. */
    renew(sessionId: string, holding: readonly string[], stock = false): string[] {
      return db.transactionAhead(() => {
        const now = clock.now()
        store.dropEndedLeases(now)
        const held = store.leasesOf(sessionId).filter((lease) => holding.includes(lease.inspection_id))
        const ends_at = now + (stock ? stockLeaseMs : leaseMs)
        for (const lease of held)
          if (ends_at - lease.ends_at >= extendAfterMs) store.extendLease(lease.id, ends_at)
        return held.map((lease) => lease.inspection_id)
      })
    },
  }
}

/** A part as nobody has judged it: what no model has said cannot lead anybody. */
const withoutOpinion = ({ shadow: _, ...part }: InspectionView): InspectionView => ({
  ...part,
  verdict: { eval: "undefined" },
  findings: [],
})
