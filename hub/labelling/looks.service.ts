import type { Drawing } from "#contract/drawing"
import type { InspectionView, LabelBox, LabelRevision, NewLabel, QueueReason, Why } from "#contract/labelling"
import { Problem } from "#contract/problem"
import type { CheckPlan, KnownPart, NewReference } from "#contract/review"
import { roles, type User } from "#contract/users"
import type { Actor, Audit } from "#platform/audit"
import type { Clock } from "#platform/clock"
import type { Ids } from "#platform/ids"
import type { Sqlite } from "#platform/sqlite"
import {
  askAgainAfterMs,
  chanceOf,
  isSameJudgement,
  looksBefore,
  noChecks,
  type Purpose,
  repeatAfterMs,
  repeatWithinMs,
  sharesOf,
} from "./check.rules.ts"
import { labelFault } from "./labelling.rules.ts"
import type { AnswerRow, LookCandidate, LookRow, LooksStore, OwnLook } from "./looks.store.ts"
import type { Queue } from "./queue.service.ts"
import type { ValuedStream } from "./value.rules.ts"

/** For this long a worker is shown their own answer in place of the part's label. */
const veiledMs = 7 * 24 * 60 * 60_000

export type LooksDeps = {
  db: Sqlite
  store: LooksStore
  inspections: {
    view(id: string): InspectionView | undefined
    /** Where the part waited when it came in. */
    firstPlace(id: string): { reason: QueueReason; stream: ValuedStream; chance: number | null } | null
  }
  queue: Pick<Queue, "worthAtFirst">
  /** The newest version of the criteria. */
  criteria: () => number
  hasKind: (key: string) => boolean
  audit: Audit
  clock: Clock
  ids: Ids
}

/** What a blind judgement said, with what it is compared with. */
export type Rating = {
  purpose: Purpose
  inspectionId: string
  by: { id: string; name: string }
  trial: number
  verdict: "ok" | "ng" | "unsure"
  kinds: string[]
  boxes: LabelBox[]
  at: number
  /** For a repeat: the person's own earlier label. */
  labelId: string | null
}

/**
 * Judgements of parts that have an answer already, made without knowing it: a second person's, one on a part whose truth
 * is known, a person's own once more, one of a study. To the person they are parts like all others.
 */
