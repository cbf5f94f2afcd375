import * as v from "valibot"
import { Count, Instant, Key, Sha256, Uuid } from "./ids.ts"
import { Evaluation, Finding } from "./inspection.ts"
import { ModelContract } from "./model.ts"
import { SampleLabel, TrainingProgress } from "./training.ts"

/** A setting of a recipe as a job has it. */
export const ParamValue = v.union([
  v.pipe(v.number(), v.finite()),
  v.boolean(),
  v.pipe(v.string(), v.maxLength(256)),
])
export const ParamValues = v.pipe(v.record(Key, ParamValue), v.maxEntries(64))
export type ParamValues = v.InferOutput<typeof ParamValues>

/** Confusion of a model over a labelled set; counted per part image. `*_undecidable` went to a person: neither escape nor overkill. */
export const Confusion = v.object({
  ng: Count,
  ok: Count,
  escapes: Count,
  overkills: Count,
  ng_undecidable: Count,
  ok_undecidable: Count,
  /** Escapes over NG parts, overkills over OK parts, each with its one-sided 95 % Clopper–Pearson upper bound. */
  escape: v.number(),
  escape_upper: v.number(),
  overkill: v.number(),
  overkill_upper: v.number(),
  undecidable: v.number(),
  auroc: v.nullable(v.number()),
})
export type Confusion = v.InferOutput<typeof Confusion>

/** One gate: `reason` names a sentence in the UI's word lists (`gate.<reason>`), `params` fill it. */
export const GateCheck = v.object({
  id: v.picklist([
    "integrity",
    "parity",
    "escape",
    "overkill",
    "undecidable",
    "champion",
    "must_not_fail",
    "per_kind",
    "latency",
  ]),
  hard: v.boolean(),
  status: v.picklist(["pass", "fail", "warn", "skip"]),
  reason: Key,
  params: v.record(v.string(), v.union([v.string(), v.number()])),
})
export type GateCheck = v.InferOutput<typeof GateCheck>

export const GateReport = v.object({
  v: v.literal(1),
  pass: v.boolean(),
  checks: v.array(GateCheck),
  /** Content hash of the frozen golden set, and its size. */
  golden: v.object({ digest: Sha256, ok: Count, ng: Count, looks: Count }),
  challenger: Confusion,
  champion: v.nullable(Confusion),
  per_kind: v.array(v.object({ kind: Key, n: Count, escapes: Count, champion_escapes: v.nullable(Count) })),
  /** Golden images the challenger gets wrong or leaves open, worst first; at most 48. */
  failing: v.array(
    v.object({
      image: Sha256,
      truth: v.picklist(["ok", "ng"]),
      kinds: v.array(Key),
      eval: Evaluation,
      score: v.nullable(v.number()),
      champion_eval: v.nullable(Evaluation),
    }),
  ),
  latency: v.object({ p50_ms: v.number(), p99_ms: v.number() }),
  made_at: Instant,
})
export type GateReport = v.InferOutput<typeof GateReport>

/** Limits of the gate; versioned with the product. Shares of 1. */
export const GatePolicy = v.object({
  max_escape_upper: v.number(),
  max_overkill_upper: v.number(),
  max_undecidable: v.number(),
  max_p99_ms: v.number(),
  min_golden_ng: Count,
  min_golden_ok: Count,
})
export type GatePolicy = v.InferOutput<typeof GatePolicy>

export const ModelState = v.picklist(["proving", "candidate", "refused", "released"])

/** GET /api/models, /api/models/:digest. A released model has a release number; the champion is the newest committed one. */
export const ModelView = v.object({
  digest: Sha256,
  line: Key,
  state: ModelState,
  champion: v.boolean(),
  release: v.nullable(v.number()),
  size: Count,
  job_id: v.nullable(Uuid),
  contract: ModelContract,
  metrics: v.record(v.string(), v.number()),
  gate: v.nullable(GateReport),
  created_at: Instant,
  approved_by: v.nullable(v.string()),
  approved_at: v.nullable(Instant),
})
export type ModelView = v.InferOutput<typeof ModelView>

/** One thing that goes into a model or comes out of it; a dimension that is not fixed is a name. */
export const ModelEnd = v.object({
  name: v.string(),
  type: v.string(),
  dims: v.array(v.union([v.number(), v.string()])),
})
export type ModelEnd = v.InferOutput<typeof ModelEnd>

/** What an engineer should look at before relying on what a file is taken for. */
export const ModelDoubt = v.picklist([
  "unknown_form",
  "half_input",
  "no_good_class",
  "names_missing",
  "preparation_assumed",
  "size_assumed",
  "masks_not_read",
  "copyleft",
  "licence_unknown",
])
export type ModelDoubt = v.InferOutput<typeof ModelDoubt>

/** POST /api/models/look (engineer): what a file is taken for, to be looked at before it is registered. */
export const ModelLook = v.object({
  /** The file's digest, to try it or register it under. */
  file: Sha256,
  /** Who made the export, as far as it shows; `crux` for one with a contract, null for a form nobody knows. */
  source: v.nullable(v.string()),
  size: Count,
  /** Its own, what its form suggests, or a beginning to be filled in. */
  contract: ModelContract,
  inputs: v.array(ModelEnd),
  outputs: v.array(ModelEnd),
  doubts: v.array(ModelDoubt),
  contents: v.object({
    operators: v.record(v.string(), Count),
    nodes: Count,
    opset: Count,
    /** Share of convolutions that run on whole numbers; null without any. */
    whole: v.nullable(v.number()),
  }),
})
export type ModelLook = v.InferOutput<typeof ModelLook>

/** POST /api/models/files/:file/try (engineer): a file that was looked at, on pictures of this hub. */
export const ModelTrial = v.object({
  contract: ModelContract,
  parts: v.pipe(v.array(Uuid), v.maxLength(12)),
})
export type ModelTrial = v.InferOutput<typeof ModelTrial>

