import * as v from "valibot"
import { DatasetSplit } from "./dataset.ts"
import { Count, DefectKey, Instant, Key, Sha256, Uuid } from "./ids.ts"
import { InspectionView, LabelRevision, QueueReason } from "./labelling.ts"
import { mostFilterLetters } from "./part-filter.ts"
import { Reviewed, ReviewState } from "./review.ts"

export const FilterText = v.pipe(v.string(), v.maxLength(mostFilterLetters))

/** A part as lists show it. */
export const PartRow = v.object({
  inspection: InspectionView,
  lot: v.nullable(v.string()),
  /** Why it waits for a person; null when it does not. */
  waits: v.nullable(QueueReason),
})
export type PartRow = v.InferOutput<typeof PartRow>

/**
 * GET /api/parts: the newest first. A page may hold fewer than were asked for, even none, and still have a `next`: a rare
 * combination is searched piece by piece, so that no question keeps others waiting. `searched_to` says how far back.
 */
export const PartPage = v.object({
  items: v.array(PartRow),
  next: v.nullable(v.string()),
  searched_to: v.nullable(Instant),
})
export type PartPage = v.InferOutput<typeof PartPage>

/** GET /api/parts/count: exact when `more` is false, else at least so many. */
export const PartCount = v.object({ count: Count, more: v.boolean() })
export type PartCount = v.InferOutput<typeof PartCount>

/** What a builder offers; the most frequent things only. */
export const PartChoices = v.object({
  stations: v.array(v.string()),
  products: v.array(v.string()),
  models: v.array(v.object({ digest: Sha256, parts: Count })),
  datasets: v.array(v.object({ name: v.string(), digest: Sha256, created_at: Instant })),
})
export type PartChoices = v.InferOutput<typeof PartChoices>

const ViewName = v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(80))
export const PartLook = v.picklist(["grid", "table"])
export type PartLook = v.InferOutput<typeof PartLook>
/** PUT /api/parts/views/:id: a filter somebody keeps, for themselves or for everybody. */
export const NewPartView = v.object({
  name: ViewName,
  filter: FilterText,
  look: PartLook,
  shared: v.boolean(),
})
export type NewPartView = v.InferOutput<typeof NewPartView>
export const PartView = v.object({
  id: Uuid,
  ...NewPartView.entries,
  by: v.object({ id: v.string(), name: v.string() }),
  changed_at: Instant,
})
export type PartView = v.InferOutput<typeof PartView>

/** What can be done to many parts at once. */
export const PartDeed = v.variant("kind", [
  /** `first`: before everything else; `usual`: where such parts wait; `out`: nobody has to look. */
  v.object({ kind: v.literal("queue"), place: v.picklist(["first", "usual", "out"]) }),
  v.object({
    kind: v.literal("hold"),
    reason: v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(300)),
  }),
  /** Labelled parts: on which side of the wall they stand from now on, or that no version takes them. */
  v.object({ kind: v.literal("dataset"), side: v.picklist(["golden", "training", "out"]) }),
  v.object({
    kind: v.literal("label"),
    verdict: v.picklist(["ok", "ng"]),
    kinds: v.pipe(v.array(DefectKey), v.maxLength(16)),
  }),
])
export type PartDeed = v.InferOutput<typeof PartDeed>

export const mostParts = 10_000
/** Which parts: those that were ticked, or all that a filter finds up to a moment (`through` of its preview). */
export const PartChoice = v.variant("of", [
  v.object({ of: v.literal("ids"), ids: v.pipe(v.array(Uuid), v.minLength(1), v.maxLength(500)) }),
  v.object({ of: v.literal("filter"), filter: FilterText, through: v.optional(Count) }),
])
export type PartChoice = v.InferOutput<typeof PartChoice>

