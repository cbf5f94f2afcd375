import { createHash } from "node:crypto"
import type { InspectionView, LabelRevision, NewLabel, QueueReason } from "#contract/labelling"
import type { PartDeed, PartRow, PartSkip } from "#contract/parts"
import { Problem } from "#contract/problem"
import type { User } from "#contract/users"
import type { Actor } from "#platform/audit"
import type { Clock } from "#platform/clock"

type Priority = { reason: QueueReason; rank: number }
export type DeedsDeps = {
  inspections: {
    firstPriority(id: string): Priority | null
    setQueue(id: string, queue: Priority | null): void
    rankOf(reason: QueueReason): number
    hold(id: string, by: Actor, at: number, reason: string): boolean
    release(id: string): boolean
  }
  labelling: {
    submitAll(user: User, labels: readonly NewLabel[]): readonly unknown[]
    contested(parts: readonly string[]): Set<string>
    newest(id: string): LabelRevision | undefined
    stored(labelId: string): unknown
  }
  hasKind: (key: string) => boolean
  dataset: {
    splitOf(part: string | null, image: string): "train" | "calib" | "golden" | undefined
    choose(part: string | null, image: string, side: "golden" | "train"): string[]
    unchoose(identities: readonly string[], image: string): boolean
    leaveOut(id: string): boolean
    takeBack(id: string): boolean
    isLeftOut(id: string): boolean
  }
  clock: Clock
}
/** A part in an action: what it is now, and what the action knows of it. */
export type Subject = { action: string; row: PartRow }
/** What became of a part: changed, with what it needs to be put back, or left as it is. */
export type Outcome = { before: unknown } | { skip: PartSkip }

/** Something done to many parts, one by one: whether it would change a part, doing it, and taking it back. */
export type Deed = {
  check: (of: Subject) => PartSkip | null
  /** Of up to a hundred parts; what it writes of its own is on disk or inside the caller's transaction. */
  apply: (by: User, of: readonly Subject[]) => Outcome[]
  /** False where somebody has changed the part since. */
  undo: (by: User, of: Subject, before: unknown) => boolean
  /** Labels are announced as they are committed, so they bring their own transaction. */
  ownTransaction: boolean
}

/** Waits for somebody's decision on labels that are there: no bulk action may settle that. */
const undecided: readonly QueueReason[] = ["disagreement", "unsure_label", "sent_back", "skipped"]

