import * as v from "valibot"
import { DeviceState, HubState } from "./fleet.ts"
import { ByteSize, Count, Instant, Key, Sha256, Uuid } from "./ids.ts"
import { InspectionHeader } from "./inspection.ts"
import { Envelope, Reported } from "./release.ts"

/** Answer to each inspection frame, after commit. The edge deletes its copy only on `stored` or `dup`. */
export const InspectionAck = v.object({
  id: Uuid,
  st: v.picklist(["stored", "dup", "later", "bad"]),
  /** Why `later` or `bad`, e.g. `disk_full`, `schema`, `digest`, `conflict`. */
  code: v.optional(Key),
  retry_ms: v.optional(Count),
})
export type InspectionAck = v.InferOutput<typeof InspectionAck>

export const AckMessage = v.object({
  v: v.literal(1),
  acks: v.pipe(v.array(InspectionAck), v.maxLength(256)),
  /** How much the device may have in flight. */
  credit: v.object({ msgs: Count, bytes: ByteSize }),
  epoch: v.string(),
  /** The hub's clock as it answers: by it a station knows how wrong its own is. */
  ts: v.optional(Instant),
})
export type AckMessage = v.InferOutput<typeof AckMessage>

const Transfer = v.pipe(v.string(), v.regex(/^[a-z0-9]{8,32}$/))

/**
 * Answer to the segments of a long frame: what is missing, as [first, count], so that a device sends only that after a
 * lost connection or a restart of the hub. Once complete the frame is answered like any other, by `ack`.
 */
export const SegmentAnswer = v.object({
  v: v.literal(1),
  xfer: Transfer,
  missing: v.pipe(v.array(v.tuple([Count, Count])), v.maxLength(64)),
  /** The hub has no room for the pieces now, or will never take the frame; then nothing of it is kept. */
  st: v.optional(v.picklist(["later", "bad"])),
  code: v.optional(Key),
  retry_ms: v.optional(Count),
})
export type SegmentAnswer = v.InferOutput<typeof SegmentAnswer>

/** What the hub would not take from this device, and why: MQTT 3.1.1 has no way to say it in an acknowledgement. */
export const DeviceError = v.object({
  v: v.literal(1),
  ts: Instant,
  topic: v.string(),
  code: Key,
  detail: v.string(),
  /** The inspection, when its id could be read. */
  id: v.optional(Uuid),
})
export type DeviceError = v.InferOutput<typeof DeviceError>

/** `xfer` is random per attempt, so late chunks of an old attempt are ignored. Ranges are [first chunk, count]. */
export const ChunkRequest = v.object({
  v: v.literal(1),
  xfer: Transfer,
  object: Sha256,
  ranges: v.pipe(
    v.array(v.tuple([Count, v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(64))])),
    v.minLength(1),
    v.maxLength(16),
  ),
})
export type ChunkRequest = v.InferOutput<typeof ChunkRequest>

/** Events of a device's state machine and refusals; at most 16 KB. */
export const DeviceEvent = v.object({
  v: v.literal(1),
  ts: Instant,
  kind: Key,
  level: v.picklist(["info", "warn", "alarm"]),
  detail: v.record(v.string(), v.union([v.string(), v.number(), v.boolean()])),
})
export type DeviceEvent = v.InferOutput<typeof DeviceEvent>

const { part_id, product_id, recipe_id, job_id } = InspectionHeader.entries

/** What whoever triggers an inspection may know of the part. */
export const TriggerFacts = v.strictObject({ part_id, product_id, recipe_id, job_id })
export type TriggerFacts = v.InferOutput<typeof TriggerFacts>

/** The verdict on one part, as it is told to the line. Only `pass: true` lets the part go on. */
export const VerdictMessage = v.object({
  v: v.literal(1),
  id: Uuid,
  ts: Instant,
  /** Order of what was said: `run` is when this start of the station began, `seq` rises by one with each verdict of it. */
  run: v.optional(Instant),
  seq: v.optional(Count),
  pass: v.boolean(),
  ...InspectionHeader.entries.verdict.entries,
  ...TriggerFacts.entries,
})
export type VerdictMessage = v.InferOutput<typeof VerdictMessage>

/** Length of one chunk on the embedded broker. */
export const chunkSize = 256 * 1024

/**
 * The whole MQTT interface of a device, protocol `crux/v1` over MQTT 3.1.1. `{d}` is the device id.
 * `payload: null` marks binary: CXF1 inspection frames (cxf1.ts), their segments (segment.ts) and raw chunk bytes.
 */
export const topics = {
  inspection: { pattern: "crux/v1/d/{d}/up/insp", dir: "up", qos: 1, retain: false, payload: null },
  segment: { pattern: "crux/v1/d/{d}/up/part/{xfer}/{i}", dir: "up", qos: 1, retain: false, payload: null },
  chunkGet: { pattern: "crux/v1/d/{d}/up/blob/get", dir: "up", qos: 0, retain: false, payload: ChunkRequest },
  event: { pattern: "crux/v1/d/{d}/up/evt", dir: "up", qos: 1, retain: false, payload: DeviceEvent },
  verdict: { pattern: "crux/v1/d/{d}/up/verdict", dir: "up", qos: 0, retain: false, payload: VerdictMessage },
  state: { pattern: "crux/v1/d/{d}/state", dir: "up", qos: 1, retain: true, payload: DeviceState },
  reported: { pattern: "crux/v1/d/{d}/reported", dir: "up", qos: 1, retain: true, payload: Reported },
  desired: { pattern: "crux/v1/d/{d}/desired", dir: "down", qos: 1, retain: true, payload: Envelope },
  ack: { pattern: "crux/v1/d/{d}/down/ack", dir: "down", qos: 0, retain: false, payload: AckMessage },
  segmentAnswer: {
    pattern: "crux/v1/d/{d}/down/part",
    dir: "down",
    qos: 0,
    retain: false,
    payload: SegmentAnswer,
  },
  error: { pattern: "crux/v1/d/{d}/down/err", dir: "down", qos: 0, retain: false, payload: DeviceError },
  chunk: { pattern: "crux/v1/d/{d}/down/blob/{xfer}/{i}", dir: "down", qos: 0, retain: false, payload: null },
  trigger: {
    pattern: "crux/v1/d/{d}/down/trigger",
    dir: "down",
    qos: 0,
    retain: false,
    payload: TriggerFacts,
  },
  hubState: { pattern: "crux/v1/hub/state", dir: "down", qos: 1, retain: true, payload: HubState },
} as const
export type TopicName = keyof typeof topics

/** Fills a topic pattern: `topicOf("chunk", { d: "l1", xfer: "ab12cd34", i: "7" })`. */
export function topicOf(name: TopicName, values: Record<string, string> = {}): string {
  return topics[name].pattern.replace(/\{(\w+)\}/g, (_, key: string) => {
    const value = values[key]
    if (value === undefined) throw new Error(`topic ${name} needs {${key}}`)
    return value
  })
}
