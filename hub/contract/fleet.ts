import * as v from "valibot"
import { BootId, ByteSize, Count, DeviceId, Finite, Instant, Key, Uuid } from "./ids.ts"
import { Reported, Slot, TrustedKeys } from "./release.ts"
import { CertificateStep } from "./security.ts"

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
  /** Execution providers its models may use, the preferred one first. */
  eps: v.optional(v.pipe(v.array(Key), v.maxLength(8))),
  /** Which releases lie in its slots, so that the hub knows what runs before the first report. */
  slots: v.optional(v.object({ current: v.optional(Slot), previous: v.optional(Slot) })),
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

/**
 * Why two boxes seem to share one identity: `returned` - a start of the program came back after another had taken over,
 * which one box cannot do; `flapping` - the connection is taken over again and again.
 */
export const CloneAlarm = v.object({
  at: Instant,
  why: v.picklist(["returned", "flapping"]),
  addresses: v.array(v.string()),
})
export type CloneAlarm = v.InferOutput<typeof CloneAlarm>

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
  /** How it proves who it is. */
  proof: v.picklist(["secret", "certificate"]),
  /** When its newest certificate ends. */
  certificate_expires_at: v.optional(Instant),
  /** It ends within so many days and has not been renewed, as it should have been. */
  certificate_within_days: v.optional(CertificateStep),
  /** How far the hub's clock is ahead of a connected station's, when they are minutes apart. */
  clock_offset_ms: v.optional(Finite),
  /** Two boxes speak with this identity; until a person has cleared it up. */
  clone: v.optional(CloneAlarm),
})
export type Device = v.InferOutput<typeof Device>

/** POST /api/enrolment-codes (admin): answer holds the code once; it is stored hashed, works once, for 15 minutes. */
export const NewEnrolmentCode = v.object({
  device: DeviceId,
  name: v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(64)),
  /** The station that presents the code is let in at once; otherwise it waits until a person has approved it. */
  pre_approved: v.optional(v.boolean(), false),
})
export const EnrolmentCode = v.object({
  code: v.string(),
  device: DeviceId,
  expires_at: Instant,
  pre_approved: v.boolean(),
  /** SHA-256 (hex) of the certificate a station must pin. */
  ca: v.string(),
  /** Everything a station needs in one line, for `crux edge --enrol` and the QR code. */
  ticket: v.string(),
})
export type EnrolmentCode = v.InferOutput<typeof EnrolmentCode>

const Pem = v.pipe(v.string(), v.maxLength(16_384))

/** POST /api/enrol (no session; the code is the right). With `csr` the station gets a certificate, else a secret. */
export const EnrolRequest = v.object({
  code: v.pipe(v.string(), v.maxLength(64)),
  device: DeviceId,
  /** PKCS #10 in PEM, for the P-256 key that the station has made and keeps. */
  csr: v.optional(Pem),
})
/**
 * Where a station reaches the broker. `ca` (PEM) is the only authority it then trusts: at the hub's own broker with
 * TLS 1.3. `tls` says that it is a broker of the plant with TLS, from 1.2 on, with or without a `ca`.
 */
export const BrokerAddress = v.object({
  host: v.string(),
  port: v.number(),
  tls: v.optional(v.boolean()),
  ca: v.optional(v.pipe(v.string(), v.maxLength(64 * 1024))),
})
export type BrokerAddress = v.InferOutput<typeof BrokerAddress>

/**
 * Answer of enrolment. MQTT user name = client id = device. Either `secret`, shown once and stored hashed, or
 * `certificate` for the station's own key.
 */
export const Enrolment = v.object({
  device: DeviceId,
  /** Empty for a station with a certificate. */
  secret: v.optional(v.string(), ""),
  certificate: v.optional(Pem),
  mqtt: BrokerAddress,
  keys: TrustedKeys,
})
export type Enrolment = v.InferOutput<typeof Enrolment>
/** Answer of enrolment while a person has to approve it: show `fingerprint`, ask again with `token`. */
export const EnrolmentWaiting = v.object({
  waiting: v.literal(true),
  token: v.string(),
  fingerprint: v.string(),
  expires_at: Instant,
})
export type EnrolmentWaiting = v.InferOutput<typeof EnrolmentWaiting>
/** POST /api/enrol/collect: 202 while it waits, 201 with the `Enrolment` once, 403 when refused or too late. */
export const CollectRequest = v.object({ token: v.pipe(v.string(), v.maxLength(128)) })

/** POST /api/enrol/renew (no session; the proof is the right): a new certificate before the old one ends. */
export const RenewRequest = v.object({
  certificate: Pem,
  csr: Pem,
  /** ECDSA-SHA256 over the text of `csr`, made with the key of `certificate`; DER in base64. */
  proof: v.pipe(v.string(), v.base64(), v.maxLength(256)),
})
export const RenewedCertificate = v.object({ certificate: Pem })

/** GET /api/enrolment-requests: stations that have shown a code and wait for a person. */
export const EnrolmentRequest = v.object({
  id: Uuid,
  device: DeviceId,
  name: v.string(),
  /** The station shows the same; different means that somebody else used the code. */
  fingerprint: v.string(),
  proof: v.picklist(["secret", "certificate"]),
  address: v.string(),
  asked_at: Instant,
  expires_at: Instant,
  /** A station of this name is in service; approving takes its place. */
  replaces: v.boolean(),
})
export type EnrolmentRequest = v.InferOutput<typeof EnrolmentRequest>
