import * as v from "valibot"
import { Drawing } from "./drawing.ts"
import { Count, DefectKey, DeviceId, Instant, Key, Sha256, Share, Uuid } from "./ids.ts"
import { Box, ClockFault, Finding, ImageMime, ShadowLook, Verdict } from "./inspection.ts"

export const LabelVerdict = v.picklist(["ok", "ng", "unsure"])
export type LabelVerdict = v.InferOutput<typeof LabelVerdict>

export const LabelBox = v.object({ kind: DefectKey, box: Box })
export type LabelBox = v.InferOutput<typeof LabelBox>

/** Why a part is in the queue, most valuable first. */
export const QueueReason = v.picklist([
  "wanted",
  "undecidable",
  "disagreement",
  "audit",
  "ng",
  "second_opinion",
  "unsure_label",
  "skipped",
  "ok",
  "sent_back",
])
export type QueueReason = v.InferOutput<typeof QueueReason>

export const StoredImage = v.object({
  sha256: Sha256,
  mime: ImageMime,
  w: v.number(),
  h: v.number(),
  size: v.number(),
})
export type StoredImage = v.InferOutput<typeof StoredImage>

/** One inspection as lists and the live view show it. */
export const InspectionView = v.object({
  id: Uuid,
  device_id: DeviceId,
  seq: v.number(),
  captured_at: Instant,
  received_at: Instant,
  /** `captured_at` is what the station's clock said, and wrong. */
  clock: v.optional(ClockFault),
  part_id: v.nullable(v.string()),
  product_id: v.nullable(v.string()),
  verdict: Verdict,
  findings: v.array(Finding),
  model: v.nullable(v.object({ line: Key, release: v.number(), digest: Sha256 })),
  why_sent: Key,
  /** What a shadow model said of the part; it decided nothing. */
  shadow: v.optional(ShadowLook),
  image: v.nullable(StoredImage),
  /**
   * Why there is no picture although the station took one: `evicted` here to make room, `waiting` at the station for
   * room here, or what the station gave it up for (its shedding kinds).
   */
  no_image: v.optional(Key),
  /** Somebody wants its pictures kept, whatever the disk says. */
  held: v.optional(v.boolean()),
  simulated: v.boolean(),
  /** The newest label revision, if anyone has judged the part. */
  label: v.nullable(
    v.object({
      verdict: LabelVerdict,
      kinds: v.array(DefectKey),
      by: v.string(),
      at: Instant,
      revision: v.number(),
    }),
  ),
})
export type InspectionView = v.InferOutput<typeof InspectionView>

/** When a part was inspected, as far as that can be believed; else when it came. */
export const takenAt = ({
  captured_at,
  received_at,
  clock,
}: Pick<InspectionView, "captured_at" | "received_at" | "clock">): number =>
  clock === undefined ? captured_at : received_at

/** What can make a part worth a look; each has a weight that engineers may set. */
export const valueParts = [
  "undecided",
  "disagreement",
  "uncertainty",
  "coverage",
  "rare",
  "audit",
  "ng",
  "second_look",
  "age",
] as const
/** Of a part that somebody has put first there is no weight: it is first. */
export const ValuePart = v.picklist([...valueParts, "wanted"])
export type ValuePart = v.InferOutput<typeof ValuePart>

/** Why this part and not another: its value, and what it is made of, the most first. */
export const Why = v.object({
  value: v.number(),
  shares: v.array(v.object({ part: ValuePart, share: v.number() })),
  /** The kind whose rarity counts. */
  kind: v.optional(DefectKey),
  /** The probability with which chance alone picked it, whatever a model says of it; absent where it did not. */
  chance: v.optional(Share),
  /** The share of all draws it counts towards: the random slice, or kinds with few labels. */
  slice: v.optional(v.picklist(["audit", "rare"])),
})
export type Why = v.InferOutput<typeof Why>

/** POST /api/labelling/next: leases the most valuable part to the caller. 204 when nothing waits. */
export const LabelTask = v.object({
  inspection: InspectionView,
  reason: QueueReason,
  why: v.optional(Why),
  /** Who asks for a second opinion, if somebody does. */
  asked_by: v.optional(v.string()),
  /** Comments on the part. */
  comments: v.optional(v.number()),
  /** The version of the criteria in force; sent back with the label. */
  criteria: v.optional(v.number()),
  lease: v.object({ id: Uuid, expires_at: Instant }),
  /** Parts waiting behind this one. */
  waiting: v.number(),
  /** Shown without help, to learn what help is worth: no tool may make a suggestion. */
  blind: v.optional(v.literal(true)),
  /** A reviewer has sent the person's own label back, and says why. */
  returned: v.optional(v.object({ by: v.string(), reason: v.string(), at: Instant })),
})
export type LabelTask = v.InferOutput<typeof LabelTask>

/** Parts a tablet may name as its own: what it has laid in, and what it has judged and not got rid of yet. */
export const mostHeld = 96

