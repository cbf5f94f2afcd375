import type { InspectionView, LabelRevision } from "#contract/labelling"
import { Problem } from "#contract/problem"
import type { User } from "#contract/users"
import type { LabelledPart, LabellingStore, LabelRow } from "./labelling.store.ts"
import type { Looks } from "./looks.service.ts"

export type LabelledDeps = {
  store: LabellingStore
  looks: Looks
  inspections: { view(id: string): InspectionView | undefined }
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

type Sighting = { labels: number; firstSeenAt: number; firstLabelledAt: number }

/** What people have said of parts, for those who learn from it, show it or pass it on. */
export function createLabelled({ store, looks, inspections }: LabelledDeps) {
  return {
    /** The newest revision of a part, whatever it says. */
    newest: (inspectionId: string): LabelRevision | undefined => store.revisions(inspectionId).at(-1),

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

    /** The settled label that counts of every part that has one, in the order they were stored: all of them, to be learned from. `lots`: with their lots. */
    current: (lots = false): LabelledPart[] => store.settled(looks.plan().counts, lots),
    /** Whether any part stands as good. */
    hasGood: (): boolean => store.hasGood(),
    /** How many parts are settled. */
    settled: (): number => store.countSettled(looks.plan().counts),
    /** Parts of each kind that a newest label names. */
    byKind: (): Record<string, number> =>
      Object.fromEntries(store.labelsByKind().map(({ kind, labels }) => [kind, labels])),
    /** NG parts that a station had passed, newest first, one a picture. */
    escapes: (limit: number): LabelledPart[] => store.escaped(limit, looks.plan().counts),
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
}
