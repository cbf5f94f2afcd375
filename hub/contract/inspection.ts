import * as v from "valibot"
import { BootId, ByteSize, DefectKey, DeviceId, Finite, Instant, Key, Sha256, Uuid } from "./ids.ts"

/**
 * Four-valued result evaluation after OPC 40100-1 (ResultEvaluation): OK, NotOK, NotDecidable, Undefined.
 * Positive is NG: an escape is an NG part called `ok`, overkill an OK part called `ng`.
 */
export const Evaluation = v.picklist(["ok", "ng", "undecidable", "undefined"])
export type Evaluation = v.InferOutput<typeof Evaluation>

/** Axis-aligned box in pixels of the original image, COCO order: x, y of the top-left corner, width, height. */
export const Box = v.pipe(
  v.strictTuple([v.number(), v.number(), v.number(), v.number()]),
  v.check(
    (b) => b.every(Number.isFinite) && b[2] > 0 && b[3] > 0,
    "a box needs finite numbers and a size above zero",
  ),
)
export type Box = v.InferOutput<typeof Box>

/** One thing found on the part: its defect class, how sure the model is (0..1), and where. */
export const Finding = v.object({
  kind: DefectKey,
  score: v.pipe(v.number(), v.minValue(0), v.maxValue(1)),
  box: v.optional(Box),
})
export type Finding = v.InferOutput<typeof Finding>

/**
 * `score` is the model's NG score in 0..1; below `t_low` the part is OK, above `t_high` NG, between
 * undecidable. `code` says why when the evaluation did not come from a score, e.g. `model_crashed`.
 */
export const Verdict = v.object({
  eval: Evaluation,
  code: v.optional(Key),
  score: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(1))),
  t_low: v.optional(Finite),
  t_high: v.optional(Finite),
})
export type Verdict = v.InferOutput<typeof Verdict>

/** Times in milliseconds. `e2e` runs from trigger to verdict. */
export const Timing = v.object({
  capture: v.optional(Finite),
  pre: v.optional(Finite),
  infer: v.optional(Finite),
  post: v.optional(Finite),
  e2e: v.optional(Finite),
})
export type Timing = v.InferOutput<typeof Timing>

export const ImageMime = v.picklist(["image/jpeg", "image/png", "image/webp"])
export type ImageMime = v.InferOutput<typeof ImageMime>

/** One image part of a CXF1 frame; bytes follow the header back to back in this order. */
export const FramePart = v.object({
  name: Key,
  mime: ImageMime,
  len: ByteSize,
  sha256: Sha256,
  w: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535)),
  h: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535)),
})
export type FramePart = v.InferOutput<typeof FramePart>

/**
 * Most pixels of one image: above any inspection camera, below what exhausts a small machine. A file of some kilobytes
 * may claim to be a picture that fills any memory.
 */
export const maxImagePixels = 120e6

/** How a station's shadow model is: waits for the line to be at rest, is being fetched and proven, looks, or was given up. */
export const ShadowState = v.picklist(["waiting", "fetching", "running", "failed"])
export type ShadowState = v.InferOutput<typeof ShadowState>

/**
 * Why a part's time of capture is not to be believed: the clocks of station and hub were minutes `apart` (or it is a
 * time that cannot be), or the `hub` had lost its own. Then the order of arrival is the better one.
 */
export const ClockFault = v.picklist(["apart", "hub"])
export type ClockFault = v.InferOutput<typeof ClockFault>

const ModelName = v.object({
  line: Key,
  release: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  digest: Sha256,
})

/** What a second model says of the part. It never decided anything; a `code` says that it failed rather than judged. */
export const ShadowLook = v.object({ model: ModelName, verdict: Verdict })
export type ShadowLook = v.InferOutput<typeof ShadowLook>

const PartText = v.pipe(v.string(), v.minLength(1), v.maxLength(128))

/**
 * Header of an inspection frame. Names follow the result model of OPC 40001-101 and OPC 40100-1: ResultId is `id`,
 * IsPartial `partial`, IsSimulated `simulated`, CreationTime `ts`, ResultEvaluation `verdict.eval`, ResultEvaluationCode
 * `verdict.code`, ProcessingTimes `timing`, and PartId, ProductId, RecipeId, JobId, StepId as they are.
 */
export const InspectionHeader = v.object({
  v: v.literal(1),
  /** UUIDv7 made by the device at trigger time: the idempotency key. */
  id: Uuid,
  boot: BootId,
  /** Gap-free per device and boot, starting at 1, persisted before sending. */
  seq: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
  /** Trigger time, device clock. */
  ts: Instant,
  /** The device's estimate of the hub's clock minus its own. Advice only: order comes from `seq`. */
  clock_offset_ms: v.optional(Finite),
  part_id: v.optional(PartText),
  product_id: v.optional(Key),
  recipe_id: v.optional(Key),
  job_id: v.optional(PartText),
  /** Which look at the part this is, when it is inspected in several steps. */
  step_id: v.optional(PartText),
  /** More results of the same part follow; this one alone does not decide it. */
  partial: v.optional(v.boolean()),
  simulated: v.optional(v.boolean()),
  verdict: Verdict,
  findings: v.pipe(v.array(Finding), v.maxLength(64)),
  model: v.optional(ModelName),
  shadow: v.optional(ShadowLook),
  timing: v.optional(Timing),
  policy: v.object({
    why_sent: Key,
    image: v.picklist(["full", "thumb", "none"]),
    /** Why an image the policy wanted is not here: what was given up for lack of room or time, by kind. */
    no_image: v.optional(Key),
  }),
  /** The images, none to 8, in the order their bytes follow. */
  parts: v.pipe(
    v.array(FramePart),
    v.maxLength(8),
    v.check(
      (parts) => new Set(parts.map(({ name }) => name)).size === parts.length,
      "two parts share a name",
    ),
  ),
})
export type InspectionHeader = v.InferOutput<typeof InspectionHeader>

/** Where the inspection came from, as the hub knows it. */
export const InspectionOrigin = v.object({ device_id: DeviceId, received_at: Instant })
