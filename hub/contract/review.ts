import * as v from "valibot"
import { Drawing } from "./drawing.ts"
import { DefectKey, DeviceId, Instant, Share, Uuid } from "./ids.ts"
import { InspectionView, LabelBox, LabelRevision, LabelVerdict } from "./labelling.ts"

/** GET /api/labelling/presence: who is on which part now. POST says which part this screen shows (null: none). */
export const Presence = v.object({
  inspection_id: Uuid,
  by: v.object({ id: Uuid, name: v.string() }),
  doing: v.picklist(["labelling", "looking"]),
  since: Instant,
  /** Gone at this time unless it is said again. */
  until: Instant,
})
export type Presence = v.InferOutput<typeof Presence>
export const Watching = v.object({ inspection_id: v.nullable(Uuid) })

/** Where the newest label of a part stands with reviewers. */
export const ReviewState = v.picklist(["unreviewed", "accepted", "fixed", "sent_back"])
export type ReviewState = v.InferOutput<typeof ReviewState>

/**
 * Why a label waits for a reviewer: two people contradict each other, a blind second judgement differs, its author was
 * unsure, it comes back corrected, a trainer doubts it, or it was drawn as a sample.
 */
export const ReviewWhy = v.picklist(["disputed", "second", "unsure", "again", "suspect", "sample"])
export type ReviewWhy = v.InferOutput<typeof ReviewWhy>

/** Why a trainer doubts a label: a model that had not seen the part took it for something else. */
export const Doubt = v.object({
  /** null: OK. */
  said: v.nullable(DefectKey),
  /** How sure it is of that, and of the label. */
  p_said: Share,
  p_given: Share,
  job: Uuid,
  at: Instant,
})
export type Doubt = v.InferOutput<typeof Doubt>

export const ReviewItem = v.object({
  inspection: InspectionView,
  state: ReviewState,
  why: v.nullable(ReviewWhy),
  /** Whose newest label it is. */
  label_by: v.object({ id: Uuid, name: v.string() }),
  since: Instant,
  /** Of the newest label; also where it waits for another reason. */
  doubt: v.optional(Doubt),
})
export type ReviewItem = v.InferOutput<typeof ReviewItem>

export const Reviewed = v.object({
  id: Uuid,
  revision: v.number(),
  outcome: v.picklist(["accepted", "fixed", "sent_back"]),
  reason: v.string(),
  by: v.object({ id: Uuid, name: v.string() }),
  at: Instant,
})
export type Reviewed = v.InferOutput<typeof Reviewed>

/** A judgement made without knowing the part's label. */
export const BlindAnswer = v.object({
  by: v.object({ id: Uuid, name: v.string() }),
  verdict: LabelVerdict,
  kinds: v.array(DefectKey),
  boxes: v.array(LabelBox),
  at: Instant,
})
export type BlindAnswer = v.InferOutput<typeof BlindAnswer>

/** GET /api/reviews/:inspection: all that a reviewer decides on. */
export const ReviewCase = v.object({
  ...ReviewItem.entries,
  revisions: v.array(LabelRevision),
  seconds: v.array(BlindAnswer),
  reviews: v.array(Reviewed),
  reference: v.nullable(v.object({ verdict: v.picklist(["ok", "ng"]), kinds: v.array(DefectKey) })),
  present: v.array(Presence),
})
export type ReviewCase = v.InferOutput<typeof ReviewCase>

const Reason = v.pipe(v.string(), v.trim(), v.maxLength(500))
const Content = v.object({
  verdict: v.picklist(["ok", "ng"]),
  kinds: v.pipe(v.array(DefectKey), v.maxLength(16)),
  boxes: v.pipe(v.array(LabelBox), v.maxLength(64)),
  drawing: v.optional(Drawing),
})

/**
 * POST /api/reviews. `id` is made by the screen and is the idempotency key; `revision` is the one that was looked at: a
 * label that has changed since is a conflict, not reviewed unseen.
 */