export function createDeeds(deps: DeedsDeps) {
  const { inspections, labelling, hasKind, dataset, clock } = deps

  /** Every part for itself. */
  const each = (
    check: Deed["check"],
    apply: (by: User, of: Subject) => unknown,
    undo: Deed["undo"],
  ): Deed => ({
    check,
    undo,
    ownTransaction: false,
    apply: (by, of) =>
      of.map((subject) => {
        const skip = check(subject)
        return skip ? { skip } : { before: apply(by, subject) }
      }),
  })

  function queueDeed(place: "first" | "usual" | "out"): Deed {
    const target = ({ inspection, waits }: PartRow): QueueReason | null => {
      if (place === "out") return null
      if (place === "first") return "wanted"
      if (inspection.label) return "second_opinion"
      return waits === "wanted" || waits === null
        ? (inspections.firstPriority(inspection.id)?.reason ?? null)
        : waits
    }
    const check = ({ row }: Subject): PartSkip | null => {
      const { inspection, waits } = row
      if (inspection.image === null) return "no_picture"
      if (waits !== null && inspection.label !== null && undecided.includes(waits)) return "contested"
      if (place === "out") return waits === null ? "not_waiting" : null
      const wanted = target(row)
      if (wanted === null) return "no_picture"
      return wanted === waits ? "same" : null
    }
    const priority = (reason: QueueReason | null) =>
      reason === null ? null : { reason, rank: inspections.rankOf(reason) }
    return each(
      check,
      (_by, { row }) => {
        const to = target(row)
        inspections.setQueue(row.inspection.id, priority(to))
        return { from: row.waits, to }
      },
      (_by, { row }, before) => {
        const { from, to } = before as { from: QueueReason | null; to: QueueReason | null }
        // Somebody has judged it since, or moved it again.
        if (row.waits !== to) return false
        inspections.setQueue(row.inspection.id, priority(from))
        return true
      },
    )
  }

  const holdDeed = (reason: string): Deed =>
    each(
      ({ row }) => (row.inspection.held ? "held" : null),
      (by, { row }) => {
        inspections.hold(row.inspection.id, by, clock.now(), reason)
        return {}
      },
      (_by, { row }) => inspections.release(row.inspection.id),
    )

  function datasetDeed(side: "golden" | "training" | "out"): Deed {
    if (side === "out")
      return each(
        ({ row }) => (dataset.isLeftOut(row.inspection.id) ? "same" : null),
        (_by, { row }) => {
          dataset.leaveOut(row.inspection.id)
          return {}
        },
        (_by, { row }) => dataset.takeBack(row.inspection.id),
      )
    const imageOf = ({ image }: InspectionView) => image?.sha256 ?? ""
    return each(
      ({ row: { inspection } }) => {
        if (inspection.image === null) return "no_picture"
        if (inspection.label === null || inspection.label.verdict === "unsure") return "unlabelled"
        const split = dataset.splitOf(inspection.part_id, inspection.image.sha256)
        if (split === undefined) return null
        return (split === "golden") === (side === "golden") ? "same" : "other_side"
      },
      (_by, { row: { inspection } }) =>
        dataset.choose(inspection.part_id, imageOf(inspection), side === "golden" ? "golden" : "train"),
      (_by, { row: { inspection } }, before) => dataset.unchoose(before as string[], imageOf(inspection)),
    )
  }

  function labelDeed(verdict: "ok" | "ng", kinds: readonly string[]): Deed {
    if (verdict === "ok" ? kinds.length > 0 : kinds.length === 0)
      throw new Problem("invalid", "parts_label_kinds", "NG needs a defect class, and OK has none")
    const foreign = kinds.find((kind) => !hasKind(kind))
    if (foreign !== undefined)
      throw new Problem("invalid", "label_kind", `the catalogue has no defect class ${foreign}`, {
        kind: foreign,
      })
    const check = ({ row: { inspection } }: Subject): PartSkip | null => {
      if (inspection.image === null) return "no_picture"
      if (inspection.label !== null) return "labelled"
      return labelling.contested([inspection.id]).size > 0 ? "contested" : null
    }
    const labelFor = (of: Subject, said: NewLabel["verdict"], why: string): NewLabel => ({
      id: labelId(of, why),
      inspection_id: of.row.inspection.id,
      verdict: said,
      kinds: said === "ng" ? [...kinds] : [],
      boxes: [],
      accepted: false,
      shown_at: clock.now(),
      decided_at: clock.now(),
      active_ms: 0,
    })
    return {
      check,
      ownTransaction: true,
      apply(by, of) {
        // What a killed hub had stored already is done.
        const skips = of.map((one) => (labelling.stored(labelId(one, "label")) ? null : check(one)))
        const taken = of.filter((one, i) => skips[i] === null && !labelling.stored(labelId(one, "label")))
        const answers = labelling.submitAll(
          by,
          taken.map((one) => labelFor(one, verdict, "label")),
        )
        const refused = new Set(taken.filter((_, i) => answers[i] instanceof Problem))
        return of.map((one, i) => {
          const skip = skips[i] ?? (refused.has(one) ? "refused" : null)
          return skip ? { skip } : { before: { label: labelId(one, "label") } }
        })
      },
      undo(by, of, before) {
        const { label } = before as { label: string }
        const newest = labelling.newest(of.row.inspection.id)
        if (newest?.id === labelId(of, "undo")) return true
        if (newest?.id !== label) return false
        const [answer] = labelling.submitAll(by, [labelFor(of, "withdrawn", "undo")])
        return !(answer instanceof Problem)
      },
    }
  }

  return {
    /** Throws `invalid` for a label that fits no part. */
    of(deed: PartDeed): Deed {
      switch (deed.kind) {
        case "queue":
          return queueDeed(deed.place)
        case "hold":
          return holdDeed(deed.reason)
        case "dataset":
          return datasetDeed(deed.side)
        case "label":
          return labelDeed(deed.verdict, deed.kinds)
      }
    },
  }
}
export type Deeds = ReturnType<typeof createDeeds>

/** The same label for the same part of the same action, however often it is tried (RFC 9562, version 8). */
function labelId({ action, row }: Subject, why: string): string {
  const hex = createHash("sha256").update(`${why} ${action} ${row.inspection.id}`).digest("hex")
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
