import * as v from "valibot"
import { Count, Instant, Uuid } from "./ids.ts"
import { InspectionView, mostHeld } from "./labelling.ts"
import { Role } from "./users.ts"

/** Why somebody gave a part back unjudged. */
export const skipReasons = ["picture", "criteria", "product", "other"] as const
export const SkipReason = v.picklist(skipReasons)
export type SkipReason = v.InferOutput<typeof SkipReason>

/**
 * POST /api/labelling/skip: gives a leased part back. It goes to others, and to those who review once several people
 * have given it back. `id` is made by the tablet; a repeat changes nothing.
 */
export const NewSkip = v.object({
  id: Uuid,
  inspection_id: Uuid,
  reason: SkipReason,
  note: v.optional(v.pipe(v.string(), v.trim(), v.maxLength(500)), ""),
})

/** GET /api/labelling/skips: how often parts were given back in the last thirty days, and why. */
export const SkipCount = v.object({ reason: SkipReason, skips: v.number(), parts: v.number() })
export type SkipCount = v.InferOutput<typeof SkipCount>

const CommentText = v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(1000))

/** POST /api/labelling/second-opinion: somebody else is to judge: `to`, or whoever reviews. The asker gives the part back. */
export const NewSecondOpinion = v.object({
  id: Uuid,
  inspection_id: Uuid,
  to: v.nullable(Uuid),
  note: v.optional(CommentText),
})

/** POST /api/inspections/:id/comments. Those mentioned find it in their list. `id` makes a repeat harmless. */
export const NewComment = v.object({
  id: Uuid,
  text: CommentText,
  mentions: v.optional(v.pipe(v.array(Uuid), v.maxLength(16)), []),
})

const Person = v.object({ id: Uuid, name: v.string() })

export const Comment = v.object({
  id: Uuid,
  inspection_id: Uuid,
  by: Person,
  text: v.string(),
  mentions: v.array(Person),
  at: Instant,
})
export type Comment = v.InferOutput<typeof Comment>

/** When it was done, by the tablet's clock. */
const made = { made_at: Instant }
/**
 * POST /api/labelling/deeds: what a person does with a part beside judging it, as a tablet keeps it and sends it until it
 * has the receipt, like a label. `id` is the idempotency key. It may come late: `base_revision` of an ask is the revision
 * the person saw, and whoever has judged since has given the opinion already. `unskip` takes a skip of one's own back;
 * with the lease the tablet had (`lease_id`) the part is its again, unless somebody else has it by now.
 */
export const NewDeed = v.variant("do", [
  v.object({ do: v.literal("skip"), ...NewSkip.entries, ...made }),
  v.object({
    do: v.literal("unskip"),
    id: Uuid,
    inspection_id: Uuid,
    skip: Uuid,
    lease_id: v.optional(Uuid),
    ...made,
  }),
  v.object({
    do: v.literal("ask"),
    ...NewSecondOpinion.entries,
    ...made,
    base_revision: v.optional(Count),
  }),
  v.object({ do: v.literal("comment"), inspection_id: Uuid, ...NewComment.entries, ...made }),
])
export type NewDeed = v.InferInput<typeof NewDeed>
/** The hub's receipt: the deed is on disk. */
export const DeedReceipt = v.object({
  id: Uuid,
  inspection_id: Uuid,
  stored_at: Instant,
  duplicate: v.boolean(),
})
export type DeedReceipt = v.InferOutput<typeof DeedReceipt>

/** GET /api/mentions: comments that mention the caller, newest first. */
export const Mention = v.object({ comment: Comment, inspection: InspectionView, seen: v.boolean() })
export type Mention = v.InferOutput<typeof Mention>

/** POST /api/mentions/seen */
export const SeenMentions = v.object({ comments: v.pipe(v.array(Uuid), v.maxLength(100)) })

/** GET /api/colleagues: whom one can mention or ask. */
export const Colleague = v.object({ ...Person.entries, role: Role })
export type Colleague = v.InferOutput<typeof Colleague>

/** POST /api/labelling/batch: leases look-alikes, the most valuable part and others of its kind, each with its own lease. */
export const BatchRequest = v.object({
  size: v.pipe(v.number(), v.integer(), v.minValue(2), v.maxValue(48)),
  holding: v.optional(v.pipe(v.array(Uuid), v.maxLength(mostHeld)), []),
})
