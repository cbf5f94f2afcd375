import * as v from "valibot"
import { BootId, ByteSize, Count, DeviceId, Finite, Instant, Key, Sha256, Share, Uuid } from "./ids.ts"
import { Evaluation, ShadowState } from "./inspection.ts"
import { ModelContract } from "./model.ts"

/** DSSE envelope (github.com/secure-systems-lab/dsse): signature over PAE(payloadType, payload bytes). */
export const Envelope = v.object({
  payloadType: v.string(),
  payload: v.pipe(v.string(), v.base64()),
  signatures: v.pipe(
    v.array(v.object({ keyid: v.string(), sig: v.pipe(v.string(), v.base64()) })),
    v.minLength(1),
    v.maxLength(4),
  ),
})
export type Envelope = v.InferOutput<typeof Envelope>

export const payloadTypes = {
  manifest: "application/vnd.crux.manifest.v1+json",
  desired: "application/vnd.crux.desired.v1+json",
} as const

/** A stored object as a device asks for it: at most one chunk long, or listed chunk by chunk in an index object. */
export const ObjectRef = v.object({ sha256: Sha256, size: ByteSize })
export type ObjectRef = v.InferOutput<typeof ObjectRef>

/** Monotonic release number of a model line, starting at 1. */
export const ReleaseNumber = v.pipe(v.number(), v.integer(), v.minValue(1))

/** One image the station runs before it trusts a model: preflight passes when `eval` agrees and |score - expected| <= tol. */
export const CheckImage = v.object({
  image: ObjectRef,
  mime: v.string(),
  expect: v.object({ eval: Evaluation, score: v.number(), tol: v.number() }),
})
export type CheckImage = v.InferOutput<typeof CheckImage>

/** What the release key signs. The digest of the envelope bytes is the name devices are told to run. */
export const Manifest = v.object({
  v: v.literal(1),
  line: Key,
  release: ReleaseNumber,
  /** `index` is present when the model is longer than one chunk. */
  model: v.object({ ...ObjectRef.entries, index: v.optional(ObjectRef) }),
  contract: ModelContract,
  checks: v.pipe(v.array(CheckImage), v.maxLength(32)),
  requires: v.object({ ram_mb: v.number(), disk_mb: v.number() }),
  budget: v.object({ p99_ms: v.number() }),
  /** Releases below are never to be run again on this line. */
  floor: ReleaseNumber,
  provenance: v.object({ job: v.optional(Uuid), dataset: v.optional(Sha256), gate: v.optional(Sha256) }),
  created: Instant,
})
export type Manifest = v.InferOutput<typeof Manifest>

/** Gates a station holds a fresh model to before it commits. */
export const Probation = v.object({
  /** Parts to inspect before committing. */
  parts: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(100_000)),
  max_minutes: v.pipe(v.number(), v.minValue(0.05)),
  /** Share (0..1) of undecidable verdicts above which the model is rolled back. */
  max_undecidable: v.number(),
  /** Absolute change of the NG share against the window before activation above which it is rolled back. */
  max_ng_shift: v.number(),
})
export type Probation = v.InferOutput<typeof Probation>

/** A second release that looks at a share (0..1) of the frames after the verdict has gone out. It never decides. */
export const DesiredShadow = v.object({ manifest: ObjectRef, release: ReleaseNumber, share: Share })
export type DesiredShadow = v.InferOutput<typeof DesiredShadow>

export const DesiredLine = v.object({
  manifest: ObjectRef,
  release: ReleaseNumber,
  action: v.picklist(["run", "hold"]),
  probation: Probation,
  shadow: v.optional(DesiredShadow),
})

const ImageKept = v.picklist(["full", "thumb", "none"])
/** Pictures in any hour; what is over sends its record without a picture. */
const Hourly = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(1_000_000))

/**
 * What a station sends of the parts it has inspected. Every part sends its record; this is about pictures.
 * A part's `policy.why_sent` is its verdict where that is not OK; of OK parts audit, unsure or ok.
 * A decided part that the shadow model calls otherwise says disagreement, unless the audit has drawn it.
 */
export const Sampling = v.object({
  /** Share of OK parts sent for audit, drawn by the device independently of their score. */
  audit: Share,
  image_ok: ImageKept,
  /** Pictures of NG parts; undecidable ones always go whole, a person has to see them. */
  image_ng: v.optional(ImageKept),
  /** Parts decided with a score this close to a threshold count as unsure and send their picture whole. */
  unsure_margin: v.optional(Share),
  hourly_ok: v.optional(Hourly),
  hourly_audit: v.optional(Hourly),
  hourly_unsure: v.optional(Hourly),
  /** Parts the shadow model calls otherwise; their pictures go whole. */
  hourly_disagreement: v.optional(Hourly),
  hourly_ng: v.optional(Hourly),
  hourly_undecidable: v.optional(Hourly),
})
export type Sampling = v.InferOutput<typeof Sampling>

