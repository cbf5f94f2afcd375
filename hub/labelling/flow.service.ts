import type * as v from "valibot"
import type {
  Colleague,
  Comment,
  DeedReceipt,
  Mention,
  NewComment,
  NewDeed,
  NewSecondOpinion,
  NewSkip,
  SkipCount,
} from "#contract/flow"
import type { InspectionView, QueueReason } from "#contract/labelling"
import { Problem } from "#contract/problem"
import type { User } from "#contract/users"
import type { Clock } from "#platform/clock"
import type { Events } from "#platform/events"
import type { Sqlite } from "#platform/sqlite"
import type { FlowStore } from "./flow.store.ts"
import { leaseMs } from "./labelling.rules.ts"
import type { LabellingStore } from "./labelling.store.ts"

/** A part that so many people have given back goes to those who review. */
const skipsToReview = 2
const skipsCountedMs = 30 * 24 * 60 * 60_000
const mentionsShown = 50
/** What was done longer ago than a tablet keeps its passes was done at an unknown time. */
const latestMs = 30 * 24 * 60 * 60_000

export type FlowDeps = {
  db: Sqlite
  store: FlowStore
  leases: Pick<LabellingStore, "dropLeaseOf" | "retakeLease" | "judgedAfter" | "reason">
  inspections: {
    view(id: string): InspectionView | undefined
    /** Why the part was put into the queue when it came in; null when it never was. */
    firstPriority(id: string): { reason: QueueReason; rank: number } | null
    rankOf(reason: QueueReason): number
    setQueue(id: string, queue: { reason: QueueReason; rank: number } | null): void
  }
  people: { list(): User[] }
  /** Whether the person judges the part as if nobody had: what they do with it is theirs alone. */
  isBlind: (user: string, inspection: string) => boolean
  events: Events
  clock: Clock
}
export type Flow = ReturnType<typeof createFlow>

