import * as v from "valibot"
import { Count, Instant, Key, Sha256, Uuid } from "./ids.ts"
import { ImageMime } from "./inspection.ts"
import { SampleLabel } from "./training.ts"

export const DatasetSplit = v.picklist(["train", "calib", "golden"])
export type DatasetSplit = v.InferOutput<typeof DatasetSplit>

const Balance = v.object({ ok: Count, ng: Count, by_kind: v.record(v.string(), Count) })
export type Balance = v.InferOutput<typeof Balance>

/** Counts of a frozen set. A part with two kinds counts for both. */
export const DatasetSummary = v.object({
  total: Balance,
  by_split: v.record(v.string(), Balance),
  by_product: v.record(v.string(), Count),
})
export type DatasetSummary = v.InferOutput<typeof DatasetSummary>

/** A picture that would stand on both sides of the wall between golden and the rest: it is used on neither. */
export const DatasetLeak = v.object({
  image: Sha256,
  splits: v.array(DatasetSplit),
  /** The golden picture it is almost the same as; without it the very same picture or part stands on both sides. */
  other: v.optional(Sha256),
  similarity: v.optional(v.number()),
})
export type DatasetLeak = v.InferOutput<typeof DatasetLeak>

/** GET /api/datasets: frozen sets, named by their content; equal content has one name. */
export const DatasetVersion = v.object({
  digest: Sha256,
  role: v.picklist(["training", "golden"]),
  samples: Count,
  created_at: Instant,
  /** The version of the same role that was the newest when this one was made. */
  parent: v.nullable(Sha256),
  summary: DatasetSummary,
  leaks: v.array(DatasetLeak),
})
export type DatasetVersion = v.InferOutput<typeof DatasetVersion>

/** One picture of a version. `id` is the part or the upload it came from. */
export const DatasetSample = v.object({
  id: Uuid,
  image: Sha256,
  mime: ImageMime,
  w: Count,
  h: Count,
  split: DatasetSplit,
  group: v.string(),
  product: v.nullable(Key),
  weight: v.number(),
  label: SampleLabel,
  /** Who said so (a person's id) and when; null in versions from before this was kept. */
  said: v.nullable(v.object({ by: v.string(), at: Instant })),
})
export type DatasetSample = v.InferOutput<typeof DatasetSample>

/** GET /api/datasets/:digest/diff/:other: what `digest` has that `other` has not, and the reverse; examples of each. */
export const DatasetDiff = v.object({
  added: Count,
  removed: Count,
  relabelled: Count,
  /** Must be 0: a part keeps its split for ever. */
  moved: Count,
  examples: v.object({
    added: v.array(DatasetSample),
    removed: v.array(DatasetSample),
    relabelled: v.array(v.object({ now: DatasetSample, before: SampleLabel })),
  }),
})
export type DatasetDiff = v.InferOutput<typeof DatasetDiff>

/** What must stand on one side of the wall: a part, a lot of parts, or what one station took within a minute. */
export const Grouping = v.picklist(["part", "lot", "burst"])
export type Grouping = v.InferOutput<typeof Grouping>
/**
 * Pictures that stand on both sides almost as they are stop the freeze (`block`), or stay out of the training set
 * (`leave_out`). `allow`: somebody has looked at the pairs, and they show different parts.
 */
export const NearPolicy = v.picklist(["block", "leave_out", "allow"])
export type NearPolicy = v.InferOutput<typeof NearPolicy>
/** Body of POST /api/datasets. */
export const FreezeRequest = v.object({
  grouping: v.optional(Grouping, "part"),
  near: v.optional(NearPolicy, "block"),
})
export type FreezeRequest = v.InferOutput<typeof FreezeRequest>

/** POST /api/datasets: the two sets of what is labelled now. `fresh` is false for one that was there before. */
export const DatasetFrozen = v.object({
  training: v.object({ digest: Sha256, fresh: v.boolean() }),
  golden: v.object({ digest: Sha256, fresh: v.boolean() }),
  leaks: Count,
})
export type DatasetFrozen = v.InferOutput<typeof DatasetFrozen>

/** GET /api/datasets/freeze: how far a freeze is, or how the last one ended. */
export const FreezeState = v.object({
  state: v.picklist(["idle", "working", "blocked", "done", "failed"]),
  /** What is counted while it works: pictures that are looked at for the first time, or rows that are written. */
  step: v.picklist(["pictures", "rows"]),
  done: Count,
  total: Count,
  pairs: v.array(v.object({ golden: Sha256, other: Sha256, similarity: v.number() })),
  result: v.nullable(DatasetFrozen),
  started_at: v.nullable(Instant),
})
export type FreezeState = v.InferOutput<typeof FreezeState>
