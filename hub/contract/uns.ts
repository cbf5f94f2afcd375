import * as v from "valibot"
import { DefectKey, DeviceId, Instant, Key, Sha256, Uuid } from "./ids.ts"
import { Verdict } from "./inspection.ts"

/**
 * Mirror of one inspection in the plant's unified namespace: retained, so that whoever comes later knows the last one.
 * Names follow OPC 40001-101. No picture: `image` is its digest, GET /api/images/{sha256} has it.
 */
export const UnsResult = v.object({
  v: v.literal(1),
  id: Uuid,
  device: DeviceId,
  /** Trigger time. */
  ts: Instant,
  received_at: Instant,
  part_id: v.nullable(v.string()),
  product_id: v.nullable(v.string()),
  verdict: Verdict,
  findings: v.array(v.object({ kind: DefectKey, score: v.number() })),
  model: v.nullable(v.object({ line: Key, release: v.number() })),
  image: v.nullable(Sha256),
  simulated: v.boolean(),
})
export type UnsResult = v.InferOutput<typeof UnsResult>

/** Mirror of a station's presence, retained. */
export const UnsState = v.object({
  v: v.literal(1),
  device: DeviceId,
  ts: Instant,
  presence: v.picklist(["online", "stale", "offline", "never"]),
})
export type UnsState = v.InferOutput<typeof UnsState>

/** Topics of the mirror below the configured path. */
export const unsTopics = {
  result: { pattern: "{path}/result", dir: "down", qos: 1, retain: true, payload: UnsResult },
  state: { pattern: "{path}/state", dir: "down", qos: 1, retain: true, payload: UnsState },
} as const