/** What people do with a part beside judging it: give it back, ask others, talk about it. */
export function createFlow(deps: FlowDeps) {
  const { db, store, leases, inspections, people, isBlind, events, clock } = deps
  function demandPart(id: string): void {
    if (!inspections.view(id)) throw new Problem("not_found", "inspection", "there is no such part")
  }
  const colleagues = () => people.list().filter((user) => !user.disabled)

  /** Whether it is new. */
  function addComment(
    by: User,
    inspection: string,
    asked: v.InferOutput<typeof NewComment>,
    at: number,
  ): boolean {
    const known = store.comment(asked.id)
    if (known) {
      if (known.inspection_id === inspection && known.user_id === by.id) return false
      throw new Problem("conflict", "comment_id", "this id was used for another comment")
    }
    const known_people = new Set(colleagues().map(({ id }) => id))
    const stranger = asked.mentions.find((id) => !known_people.has(id))
    if (stranger !== undefined)
      throw new Problem("invalid", "colleague", "there is no such person to mention")
    store.insertComment({ id: asked.id, inspection, user: by.id, text: asked.text, at }, asked.mentions)
    return true
  }

  /** Whether it is new. */
  function skip(by: User, asked: v.InferOutput<typeof NewSkip>, at: number): boolean {
    const isNew = db.transaction(() => {
      const known = store.skip(asked.id)
      if (known) {
        if (known.inspection_id === asked.inspection_id && known.user_id === by.id) return false
        throw new Problem("conflict", "skip_id", "this id was used for another part")
      }
      demandPart(asked.inspection_id)
      const { id, inspection_id: inspection, reason, note } = asked
      store.insertSkip({ id, inspection, user: by.id, reason, note, at })
      leases.dropLeaseOf(inspection, by.id)
      const waits = leases.reason(inspection)
      const first = waits !== null && waits !== "second_opinion" && waits !== "unsure_label"
      if (first && store.skippers(inspection) >= skipsToReview)
        inspections.setQueue(inspection, { reason: "skipped", rank: inspections.rankOf("skipped") })
      return true
    })
    events.announce("label", { inspection_id: asked.inspection_id })
    return isNew
  }

  /** Whether it is new. With the session that had the part it is held again, where nobody else holds it. */
  function unskip(by: User, asked: v.InferOutput<typeof NewDeed> & { do: "unskip" }, session?: string) {
    const isNew = db.transaction(() => {
      const { skip: id, inspection_id: inspection, lease_id: lease } = asked
      const known = store.skip(id)
      if (known?.inspection_id !== inspection || known.user_id !== by.id)
        throw new Problem("not_found", "skip", "there is no such skip of this person to take back")
      if (known.undone_at !== null) return false
      const now = clock.now()
      store.undoSkip(id, now)
      if (leases.reason(inspection) === "skipped" && store.skippers(inspection) < skipsToReview)
        inspections.setQueue(inspection, inspections.firstPriority(inspection))
      if (lease !== undefined && session !== undefined)
        leases.retakeLease({
          id: lease,
          inspection_id: inspection,
          session_id: session,
          drawn_at: now,
          ends_at: now + leaseMs,
        })
      return true
    })
    events.announce("label", { inspection_id: asked.inspection_id })
    return isNew
  }

  /** Whether it is new. `base` is the revision the person saw, where that is known. */
  function ask(by: User, asked: v.InferOutput<typeof NewSecondOpinion>, at: number, base?: number): boolean {
    const isNew = db.transaction(() => {
      const known = store.opinion(asked.id)
      if (known) {
        if (known.inspection_id === asked.inspection_id && known.asked_by === by.id) return false
        throw new Problem("conflict", "opinion_id", "this id was used for another part")
      }
      demandPart(asked.inspection_id)
      if (asked.to !== null && (asked.to === by.id || !colleagues().some(({ id }) => id === asked.to)))
        throw new Problem("invalid", "colleague", "there is no such person to ask")
      const { id, inspection_id: inspection, to, note } = asked
      const blind = isBlind(by.id, inspection)
      // It came late, and somebody has given their opinion meanwhile.
      const given = base !== undefined && leases.judgedAfter(inspection, base, by.id)
      if (!blind)
        store.insertOpinion({ id, inspection, by: by.id, of: to, at, closed: given ? clock.now() : null })
      // Under the id of the ask, so that a repeat says nothing twice.
      if (note !== undefined)
        addComment(by, inspection, { id, text: note, mentions: to === null ? [] : [to] }, at)
      leases.dropLeaseOf(inspection, by.id)
      if (blind || given) return true
      const rank = inspections.rankOf("second_opinion")
      inspections.setQueue(inspection, { reason: "second_opinion", rank })
      return true
    })
    events.announce("label", { inspection_id: asked.inspection_id })
    events.announce("comment", { inspection_id: asked.inspection_id, mentions: asked.to ? [asked.to] : [] })
    return isNew
  }

  /** Whether it is new. */
  function comment(
    by: User,
    inspection: string,
    asked: v.InferOutput<typeof NewComment>,
    at: number,
  ): boolean {
    demandPart(inspection)
    const isNew = db.transaction(() => addComment(by, inspection, asked, at))
    if (isNew) events.announce("comment", { inspection_id: inspection, mentions: asked.mentions })
    return isNew
  }

  /** A tablet whose clock is far off is not believed. */
  const madeAt = (said: number) => {
    const now = clock.now()
    return said > now || now - said > latestMs ? now : said
  }

  function done(by: User, deed: v.InferOutput<typeof NewDeed>, session?: string): boolean {
    const at = madeAt(deed.made_at)
    switch (deed.do) {
      case "skip":
        return skip(by, deed, at)
      case "unskip":
        return unskip(by, deed, session)
      case "ask":
        return ask(by, deed, at, deed.base_revision)
      case "comment":
        return comment(by, deed.inspection_id, deed, at)
    }
  }

  return {
    /** Gives a part back unjudged. The same id again changes nothing. Throws `not_found`, `conflict`. */
    skip: (by: User, asked: v.InferOutput<typeof NewSkip>): void => void skip(by, asked, clock.now()),
    skips: (): SkipCount[] => store.skips(clock.now() - skipsCountedMs),

    /** Lets somebody else judge. The same id again changes nothing. Throws `not_found`, `conflict`, `invalid`. */
    askOpinion: (by: User, asked: v.InferOutput<typeof NewSecondOpinion>): void =>
      void ask(by, asked, clock.now()),

    /** Any of them as a tablet sends it, perhaps late. Throws `not_found`, `conflict`, `invalid`. */
    take(by: User, deed: v.InferOutput<typeof NewDeed>, session?: string): DeedReceipt {
      const isNew = done(by, deed, session)
      return {
        id: deed.id,
        inspection_id: deed.inspection_id,
        stored_at: clock.now(),
        duplicate: !isNew,
      }
    },

    /** Says something about a part. Throws `not_found`, `conflict`, `invalid`. */
    comment(by: User, inspection: string, asked: v.InferOutput<typeof NewComment>): Comment {
      comment(by, inspection, asked, clock.now())
      return store.comments(inspection).find(({ id }) => id === asked.id)!
    },
    /** What was said about a part, oldest first. Throws `not_found`. */
    comments(inspection: string): Comment[] {
      demandPart(inspection)
      return store.comments(inspection)
    },
    /** Comments that mention a person, newest first. */
    mentions: (user: string): Mention[] =>
      store.mentions(user, mentionsShown).flatMap(({ comment, seen }) => {
        const inspection = inspections.view(comment.inspection_id)
        return inspection ? [{ comment, inspection, seen }] : []
      }),
    see: (user: string, comments: readonly string[]): void => store.see(user, comments, clock.now()),
    /** Whom one can mention or ask. */
    colleagues: (): Colleague[] => colleagues().map(({ id, name, role }) => ({ id, name, role })),
  }
}