export function createLooks(deps: LooksDeps) {
  const { db, store, inspections, queue, criteria, hasKind, audit, clock, ids } = deps
  // Every draw and every label asks for it.
  let known: CheckPlan | undefined
  const plan = (): CheckPlan => {
    known ??= { ...noChecks, ...store.plan() }
    return known
  }

  function drawOne(purpose: Purpose, user: User, now: number) {
    const found = store.draw(purpose, {
      user: user.id,
      known: now - askAgainAfterMs,
      before: now - repeatAfterMs,
      after: now - repeatWithinMs,
    })
    return found && keep(found, purpose, user, now)
  }

  function keep(found: LookCandidate, purpose: Purpose, user: User, now: number) {
    const { image_sha256, ...of } = found
    const look: LookRow = { ...of, id: ids.uuid(), user_id: user.id, purpose, drawn_at: now }
    store.insertLook(look)
    return { id: look.id, inspection_id: look.inspection_id, image_sha256 }
  }

  const first = (purposes: readonly Purpose[], user: User, now: number) => {
    for (const purpose of purposes) {
      const drawn = drawOne(purpose, user, now)
      if (drawn) return drawn
    }
    return undefined
  }

  const isWorker = (user: User) => roles.indexOf(user.role) < roles.indexOf("reviewer")

  return {
    plan,
    /** Throws nothing; the plan has been parsed. */
    setPlan(by: Actor, next: CheckPlan): CheckPlan {
      db.transaction(() => {
        audit.record({ by, action: "checks.change", subject: "checks", before: plan(), after: next })
        store.putPlan(next, by.id, clock.now())
      })
      known = undefined
      return plan()
    },

    /** A blind look instead of the next part of the queue, by chance; its lease is still to be made. */
    drawBefore: (user: User, hasWork: boolean, now: number) =>
      // A name of its own: nobody can work out from the lease what it is for.
      first(looksBefore(plan(), chanceOf(ids.uuid()), hasWork), user, now),
    /**
     * A known part among look-alikes of its product, by the same chance as elsewhere: whoever confirms many at once must
     * look at them too. Parts that are shown without help are no look-alikes.
     */
    drawAmong(user: User, product: string | null, isBlind: (id: string) => boolean, now: number) {
      if (chanceOf(ids.uuid()) >= plan().known) return undefined
      const found = store.drawKnown({ user: user.id, since: now - askAgainAfterMs, product })
      return found && !isBlind(found.inspection_id) ? keep(found, "reference", user, now) : undefined
    },
    /** What is left to do when the queue is empty. */
    drawAfter: (user: User, now: number) => first(["study", "second"], user, now),

    find: (id: string) => store.look(id),
    /** Whether the person judges this part now as if nobody had. */
    isBlind: (user: string, inspection: string): boolean => store.isHeld(user, inspection),

    /** The part as the person of the look is to see it, and why it is shown: as if it came from the queue. */
    shown(
      look: LookRow,
      view: InspectionView,
    ): { inspection: InspectionView; reason: QueueReason; why: Why } {
      const { shadow, ...rest } = { ...view, label: null }
      const first = inspections.firstPlace(view.id)
      const hidesModel =
        look.purpose === "study" ||
        (look.purpose === "second" && sharesOf(plan(), view.device_id).blind_to_model)
      const waitedMs = Math.max(0, look.drawn_at - view.received_at)
      const worth = (stream: ValuedStream, chance: number | null) =>
        queue.worthAtFirst({ stream, chance, waitedMs })
      if (hidesModel || !first) {
        const blank = { line: "", reason: "audit", look: 1, band: 0, kind: "" } as const
        const why = worth({ ...blank, line: view.model?.line ?? "" }, null)
        const unseen: InspectionView = { ...rest, verdict: { eval: "undefined" }, findings: [] }
        return { inspection: hidesModel ? unseen : rest, reason: "audit", why }
      }
      const inspection = shadow ? { ...rest, shadow } : rest
      return { inspection, reason: first.reason, why: worth(first.stream, first.chance) }
    },

    /** The look that a label is the answer to, if it is one. `labelled` is when the person last labelled the part. */
    answeredBy(user: User, label: NewLabel, labelled: () => number | undefined): LookRow | undefined {
      if (label.lease_id !== undefined) {
        const look = store.look(label.lease_id)
        return look?.user_id === user.id && look.inspection_id === label.inspection_id ? look : undefined
      }
      const last = store.answeredLook(label.inspection_id, user.id)
      return last && last.stored_at >= (labelled() ?? 0) ? last : undefined
    },

    stored: (id: string) => store.answer(id),

    /** Stores one answer; a later one of the same look stands in its place. Throws `conflict`. */
    answer(look: LookRow, label: NewLabel): { row: AnswerRow; before: AnswerRow | undefined } {
      const before = store.lastAnswer(look.id)
      if (label.verdict === "withdrawn" && (!before || before.verdict === "withdrawn"))
        throw new Problem("conflict", "label_withdraw", "only one's own newest label can be withdrawn")
      const row: AnswerRow = {
        id: label.id,
        look_id: look.id,
        revision: (before?.revision ?? 0) + 1,
        verdict: label.verdict,
        kinds: JSON.stringify(label.kinds),
        boxes: JSON.stringify(label.boxes),
        drawing: label.drawing ? JSON.stringify(label.drawing) : null,
        accepted: label.accepted ? 1 : 0,
        shown_at: label.shown_at,
        decided_at: label.decided_at,
        active_ms: label.active_ms,
        stored_at: clock.now(),
      }
      store.insertAnswer(row)
      const { inspection_id: inspection, user_id: user, study_id: study, trial } = look
      const isOpen = label.verdict === "withdrawn"
      if (look.purpose === "second") {
        if (!isOpen) store.dropSecond(inspection)
        else if (!store.wantsSecond(inspection))
          store.want({ inspection, purpose: "second", user: null, study: null, trial, place: row.stored_at })
      }
      if (look.purpose === "study" && study !== null) {
        store.dropTrial({ inspection, user, study, trial })
        if (isOpen) store.want({ inspection, purpose: "study", user, study, trial, place: 0 })
      }
      return { row, before }
    },

    /** Workers see their own answer where others see the label: it must not tell them which part was a check. */
    veil(user: User, views: readonly InspectionView[]): InspectionView[] {
      if (!isWorker(user)) return [...views]
      const parts = views.map(({ id }) => id)
      const own = store.own(user.id, parts, clock.now() - veiledMs)
      return views.map((view) => {
        const look = own.get(view.id)
        return look ? { ...view, label: labelOf(look, user) } : view
      })
    },
    /** The same for a part's history; undefined when there is nothing to hide. */
    veiledRevisions(user: User, inspectionId: string): LabelRevision[] | undefined {
      if (!isWorker(user)) return undefined
      const look = store.own(user.id, [inspectionId], clock.now() - veiledMs).get(inspectionId)
      return look && revisionsOf(look, user, criteria())
    },

    /** Sets what is right about a part. Throws `not_found`, `invalid`. */
    setReference(by: User, inspectionId: string, asked: NewReference): void {
      const part = inspections.view(inspectionId)
      if (!part) throw new Problem("not_found", "inspection", "there is no such part")
      const fault = labelFault(asked, part.image)
      if (fault)
        throw new Problem(
          "invalid",
          `label_${fault}`,
          `this answer does not fit: ${fault.replaceAll("_", " ")}`,
        )
      const foreign = asked.kinds.find((kind) => !hasKind(kind))
      if (foreign !== undefined)
        throw new Problem("invalid", "label_kind", `the catalogue has no defect class ${foreign}`, {
          kind: foreign,
        })
      db.transaction(() => {
        const before = store.reference(inspectionId)
        audit.record({
          by,
          action: "reference.set",
          subject: `inspection:${inspectionId}`,
          before: before ? { verdict: before.verdict, kinds: JSON.parse(before.kinds) as string[] } : null,
          after: { verdict: asked.verdict, kinds: asked.kinds, handed_out: asked.handed_out },
        })
        store.putReference({
          inspection_id: inspectionId,
          verdict: asked.verdict,
          kinds: JSON.stringify(asked.kinds),
          boxes: JSON.stringify(asked.boxes),
          handed_out: asked.handed_out ? 1 : 0,
          user_id: by.id,
          at: clock.now(),
        })
      })
    },
    /** Takes the known answer of a part away. Throws `not_found`. */
    dropReference(by: Actor, inspectionId: string): void {
      db.transaction(() => {
        const before = store.reference(inspectionId)
        if (!before || !store.dropReference(inspectionId))
          throw new Problem("not_found", "known_part", "this part has no known answer")
        audit.record({
          by,
          action: "reference.drop",
          subject: `inspection:${inspectionId}`,
          before: { verdict: before.verdict, kinds: JSON.parse(before.kinds) as string[] },
          after: null,
        })
      })
    },
    reference(inspectionId: string): { verdict: "ok" | "ng"; kinds: string[] } | null {
      const row = store.reference(inspectionId)
      return row ? { verdict: row.verdict, kinds: JSON.parse(row.kinds) as string[] } : null
    },

    /** Parts with a known answer, newest first, and how people have done on them. */
    knownParts(): KnownPart[] {
      const { overlap } = plan()
      const asked = new Map<string, { asked: number; right: number }>()
      const answers = new Map(store.references().map((row) => [row.inspection_id, row]))
      for (const rating of store.ratings("", 0)) {
        const row = answers.get(rating.inspection_id)
        if (rating.purpose !== "reference" || !row) continue
        const count = asked.get(rating.inspection_id) ?? { asked: 0, right: 0 }
        const isRight = isSameJudgement(parsed(row), parsed(rating), overlap)
        asked.set(rating.inspection_id, {
          asked: count.asked + 1,
          right: count.right + (isRight ? 1 : 0),
        })
      }
      return [...answers.values()].flatMap((row) => {
        const inspection = inspections.view(row.inspection_id)
        if (!inspection) return []
        return {
          inspection,
          verdict: row.verdict,
          kinds: JSON.parse(row.kinds) as string[],
          boxes: JSON.parse(row.boxes) as LabelBox[],
          handed_out: row.handed_out === 1,
          by: row.name,
          at: row.at,
          ...(asked.get(row.inspection_id) ?? { asked: 0, right: 0 }),
        }
      })
    },
    /** What is right about every part whose truth is known. */
    truths: (): Map<string, { verdict: "ok" | "ng"; kinds: string[]; boxes: LabelBox[] }> =>
      new Map(store.references().map((row) => [row.inspection_id, { ...parsed(row), verdict: row.verdict }])),

    /** Blind judgements since a time; with a study its own, without one all others. */
    ratings: (since: number, study = ""): Rating[] =>
      store.ratings(study, since).map((row) => ({
        purpose: row.purpose,
        inspectionId: row.inspection_id,
        by: { id: row.user_id, name: row.name },
        trial: row.trial,
        verdict: row.verdict,
        kinds: JSON.parse(row.kinds) as string[],
        boxes: JSON.parse(row.boxes) as LabelBox[],
        at: row.stored_at,
        labelId: row.label_id,
      })),

    /** Asks people to judge parts blind, in this order; they get them between their other parts. */
    askFor(
      study: string,
      asked: readonly { inspection: string; user: string; trial: number; place: number }[],
    ): void {
      for (const of of asked) store.want({ ...of, purpose: "study", study })
    },
    stopAsking: (study: string) => store.dropStudy(study),
    stillAsked: (study: string) => store.openTrials(study),
    /** Whether two judgements say the same, as the plan has it. */
    isSame: (a: Parameters<typeof isSameJudgement>[0], b: Parameters<typeof isSameJudgement>[1]): boolean =>
      isSameJudgement(a, b, plan().overlap),
    seconds: (inspectionId: string) => store.seconds(inspectionId),
    /** Of these parts, those whose pictures people are still to be shown. */
    needed: (parts: readonly string[]) => store.needed(parts),
  }
}
export type Looks = ReturnType<typeof createLooks>