/** What speaks against a model that was tried. */
export const TrialDoubt = v.picklist(["failed", "always_sure", "always_same", "nothing_found", "slow"])
export type TrialDoubt = v.InferOutput<typeof TrialDoubt>

/** One picture and what the model said of it; `part` is null for black, white and noise. */
export const TriedPicture = v.object({
  part: v.nullable(Uuid),
  eval: Evaluation,
  score: v.nullable(v.number()),
  /** Why there is no answer. */
  code: v.nullable(v.string()),
  findings: v.array(Finding),
  ms: v.number(),
})
export type TriedPicture = v.InferOutput<typeof TriedPicture>
export const TrialResult = v.object({ pictures: v.array(TriedPicture), doubts: v.array(TrialDoubt) })
export type TrialResult = v.InferOutput<typeof TrialResult>

/** POST /api/models/files/:file (engineer): registers a file that was looked at; it is proved like any other. */
export const NewModel = v.object({ line: v.optional(Key, "main"), contract: v.optional(ModelContract) })

/** POST /api/models (engineer): register an ONNX with `crux.contract`; the file is the body. It is proved like any other. */
export const jobStates = [
  /** Its sets are being frozen. */
  "preparing",
  "queued",
  "running",
  "proving",
  "succeeded",
  "failed",
  "cancelled",
] as const
export const JobState = v.picklist(jobStates)

/** GET /api/training/jobs, /api/training/jobs/:id */
export const JobView = v.object({
  id: Uuid,
  line: Key,
  state: JobState,
  why: Key,
  progress: v.nullable(TrainingProgress),
  dataset: v.object({
    /** Null while the set is being frozen. */
    digest: v.nullable(Sha256),
    train: Count,
    calib: Count,
    ok: Count,
    ng: Count,
    by_kind: v.record(v.string(), v.number()),
  }),
  /** Where it is made: by the hub itself, by a trainer that asks for jobs, or by one that is reached on foot. */
  place: v.picklist(["hub", "trainer", "paper"]),
  recipe: v.object({ id: Key, version: v.number(), task: Key, params: ParamValues }),
  seed: v.number(),
  /** Digest of what the trainer is given; null until it has been put together. */
  bundle: v.nullable(Sha256),
  /** The run this one repeats. */
  reproduces: v.nullable(Uuid),
  /** Who has it now or had it last; null for the hub. */
  trainer: v.nullable(v.string()),
  /** Times it was given out, and what became of each. */
  attempts: v.array(
    v.object({
      n: Count,
      trainer: v.nullable(v.string()),
      started_at: Instant,
      ended_at: v.nullable(Instant),
      end: v.nullable(Key),
      detail: v.nullable(v.string()),
    }),
  ),
  /** The step a next attempt would go on from. */
  checkpoint: v.nullable(v.object({ n: Count, step: v.nullable(Count), at: Instant })),
  /** Times and figures as the trainer sent them, for the curves; thinned to some hundred. */
  curve: v.array(
    v.object({
      at: Instant,
      progress: v.number(),
      metrics: v.record(v.string(), v.number()),
      step: v.optional(Count),
    }),
  ),
  /** The newest value of every figure. */
  figures: v.record(v.string(), v.number()),
  error: v.nullable(v.string()),
  /** What came with the result and was not taken, while the rest of it was. */
  note: v.nullable(v.string()),
  model: v.nullable(Sha256),
  gate_pass: v.nullable(v.boolean()),
  created_at: Instant,
  started_at: v.nullable(Instant),
  finished_at: v.nullable(Instant),
  created_by: v.string(),
})
export type JobView = v.InferOutput<typeof JobView>

/** POST /api/training/jobs (engineer) */
export const NewJob = v.object({
  line: v.optional(Key, "main"),
  seed: v.optional(v.pipe(v.number(), v.safeInteger()), 1),
  /** The hub's own when absent. What is not said of `params` is as the recipe has it. */
  recipe: v.optional(
    v.object({
      id: Key,
      version: v.optional(v.pipe(v.number(), v.safeInteger())),
      params: v.optional(ParamValues, {}),
    }),
  ),
  /** Only this trainer may take it. */
  trainer: v.optional(Key),
  /** A frozen training set; what is labelled now when absent. */
  dataset: v.optional(Sha256),
  /** For a trainer that is not connected: the job waits to be carried there. `task` says what its recipe makes. */
  offline: v.optional(
    v.object({ task: v.picklist(["anomaly", "classification", "detection", "segmentation"]) }),
  ),
  max_minutes: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(7 * 24 * 60)), 240),
})

/**
 * POST /api/golden?meta=<this as URL-encoded JSON> (engineer), the image is the body: adds an adjudicated part to the hub's
 * golden set. POST /api/references takes the same and adds a known part to the training pool (e.g. good parts of a new product).
 */
export const ReferenceMeta = v.object({
  part_id: v.pipe(v.string(), v.minLength(1), v.maxLength(128)),
  product_id: v.optional(Key),
  label: SampleLabel,
})
export type ReferenceMeta = v.InferOutput<typeof ReferenceMeta>
export const ReferenceReceipt = v.object({ id: Uuid, image: Sha256, duplicate: v.boolean() })

const GoldenCounts = v.object({
  digest: v.nullable(Sha256),
  ok: Count,
  ng: Count,
  by_kind: v.record(v.string(), v.number()),
})
export type GoldenCounts = v.InferOutput<typeof GoldenCounts>

/** GET /api/golden */
export const GoldenSummary = v.object({ ...GoldenCounts.entries, looks: Count })
export type GoldenSummary = v.InferOutput<typeof GoldenSummary>