/** Body of POST /api/labelling/next: `ahead` lets a tablet hold the next parts already decoded. */
export const NextRequest = v.object({
  /** Inspections the tablet already holds, not to be handed out again to it. */
  holding: v.optional(v.pipe(v.array(Uuid), v.maxLength(mostHeld)), []),
  /** The tablet lays parts in for work without the network: they are leased for longer. */
  stock: v.optional(v.boolean(), false),
})
/** POST /api/labelling/renew: the parts of these that are still leased to the session; their leases go on. */
export const HeldParts = v.object({ held: v.array(Uuid) })

/** Help beside the model's own suggestion, which the hub follows by itself. */
export const HelpTool = v.picklist(["champion", "teacher", "segment", "similar", "same_as_last"])
export type HelpTool = v.InferOutput<typeof HelpTool>
/** What became of a suggestion that a person was shown. */
export const HelpUse = v.object({ tool: HelpTool, taken: v.picklist(["no", "as_is", "changed"]) })
export type HelpUse = v.InferOutput<typeof HelpUse>

/**
 * POST /api/labels. `id` is made by the tablet and is the idempotency key: a repeat returns the first receipt.
 * Labels are append-only revisions; `withdrawn` undoes the caller's last one and puts the part back in the queue.
 */
export const NewLabel = v.object({
  id: Uuid,
  inspection_id: Uuid,
  lease_id: v.optional(Uuid),
  verdict: v.picklist(["ok", "ng", "unsure", "withdrawn"]),
  kinds: v.pipe(v.array(DefectKey), v.maxLength(16)),
  boxes: v.pipe(v.array(LabelBox), v.maxLength(64)),
  /**
   * Everything that was drawn, when it is more than upright boxes. The boxes are then worked out from it, whatever
   * `boxes` says, so that whoever learns from boxes misses nothing.
   */
  drawing: v.optional(Drawing),
  /** True when the pre-label was taken as it stood. */
  accepted: v.boolean(),
  /** The version of the criteria the person had before them; without it the newest counts. */
  criteria: v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(0))),
  /**
   * What was asked beside the verdict: the setup that the person had before them. Answers are held to it; one that was
   * replaced since is believed, because a tablet may have been away.
   */
  setup: v.optional(v.object({ product: v.nullable(Key), revision: Count })),
  /**
   * The revision the person saw when they began, 0 for none. When another one stands by now, the hub merges what does
   * not conflict and lets a reviewer decide what does: `met` of the receipt says which.
   */
  base_revision: v.optional(Count),
  shown_at: Instant,
  decided_at: Instant,
  active_ms: v.pipe(v.number(), v.integer(), v.minValue(0)),
  /** Suggestions of other tools that were shown. */
  help: v.optional(v.pipe(v.array(HelpUse), v.maxLength(8))),
})
export type NewLabel = v.InferOutput<typeof NewLabel>

/**
 * What became of a label that met another person's: both said the same (`agreed`), both fit into one (`merged`), or
 * they contradict each other and a reviewer decides (`disputed`). Both stay stored.
 */
export const Meeting = v.object({
  outcome: v.picklist(["agreed", "merged", "disputed"]),
  /** Whose label stood there, and what it said. */
  by: v.string(),
  verdict: LabelVerdict,
  kinds: v.array(DefectKey),
  revision: v.number(),
})
export type Meeting = v.InferOutput<typeof Meeting>

/** The server's receipt: the revision is on disk. */
export const LabelReceipt = v.object({
  id: Uuid,
  inspection_id: Uuid,
  revision: v.number(),
  stored_at: Instant,
  duplicate: v.boolean(),
  /** Somebody else judged the part while this label was made: both are kept, this one as the later revision. */
  unseen: v.optional(
    v.object({
      revision: v.number(),
      by: v.string(),
      verdict: v.picklist(["ok", "ng", "unsure", "withdrawn"]),
    }),
  ),
  met: v.optional(Meeting),
})
export type LabelReceipt = v.InferOutput<typeof LabelReceipt>

/** GET /api/inspections/:id/labels: every revision, oldest first. */
export const LabelRevision = v.object({
  id: Uuid,
  inspection_id: Uuid,
  revision: v.number(),
  verdict: v.picklist(["ok", "ng", "unsure", "withdrawn"]),
  kinds: v.array(DefectKey),
  boxes: v.array(LabelBox),
  drawing: v.optional(Drawing),
  accepted: v.boolean(),
  /** The version of the criteria it was given by; 0 before there were any. */
  criteria: v.optional(v.number()),
  by: v.object({ id: Uuid, name: v.string() }),
  /** The enrolled tablet on which it was made. */
  tablet: v.optional(v.object({ id: Uuid, name: v.string() })),
  /** The revision of somebody else that was stored while this label was made. */
  unseen: v.optional(v.number()),
  shown_at: Instant,
  decided_at: Instant,
  stored_at: Instant,
  active_ms: v.number(),
})
export type LabelRevision = v.InferOutput<typeof LabelRevision>

/** GET /api/labelling/stats */
export const LabelStats = v.object({
  waiting: v.number(),
  waiting_by_reason: v.record(v.string(), v.number()),
  labelled: v.number(),
  labelled_today: v.number(),
  mine_today: v.number(),
  by_kind: v.record(v.string(), v.number()),
})
export type LabelStats = v.InferOutput<typeof LabelStats>
