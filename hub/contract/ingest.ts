import * as v from "valibot"
import { BootId, Count, DeviceId, Instant, Key, Uuid } from "./ids.ts"

/** GET /api/ingest: how completely each station's parts have arrived. */
export const Arrival = v.object({
  device_id: DeviceId,
  stored: Count,
  /** Numbers the station has given out that are not here, and what explains them. */
  missing: Count,
  waiting: Count,
  given_up: Count,
  refused: Count,
  /** A loss that nobody has announced. */
  unexplained: Count,
  /** Messages of this station among the refusals that are kept. */
  refusals: Count,
})
export type Arrival = v.InferOutput<typeof Arrival>

/** GET /api/ingest/:device/gaps: runs of numbers that are not here, newest start of the station first. */
export const Gap = v.object({ boot: BootId, first: Count, last: Count })
export type Gap = v.InferOutput<typeof Gap>

/** GET /api/refusals: what the hub would not take, newest first. The sender has been told the same. */
export const RefusalView = v.object({
  n: Count,
  device_id: DeviceId,
  topic: v.string(),
  at: Instant,
  code: Key,
  detail: v.string(),
  inspection_id: v.nullable(Uuid),
  /** Bytes of the whole message; at most the first 16 KB are kept. */
  size: Count,
})
export type RefusalView = v.InferOutput<typeof RefusalView>
