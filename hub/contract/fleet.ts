import * as v from "valibot"
import { BootId, ByteSize, Count, DeviceId, Instant, Key } from "./ids.ts"
import { Reported, TrustedKeys } from "./release.ts"

const Text = v.pipe(v.string(), v.maxLength(128))

/** Retained on `state`. The will carries `online: false, why: "lost"` with the session it belongs to. */
export const DeviceState = v.object({
  v: v.literal(1),
  online: v.boolean(),
  /** Random per connection (Sparkplug's bdSeq idea): a will of another session is ignored. */
  session: v.pipe(v.string(), v.regex(/^[a-z0-9]{8,32}$/)),
  why: v.optional(v.picklist(["stop", "lost"])),
  boot: v.optional(BootId),
  /** Program version; what it runs on; what it can do beyond this version of the protocol. */
  sw: v.optional(Text),
  hw: v.optional(Text),
  ram_mb: v.optional(Count),
  caps: v.optional(v.pipe(v.array(Key), v.maxLength(16))),
  ts: Instant,
})
export type DeviceState = v.InferOutput<typeof DeviceState>

/** Retained on `crux/v1/hub/state`. `epoch` changes at every hub start: devices answer with a rebirth. */
export const HubState = v.object({
  v: v.literal(1),
  online: v.boolean(),
  epoch: v.string(),
  ts: Instant,
  /** Longest payload of one inspection message; longer frames travel in segments (segment.ts). */
  max_packet: ByteSize,
  /** Length of a segment, and the longest frame that may be sent in them. Absent: segments are not understood. */
  segment: v.optional(ByteSize),
  max_frame: v.optional(ByteSize),
  chunk: ByteSize,
})
export type HubState = v.InferOutput<typeof HubState>

export const Device = v.object({
  id: DeviceId,
  name: v.string(),
  enrolled_at: Instant,
  revoked_at: v.optional(Instant),
  presence: v.picklist(["online", "stale", "offline", "never"]),
  seen_at: v.optional(Instant),
  state: v.optional(DeviceState),
  reported: v.optional(Reported),
  desired_rev: v.number(),
})
export type Device = v.InferOutput<typeof Device>

/** POST /api/enrolment-codes (admin): answer holds the code once; it is stored hashed, works once, for 15 minutes. */
export const NewEnrolmentCode = v.object({
  device: DeviceId,
  name: v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(64)),
})
export const EnrolmentCode = v.object({ code: v.string(), device: DeviceId, expires_at: Instant })
/** POST /api/enrol (no session; the code is the right). */
export const EnrolRequest = v.object({ code: v.pipe(v.string(), v.maxLength(64)), device: DeviceId })
/** Where a station reaches the broker. With `tls` it speaks TLS; `ca` (PEM) is then the only authority it trusts. */
export const BrokerAddress = v.object({
  host: v.string(),
  port: v.number(),
  tls: v.optional(v.boolean()),
  ca: v.optional(v.pipe(v.string(), v.maxLength(64 * 1024))),
})
export type BrokerAddress = v.InferOutput<typeof BrokerAddress>

/** Answer of enrolment: the secret is shown once and stored hashed. MQTT user name = client id = device. */
export const Enrolment = v.object({
  device: DeviceId,
  secret: v.string(),
  mqtt: BrokerAddress,
  keys: TrustedKeys,
})
export type Enrolment = v.InferOutput<typeof Enrolment>