/** Why a part is left as it is. */
export const PartSkip = v.picklist([
  "no_picture",
  "labelled",
  "unlabelled",
  "waits",
  "held",
  "not_waiting",
  "other_side",
  "same",
  "contested",
  "changed",
  "refused",
])
export type PartSkip = v.InferOutput<typeof PartSkip>

/** POST /api/parts/actions/preview: what would happen. Nothing does. */
export const PartPreviewRequest = v.object({ deed: PartDeed, choice: PartChoice })
export const PartPreview = v.object({
  /** Parts that are meant, and those of them that would change. */
  parts: Count,
  changes: Count,
  skips: v.record(v.string(), Count),
  /** More are meant than one action takes. */
  too_many: v.boolean(),
  sample: v.array(InspectionView),
  /** Parts that come later are not meant. */
  through: Count,
})
export type PartPreview = v.InferOutput<typeof PartPreview>

/** POST /api/parts/actions. `id` is made by the screen: the same again does nothing twice. */
export const NewPartAction = v.object({ id: Uuid, deed: PartDeed, choice: PartChoice })
export type NewPartAction = v.InferOutput<typeof NewPartAction>

export const PartAction = v.object({
  id: Uuid,
  deed: PartDeed,
  /** As it was written; null where parts were ticked. */
  filter: v.nullable(v.string()),
  by: v.object({ id: v.string(), name: v.string() }),
  at: Instant,
  state: v.picklist(["running", "done", "undoing", "undone"]),
  parts: Count,
  changed: Count,
  skips: v.record(v.string(), Count),
  undone_at: v.nullable(Instant),
  /** Parts that could not be put back, because somebody has changed them since. */
  kept: Count,
})
export type PartAction = v.InferOutput<typeof PartAction>

const Named = v.object({ id: v.string(), name: v.string() })
const OfModel = v.object({
  digest: Sha256,
  line: v.nullable(v.string()),
  release: v.nullable(v.number()),
  state: v.nullable(v.string()),
  created_at: v.nullable(Instant),
})
const InDataset = v.object({
  digest: Sha256,
  name: v.string(),
  role: v.picklist(["training", "golden"]),
  split: DatasetSplit,
  created_at: Instant,
})

/** One look at a part, and all that came of it. */
export const PartLookBack = v.object({
  inspection: InspectionView,
  lot: v.nullable(v.string()),
  recipe: v.nullable(v.string()),
  step: v.nullable(v.string()),
  images: v.array(v.object({ name: Key, sha256: Sha256, w: v.number(), h: v.number(), here: v.boolean() })),
  waits: v.nullable(QueueReason),
  standing: v.nullable(ReviewState),
  labels: v.array(LabelRevision),
  reviews: v.array(Reviewed),
  comments: v.array(v.object({ by: Named, text: v.string(), at: Instant })),
  opinions: v.array(
    v.object({
      role: v.picklist(["champion", "teacher"]),
      model: Sha256,
      eval: v.string(),
      made_at: Instant,
    }),
  ),
  hold: v.nullable(v.object({ by: v.string(), reason: v.string(), at: Instant })),
  datasets: v.array(InDataset),
  /** Models that a set with this picture taught. */
  taught: v.array(OfModel),
  deeds: v.array(v.object({ id: Uuid, kind: v.string(), by: v.string(), at: Instant, undone: v.boolean() })),
})
export type PartLookBack = v.InferOutput<typeof PartLookBack>

/** GET /api/parts/:id: everything known of one part, all looks at it, the newest first. */
export const PartHistory = v.object({
  part_id: v.nullable(v.string()),
  product_id: v.nullable(v.string()),
  /** The side of the wall it stands on for ever; null when no version has placed it. */
  split: v.nullable(DatasetSplit),
  left_out: v.boolean(),
  golden: v.boolean(),
  looks: v.array(PartLookBack),
  /** More looks at this part than are told here. */
  more: v.boolean(),
  /** Models that judged it on the line. */
  judged_by: v.array(OfModel),
})
export type PartHistory = v.InferOutput<typeof PartHistory>
