import * as v from "valibot"
import { DeviceId, Instant } from "./ids.ts"
import { Reported, TrustedKeys } from "./release.ts"

/** Retained on `state`. The will carries `online: false, why: "lost"` with the session it belongs to. */
export const DeviceState = v.object({
  v: v.literal(1),
  online: v.boolean(),
  /** Random per connection (Sparkplug's bdSeq idea): a will of another session is ignored. */
  session: v.pipe(v.string(), v.regex(/^[a-z0-9]{8,32}$/)),
  why: v.optional(v.picklist(["stop", "lost"])),
  boot: v.optional(v.string()),
  sw: v.optional(v.string()),
  ts: Instant,
})
export type DeviceState = v.InferOutput<typeof DeviceState>

/** Retained on `crux/v1/hub/state`. `epoch` changes at every hub start: devices answer with a rebirth. */
export const HubState = v.object({
  v: v.literal(1),
  online: v.boolean(),
  epoch: v.string(),
  ts: Instant,
  max_packet: v.number(),
  chunk: v.number(),
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
