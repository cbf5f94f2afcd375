import * as v from "valibot"
import { Finite, Instant, Key, Share } from "./ids.ts"
import { InspectionView, QueueReason, Why } from "./labelling.ts"

const Weight = v.pipe(Finite, v.minValue(0), v.maxValue(2))

/**
 * How much each thing that can make a part worth a look counts, 0 (not at all) to 2. `age` alone may be below 0: then
 * the newest parts are worth more.
 */
export const QueueWeights = v.object({
  undecided: Weight,
  disagreement: Weight,
  uncertainty: Weight,
  /** Parts that look like none that has been judged. */
  coverage: v.optional(Weight, 0.5),
  rare: Weight,
  audit: Weight,
  ng: Weight,
  second_look: Weight,
  age: v.pipe(Finite, v.minValue(-1), v.maxValue(1)),
})
export type QueueWeights = v.InferOutput<typeof QueueWeights>

/** The order of one line's parts; `line` null is that of every line without one of its own. */
export const QueuePolicy = v.object({
  line: v.nullable(Key),
  weights: QueueWeights,
  /** Share of the parts that come with a picture which the hub draws at random, whatever a model says of them. */
  audit_share: Share,
  /** 0: nobody has changed it yet. */
  version: v.number(),
  by: v.nullable(v.string()),
  at: v.nullable(Instant),
})
export type QueuePolicy = v.InferOutput<typeof QueuePolicy>

/** Shares of all draws that are kept for the random slice and for kinds with few labels, whatever the weights say. */
export const QueueFloors = v.object({
  audit: v.pipe(Share, v.maxValue(0.5)),
  rare: v.pipe(Share, v.maxValue(0.5)),
})
export type QueueFloors = v.InferOutput<typeof QueueFloors>

/** PUT /api/queue/policy. Without weights the line goes back to those of every other line. */
export const NewQueuePolicy = v.object({
  line: v.nullable(Key),
  weights: v.nullable(QueueWeights),
  audit_share: v.optional(Share, 0),
  /** Of every line together: counts with `line` null alone. Without them they stay as they are. */
  floors: v.optional(QueueFloors),
})

/** GET /api/queue: the orders that hold, and the lines parts wait of. */
export const QueueView = v.object({
  policies: v.array(QueuePolicy),
  floors: QueueFloors,
  lines: v.array(v.object({ line: v.nullable(Key), waiting: v.number() })),
})
export type QueueView = v.InferOutput<typeof QueueView>

/** POST /api/queue/preview: what would be served next, also with weights nobody has saved. Leases nothing. */
export const PreviewRequest = v.object({
  policy: v.optional(v.object({ line: v.nullable(Key), weights: QueueWeights })),
  limit: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(48)), 12),
})

export const PreviewItem = v.object({
  inspection: InspectionView,
  reason: QueueReason,
  /** Only people who review are asked. */
  second_look: v.boolean(),
  why: Why,
})
export type PreviewItem = v.InferOutput<typeof PreviewItem>
