import * as v from "valibot"
import { DefectKey, DeviceId, Instant, Key, Sha256, Uuid } from "./ids.ts"
import { ActivationState } from "./release.ts"

export const RolloutState = v.picklist([
  "running",
  "paused",
  "finished",
  "halted",
  "rolled_back",
  "superseded",
])
export type RolloutState = v.InferOutput<typeof RolloutState>

export const RolloutDevice = v.object({
  device: DeviceId,
  group: v.number(),
  /** `waiting` until its group starts; then what the device reports. */
  state: v.union([v.literal("waiting"), ActivationState]),
  progress: v.nullable(v.number()),
  reason: v.nullable(Key),
  online: v.boolean(),
  committed_at: v.nullable(Instant),
})
export type RolloutDevice = v.InferOutput<typeof RolloutDevice>

/** Group 0 is the canary. A group starts when every device of the one before has committed. */
export const RolloutView = v.object({
  id: Uuid,
  line: Key,
  release: v.number(),
  model: Sha256,
  manifest: Sha256,
  state: RolloutState,
  group: v.number(),
  groups: v.number(),
  devices: v.array(RolloutDevice),
  halt_reason: v.nullable(v.object({ device: DeviceId, reason: Key })),
  created_at: Instant,
  finished_at: v.nullable(Instant),
  created_by: v.string(),
})
export type RolloutView = v.InferOutput<typeof RolloutView>

/** POST /api/rollouts (engineer) starts one; POST /api/rollouts/:id/{pause|resume|rollback}. */
export const NewRollout = v.object({
  model: Sha256,
  devices: v.optional(v.array(DeviceId)),
  probation: v.optional(v.object({ parts: v.number(), max_minutes: v.number() })),
})

/**
 * Loop time: from the first sight of a defect kind the running model does not know (trigger time of the earliest part
 * people labelled so) to the commit of a model that knows it on every station.
 */
export const LoopView = v.object({
  id: Uuid,
  kind: DefectKey,
  stage: v.picklist(["labelling", "training", "proving", "approval", "rollout", "closed"]),
  first_seen_at: Instant,
  first_labelled_at: Instant,
  labels: v.number(),
  job_id: v.nullable(Uuid),
  model: v.nullable(Sha256),
  rollout_id: v.nullable(Uuid),
  closed_at: v.nullable(Instant),
  loop_seconds: v.nullable(v.number()),
})
export type LoopView = v.InferOutput<typeof LoopView>

/** GET /api/home */
export const HomeView = v.object({
  loop: v.nullable(LoopView),
  last_closed: v.nullable(LoopView),
  waiting: v.number(),
  labelled_today: v.number(),
  stations: v.object({ online: v.number(), total: v.number() }),
  last_hour: v.object({ inspected: v.number(), ng: v.number(), undecidable: v.number() }),
  champion: v.nullable(v.object({ digest: Sha256, release: v.number(), line: Key })),
})
export type HomeView = v.InferOutput<typeof HomeView>

/** One step of the live series: counts per bucket of `bucket_ms`. `escapes` and `judged` count parts people have judged since. */
export const LivePoint = v.object({
  at: Instant,
  inspected: v.number(),
  ok: v.number(),
  ng: v.number(),
  undecidable: v.number(),
  judged_ng: v.number(),
  escapes: v.number(),
})
export type LivePoint = v.InferOutput<typeof LivePoint>
/** GET /api/live/series?minutes=30 */
export const LiveSeries = v.object({ bucket_ms: v.number(), points: v.array(LivePoint) })
export type LiveSeries = v.InferOutput<typeof LiveSeries>

/**
 * GET /api/live (server-sent events). `event:` is the type, `id:` a cursor for Last-Event-ID, `data:` JSON.
 * The payload is small: screens re-read what they show. `inspection` carries the InspectionView itself.
 */
export const liveEvents = [
  "inspection",
  "label",
  "device",
  "job",
  "model",
  "rollout",
  "loop",
  "refusal",
  "storage",
  "trainer",
  "catalogue",
  "source",
  "comment",
  "presence",
  "review",
] as const
export type LiveEventType = (typeof liveEvents)[number]