/** The hub-signed wish for one device; replaced as a whole, retained, `rev` strictly increasing. */
export const Desired = v.object({
  v: v.literal(1),
  device: DeviceId,
  rev: v.pipe(v.number(), v.integer(), v.minValue(1)),
  epoch: v.string(),
  lines: v.record(Key, DesiredLine),
  /** Lowest release per line the device may ever run again. */
  floor: v.record(Key, ReleaseNumber),
  sampling: Sampling,
})
export type Desired = v.InferOutput<typeof Desired>

/** States of the edge's activation journal, in order; see docs/architecture.md. */
export const activationStates = [
  "idle",
  "offered",
  "rejected",
  "fetching",
  "verified",
  "staged",
  "preflight",
  "armed",
  "activating",
  "probation",
  "committed",
  "failed",
  "rolling_back",
  "rolled_back",
] as const
export const ActivationState = v.picklist(activationStates)
export type ActivationState = v.InferOutput<typeof ActivationState>

export const Slot = v.object({
  line: Key,
  release: ReleaseNumber,
  manifest: Sha256,
  digest: Sha256,
  since: Instant,
})
export type Slot = v.InferOutput<typeof Slot>

const Why = v.pipe(v.string(), v.maxLength(300))

/** How the machines around a station are: what it sees with, what tells it to look, whom it tells. */
export const Surroundings = v.object({
  /** `frames` came, `dropped` were overtaken by newer ones of a stream before anybody looked at them. */
  camera: v.object({
    state: v.picklist(["waiting", "ok", "lost"]),
    since: Instant,
    why: v.optional(Why),
    frames: v.number(),
    dropped: v.number(),
  }),
  /** `missed` came while the station could not take a picture: such parts are undecidable. `refused` made no sense. */
  triggers: v.object({ received: v.number(), missed: v.number(), refused: v.number() }),
  outputs: v.record(
    Key,
    v.object({
      state: v.picklist(["waiting", "ok", "failing"]),
      since: Instant,
      why: v.optional(Why),
      sent: v.number(),
      failed: v.number(),
      /** Of the failed, those not tried again because a later verdict had gone out. */
      superseded: v.optional(Count),
    }),
  ),
})
export type Surroundings = v.InferOutput<typeof Surroundings>

/** The station's shadow model. Counts since it was loaded: looks, looks that differed or failed, frames missed while at another. */
export const ShadowReport = v.object({
  line: Key,
  release: ReleaseNumber,
  manifest: Sha256,
  share: Share,
  state: ShadowState,
  /** Why it waits or was given up. */
  reason: v.optional(Key),
  since: Instant,
  looked: Count,
  differed: Count,
  failed: Count,
  skipped: Count,
})
export type ShadowReport = v.InferOutput<typeof ShadowReport>

/** Retained, device-owned. Published on change, at most one in 2 s, heartbeat 60 s. */
export const Reported = v.object({
  v: v.literal(1),
  device: DeviceId,
  ts: Instant,
  rev_seen: v.pipe(v.number(), v.integer(), v.minValue(0)),
  rev_applied: v.pipe(v.number(), v.integer(), v.minValue(0)),
  activation: v.object({
    state: ActivationState,
    line: v.optional(Key),
    release: v.optional(ReleaseNumber),
    manifest: v.optional(Sha256),
    /** 0..1 of the bytes to fetch, or of the parts of probation. */
    progress: v.optional(v.number()),
    /** Machine reason when rejected, failed or rolled back, e.g. `signature`, `floor`, `preflight_score`, `nan_output`. */
    reason: v.optional(Key),
    detail: v.optional(v.pipe(v.string(), v.maxLength(300))),
    since: Instant,
  }),
  slots: v.object({ current: v.optional(Slot), previous: v.optional(Slot) }),
  /** The outbox: records the hub has not confirmed, and records it has refused (`dead`), which stay for a person. */
  queue: v.object({
    depth: Count,
    bytes: ByteSize,
    oldest_ms: Finite,
    quota: v.optional(ByteSize),
    dead: v.optional(Count),
  }),
  /** What was given up since the data folder exists, by kind; `*_row` are whole records. */
  shed: v.record(Key, Count),
  /** The last number given out in this start: what the hub lacks up to it is missing. */
  sequence: v.optional(v.object({ boot: BootId, seq: Count })),
  latency: v.object({ p50_ms: Finite, p99_ms: Finite }),
  counts: v.object({ inspected: Count, ok: Count, ng: Count, undecidable: Count }),
  surroundings: v.optional(Surroundings),
  shadow: v.optional(ShadowReport),
})
export type Reported = v.InferOutput<typeof Reported>

/** Public keys a device pins at enrolment: Ed25519, raw 32 bytes in base64; keyid = first 16 hex of their SHA-256. */
export const TrustedKeys = v.object({
  hub: v.pipe(v.string(), v.base64()),
  release: v.pipe(v.string(), v.base64()),
})
export type TrustedKeys = v.InferOutput<typeof TrustedKeys>