export const NewReview = v.variant("outcome", [
  v.object({
    id: Uuid,
    inspection_id: Uuid,
    revision: v.number(),
    outcome: v.literal("accepted"),
    reason: v.optional(Reason, ""),
  }),
  v.object({
    id: Uuid,
    inspection_id: Uuid,
    revision: v.number(),
    outcome: v.literal("fixed"),
    label: Content,
    reason: v.optional(Reason, ""),
  }),
  v.object({
    id: Uuid,
    inspection_id: Uuid,
    revision: v.number(),
    outcome: v.literal("sent_back"),
    /** What to look at again: a label sent back without a word teaches nobody. */
    reason: v.pipe(Reason, v.minLength(1)),
  }),
])
export type NewReview = v.InferOutput<typeof NewReview>

const Shares = v.object({
  /** Of the labels, those a reviewer looks at although nobody doubts them. */
  review: Share,
  /** Of the parts, those a second person judges without seeing the first one's label. */
  second: Share,
  /** The second person does not see the model's opinion either. */
  blind_to_model: v.boolean(),
})
export type Shares = v.InferOutput<typeof Shares>

/** GET and PUT /api/labelling/checks: how labels are checked. */
export const CheckPlan = v.object({
  ...Shares.entries,
  /** What differs at one station's parts. */
  stations: v.optional(v.record(DeviceId, Shares), {}),
  /** Of a person's parts, those with a known answer. */
  known: v.pipe(Share, v.maxValue(0.5)),
  /** Of a person's parts, those they have judged before. */
  repeat: v.pipe(Share, v.maxValue(0.5)),
  /** Which labels models learn from: the newest, only reviewed ones, or reviewed ones and those two people agree on. */
  counts: v.picklist(["latest", "reviewed", "consensus"]),
  /** Boxes of two people mean the same place from this overlap on (intersection over union). */
  overlap: v.pipe(v.number(), v.minValue(0.05), v.maxValue(0.95)),
})
export type CheckPlan = v.InferOutput<typeof CheckPlan>

/** PUT /api/known-parts/:inspection: what is right about a part. */
export const NewReference = v.object({
  verdict: v.picklist(["ok", "ng"]),
  kinds: v.pipe(v.array(DefectKey), v.maxLength(16)),
  boxes: v.optional(v.pipe(v.array(LabelBox), v.maxLength(64)), []),
  /** Whether it is mixed into people's work. */
  handed_out: v.optional(v.boolean(), true),
})
export type NewReference = v.InferOutput<typeof NewReference>

/** GET /api/known-parts: parts with a known answer, and how people have done on them. */
export const KnownPart = v.object({
  inspection: InspectionView,
  verdict: v.picklist(["ok", "ng"]),
  kinds: v.array(DefectKey),
  boxes: v.array(LabelBox),
  handed_out: v.boolean(),
  by: v.string(),
  at: Instant,
  asked: v.number(),
  right: v.number(),
})
export type KnownPart = v.InferOutput<typeof KnownPart>

/** A share with its 95 % interval (Wilson); null when there was nothing to count. */
export const Proportion = v.object({
  n: v.number(),
  of: v.number(),
  share: v.nullable(v.number()),
  low: v.nullable(v.number()),
  high: v.nullable(v.number()),
  /** The exact interval (Clopper-Pearson) beside Wilson's, of figures that are graded or shown on a report. */
  exact: v.optional(v.object({ low: v.number(), high: v.number() })),
})
export type Proportion = v.InferOutput<typeof Proportion>

/** GET /api/msa/suspects: how many of the labels a trainer doubted were wrong, of those looked at again. */
export const SuspectReport = v.object({ waiting: v.number(), wrong: Proportion })
export type SuspectReport = v.InferOutput<typeof SuspectReport>

/** GET /api/reviews/people: what became of each person's labels. */
export const PersonAgreement = v.object({
  id: Uuid,
  name: v.string(),
  accepted: v.number(),
  fixed: v.number(),
  sent_back: v.number(),
  /** Accepted of all reviewed. */
  review: Proportion,
  /** The same as a second person, neither knowing of the other. */
  second: Proportion,
  /** Right on parts with a known answer. */
  known: Proportion,
  /** The same as themselves on a blind repeat. */
  repeat: Proportion,
})
export type PersonAgreement = v.InferOutput<typeof PersonAgreement>