const parsed = <V extends string>({
  verdict,
  kinds,
  boxes,
}: {
  verdict: V
  kinds: string
  boxes: string
}) => ({
  verdict,
  kinds: JSON.parse(kinds) as string[],
  boxes: JSON.parse(boxes) as LabelBox[],
})

function labelOf(look: OwnLook, user: User): InspectionView["label"] {
  if (look.verdict === null || look.verdict === "withdrawn") return null
  const { verdict, kinds, stored_at } = look
  return {
    verdict,
    kinds: JSON.parse(kinds ?? "[]") as string[],
    by: user.name,
    at: stored_at ?? 0,
    revision: 1,
  }
}

function revisionsOf(look: OwnLook, user: User, criteria: number): LabelRevision[] {
  const { verdict, answer_id, inspection_id, kinds, boxes, drawing, accepted, ...at } = look
  if (verdict === null || answer_id === null) return []
  return [
    {
      id: answer_id,
      inspection_id,
      revision: 1,
      verdict,
      kinds: JSON.parse(kinds ?? "[]") as string[],
      boxes: JSON.parse(boxes ?? "[]") as LabelBox[],
      ...(drawing !== null && { drawing: JSON.parse(drawing) as Drawing }),
      accepted: accepted === 1,
      criteria,
      by: { id: user.id, name: user.name },
      shown_at: at.shown_at ?? 0,
      decided_at: at.decided_at ?? 0,
      stored_at: at.stored_at ?? 0,
      active_ms: at.active_ms ?? 0,
    },
  ]
}
