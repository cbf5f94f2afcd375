import * as v from "valibot"
import { Outline, Region } from "./drawing.ts"
import { Count, DefectKey, Finite, Instant, Key, Sha256, Share, Uuid } from "./ids.ts"
import { Finding } from "./inspection.ts"
import { ModelContract } from "./model.ts"
import { GatePolicy, ParamValues } from "./registry.ts"
import { GpuLoad, SampleLabel, TrainingPhase } from "./training.ts"

/**
 * The trainer contract, version 1: what a program on another machine says to the hub to make models for it. It dials the
 * hub, holds no open port, and names everything by SHA-256. `docs/trainer-contract.md` is its page.
 */
export const trainerContract = 1

/** Limits both sides keep. */
export const trainerLimits = {
  /** Longest wait of a claim, seconds. */
  waitS: 25,
  /** Most a job's log may hold, bytes of UTF-8; what comes after is dropped. */
  logBytes: 4 * 1024 * 1024,
  /** Longest piece of a log in one call, bytes of UTF-8. */
  logPieceBytes: 256 * 1024,
  /** Longest artefact, bytes. */
  artifactBytes: 2 * 1024 ** 3,
  /** Most a job may hand in, bytes, checkpoints that were replaced included. */
  jobBytes: 16 * 1024 ** 3,
  /** Most points of curves of a job. */
  points: 20_000,
} as const

const Text = v.pipe(v.string(), v.maxLength(256))
const Words = v.object({ en: Text, ko: v.optional(Text) })
const Name = v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(64))
/** Name of a figure, e.g. `loss`, `val/auroc`. */
const Metric = v.pipe(v.string(), v.regex(/^[A-Za-z0-9][A-Za-z0-9_./@-]{0,47}$/, "not the name of a figure"))
const Metrics = v.pipe(v.record(Metric, Finite), v.maxEntries(32))

/** A trainer's name at the hub. */
export const TrainerId = v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9-]{0,31}$/, "not a trainer id"))
/** Counts the times a job was given out: the higher one has it. */
export const Epoch = v.pipe(v.number(), v.safeInteger(), v.minValue(1))

/** One setting of a recipe, as the Training screen asks for it. */
export const RecipeParam = v.variant("type", [
  v.object({
    key: Key,
    type: v.picklist(["int", "number"]),
    default: Finite,
    min: v.optional(Finite),
    max: v.optional(Finite),
    title: v.optional(Words),
    help: v.optional(Words),
  }),
  v.object({
    key: Key,
    type: v.literal("bool"),
    default: v.boolean(),
    title: v.optional(Words),
    help: v.optional(Words),
  }),
  v.object({
    key: Key,
    type: v.literal("choice"),
    default: Text,
    choices: v.pipe(v.array(Text), v.minLength(1), v.maxLength(64)),
    title: v.optional(Words),
    help: v.optional(Words),
  }),
])
export type RecipeParam = v.InferOutput<typeof RecipeParam>

export const TrainerTask = v.picklist(["anomaly", "classification", "detection", "segmentation"])

/** A way a trainer knows to make a model. */
export const Recipe = v.object({
  id: Key,
  /** Raised when the same data and parameters would make another model. */
  version: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
  task: TrainerTask,
  title: v.optional(Words),
  about: v.optional(Words),
  params: v.pipe(v.array(RecipeParam), v.maxLength(32)),
  min_gpu_mem_gb: v.optional(v.pipe(Finite, v.minValue(0))),
})
export type Recipe = v.InferOutput<typeof Recipe>

const Gpu = v.object({ name: Text, mem_gb: v.pipe(Finite, v.minValue(0)) })

/** POST /trainer/v1/register: the same again replaces what was said before. */
export const TrainerRegistration = v.object({
  /** Program and version, e.g. "crux-trainer 1.0.0". */
  software: Text,
  contract_versions: v.pipe(v.array(v.number()), v.minLength(1), v.maxLength(16)),
  recipes: v.pipe(v.array(Recipe), v.maxLength(64)),
  gpus: v.pipe(v.array(Gpu), v.maxLength(64)),
  cpus: v.optional(Count),
  mem_gb: v.optional(v.pipe(Finite, v.minValue(0))),
  /** Whatever a site tells its machines apart by. */
  labels: v.optional(v.pipe(v.record(Key, Text), v.maxEntries(32)), {}),
})
export type TrainerRegistration = v.InferOutput<typeof TrainerRegistration>

export const TrainerRegistered = v.object({
  trainer_id: TrainerId,
  contract_version: v.number(),
  lease_ttl_s: v.number(),
  wait_s: v.number(),
  limits: v.object({ log_bytes: Count, log_piece_bytes: Count, artifact_bytes: Count, job_bytes: Count }),
})

/** POST /trainer/v1/claim: 204, or a job. The same `request_id` again gives the same lease while it lives. */
export const TrainerClaim = v.object({
  request_id: Uuid,
  wait_s: v.optional(v.pipe(Finite, v.minValue(0), v.maxValue(trainerLimits.waitS)), trainerLimits.waitS),
  /** Take only jobs of these recipes now; all that were registered when absent. */
  recipes: v.optional(v.pipe(v.array(Key), v.maxLength(64))),
  /** Memory that is free on a GPU now; what was registered when absent. */
  free_gpu_mem_gb: v.optional(v.pipe(Finite, v.minValue(0))),
})

/** A checkpoint the hub keeps: content by its SHA-256, to be fetched like any other file of the job. */
export const Checkpoint = v.object({
  n: Count,
  sha256: Sha256,
  size: Count,
  /** Step of the curves it was made at. */
  step: v.optional(Count),
})
export type Checkpoint = v.InferOutput<typeof Checkpoint>

export const Lease = v.object({ epoch: Epoch, expires_at: Instant, ttl_s: v.number() })

/** A job in a trainer's hands. */
export const ClaimedJob = v.object({
  job: v.object({
    id: Uuid,
    /** 1 at first; higher when it was lost before. */
    attempt: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
    recipe: v.object({ id: Key, version: v.number() }),
    /** SHA-256 of `bundle.json`: names the whole job bundle. */
    bundle: Sha256,
    /** Where the log goes on, bytes. */
    log_offset: Count,
    resume_from: v.nullable(Checkpoint),
  }),
  lease: Lease,
})
export type ClaimedJob = v.InferOutput<typeof ClaimedJob>

export const LeaseQuery = v.object({
  epoch: v.pipe(v.string(), v.regex(/^\d{1,15}$/), v.transform(Number), Epoch),
})

/** POST /trainer/v1/jobs/{id}/heartbeat, every third of the lease. */
export const Heartbeat = v.object({
  epoch: Epoch,
  phase: TrainingPhase,
  progress: Share,
  eta_s: v.optional(v.pipe(Finite, v.minValue(0))),
  /** Figures of now. With `step` they are also a point of the curves. */
  metrics: v.optional(Metrics),
  step: v.optional(Count),
  gpu: v.optional(GpuLoad),
  /** One short sentence for people who watch. */
  message: v.optional(Text),
})
/** `cancel`: stop now, and say nothing more about this job. */
export const HeartbeatAnswer = v.object({ cancel: v.boolean(), expires_at: Instant, ttl_s: v.number() })

/** POST /trainer/v1/jobs/{id}/metrics: points of the curves; the same step again replaces its point. */
export const MetricPoints = v.object({
  epoch: Epoch,
  points: v.pipe(
    v.array(v.object({ step: Count, progress: v.optional(Share), metrics: Metrics })),
    v.minLength(1),
    v.maxLength(500),
  ),
})

/** POST /trainer/v1/jobs/{id}/logs: append-only. A piece that begins before the end is taken from the end on. */
export const LogPiece = v.object({
  epoch: Epoch,
  offset: Count,
  text: v.pipe(v.string(), v.maxBytes(trainerLimits.logPieceBytes)),
})
/** `offset`: where the log ends now. `full`: it holds no more, what was sent is dropped. */
export const LogAnswer = v.object({ offset: Count, full: v.boolean() })

/** GET and PUT /trainer/v1/jobs/{id}/artifacts/{sha256}: how much of it the hub has. */
export const ArtifactState = v.object({ offset: Count, complete: v.boolean() })

/** PUT /trainer/v1/jobs/{id}/checkpoints/{n}: makes an artefact that was uploaded the one to resume from. */
export const NewCheckpoint = v.object({ epoch: Epoch, sha256: Sha256, step: v.optional(Count) })

/** POST /trainer/v1/jobs/{id}/complete. `manifest` is the SHA-256 of the result's `manifest.json`, an artefact. */
export const Completion = v.object({ epoch: Epoch, manifest_sha256: Sha256 })
/** POST /trainer/v1/jobs/{id}/fail */
export const Failure = v.object({
  epoch: Epoch,
  /** E.g. `out_of_memory`, `bad_data`, `crashed`. */
  class: Key,
  /** Whether another try, here or elsewhere, may succeed. */
  retryable: v.boolean(),
  message: v.pipe(v.string(), v.maxLength(2000)),
})
/** POST /trainer/v1/jobs/{id}/released: given back in good order, e.g. because the machine shuts down. */
export const Release = v.object({ epoch: Epoch })

/** What a trainer may know of a job that it has or had. */
export const TrainerJobState = v.object({
  state: v.picklist(["queued", "running", "proving", "succeeded", "failed", "cancelled"]),
  epoch: Count,
  /** Whether the caller has it now. */
  yours: v.boolean(),
  error: v.nullable(v.string()),
  model: v.nullable(Sha256),
  gate_pass: v.nullable(v.boolean()),
})
export type TrainerJobState = v.InferOutput<typeof TrainerJobState>

const SafePath = v.pipe(
  v.string(),
  v.regex(
    /^[a-z0-9][a-z0-9_-]*(\.[a-z0-9_-]+)*(\/[a-z0-9][a-z0-9_-]*(\.[a-z0-9_-]+)*)?$/i,
    "not a plain path",
  ),
  v.maxLength(128),
)
/** One file of a bundle. */
export const BundleFile = v.object({ path: SafePath, sha256: Sha256, size: Count })
export type BundleFile = v.InferOutput<typeof BundleFile>

/**
 * `bundle.json`: what a job bundle consists of. Canonical JSON (RFC 8785); its SHA-256 is the digest of the bundle, so
 * equal content has one name on any machine and at any time.
 */
export const BundleManifest = v.object({
  v: v.literal(1),
  /** `job.json`, `dataset.json`, `samples.jsonl`, `policy.json`, sorted by path. */
  files: v.pipe(v.array(BundleFile), v.maxLength(64)),
  /** Pictures that `samples.jsonl` names, as `blobs/<sha256>`. */
  blobs: v.object({ count: Count, bytes: Count }),
})
export type BundleManifest = v.InferOutput<typeof BundleManifest>

/** `job.json` of a job bundle: the whole task. It names no job, so that the same task again is the same bundle. */
export const TrainerJob = v.object({
  v: v.literal(1),
  recipe: v.object({ id: Key, version: v.number(), params: ParamValues }),
  task: TrainerTask,
  seed: v.pipe(v.number(), v.safeInteger()),
  /** 0 is OK in every model and is not among them. */
  classes: v.array(v.object({ id: v.pipe(v.number(), v.safeInteger(), v.minValue(1)), key: DefectKey })),
  dataset: Sha256,
  budget: v.object({ max_minutes: v.number(), max_gpu_mem_gb: v.optional(Finite) }),
  /** The operating point thresholds aim at, as shares of 1, and what the stations can run. */
  target: v.object({
    escape: Share,
    overkill: Share,
    opset_max: v.number(),
    dtype: v.array(v.picklist(["f32", "int8"])),
    latency_budget_ms: v.number(),
  }),
  export: v.object({ parity_samples: Count }),
  warm_start: v.optional(v.object({ sha256: Sha256, size: Count })),
})
export type TrainerJob = v.InferOutput<typeof TrainerJob>

/** `dataset.json` of a job bundle. */
export const TrainerDataset = v.object({
  v: v.literal(1),
  digest: Sha256,
  created_at: Instant,
  samples: Count,
  splits: v.record(v.picklist(["train", "val", "calib"]), v.object({ ok: Count, ng: Count })),
  by_kind: v.record(DefectKey, Count),
})
export type TrainerDataset = v.InferOutput<typeof TrainerDataset>

/** One line of `samples.jsonl`. */
export const TrainerSample = v.object({
  id: Uuid,
  sha256: Sha256,
  /** `blobs/<sha256>` */
  path: v.string(),
  mime: v.string(),
  size: Count,
  w: Count,
  h: Count,
  /**
   * `train` is fitted on; `val` stops early and chooses; `calib` sets thresholds and is never fitted on. A bundle may
   * have no `val`: hold out a part of `train` by `group` then. The golden set is never in a bundle.
   */
  split: v.picklist(["train", "val", "calib"]),
  /** Physical part, lot or burst: a group never straddles two splits. */
  group: v.string(),
  product: v.optional(Key),
  /** Parts of the line this one stands for. */
  weight: v.pipe(Finite, v.gtValue(0)),
  label: v.object({
    ...SampleLabel.entries,
    /** Outlines, where somebody drew more than boxes; the boxes are those around them. */
    regions: v.optional(v.array(v.object({ kinds: Region.entries.kinds, outline: Outline }))),
  }),
})
export type TrainerSample = v.InferOutput<typeof TrainerSample>

/** `policy.json` of a job bundle: what the hub will ask of the model, on parts the trainer never sees. */
export const TrainerPolicy = v.object({ v: v.literal(1), gate: GatePolicy })
export type TrainerPolicy = v.InferOutput<typeof TrainerPolicy>

/** `parity.json` of a result: what the trainer's own runtime said about some pictures. */
export const ParityFile = v.object({
  v: v.literal(1),
  samples: v.pipe(
    v.array(
      v.object({
        /** Path of an encoded picture (PNG, JPEG, WebP) among the files of the result. */
        image: SafePath,
        /** NG score of the part, 0..1, as docs/trainer-contract.md defines it for each way of decoding. */
        score: Share,
        eval: v.picklist(["ok", "ng", "undecidable"]),
        /**
         * What was found, the surest first: kinds, and boxes (around areas, where the model answers with masks or a map) in
         * pixels of this picture. Compared with what the hub finds.
         */
        findings: v.optional(v.pipe(v.array(Finding), v.maxLength(64))),
        /** Raw outputs by name, for people who look for the difference. */
        outputs: v.optional(v.record(v.string(), v.array(Finite))),
        /** Of the input tensor, for the same. */
        tensor: v.optional(v.object({ mean: Finite, std: Finite, min: Finite, max: Finite })),
      }),
    ),
    v.minLength(1),
    v.maxLength(64),
  ),
})
export type ParityFile = v.InferOutput<typeof ParityFile>

/**
 * `manifest.json` of a result bundle. `model.onnx`, `crux.json`, `metrics.json` and `parity.json` must be among its
 * files; `card.json`, `env.json`, `scores.jsonl` and a `checkpoint` may be.
 */
export const ResultManifest = v.object({
  v: v.literal(1),
  job_id: Uuid,
  /** Digest of the job bundle it was made from. */
  bundle: Sha256,
  files: v.pipe(v.array(BundleFile), v.minLength(4), v.maxLength(256)),
  model: v.object({ sha256: Sha256, size: Count }),
  /** The same as in the ONNX and in `crux.json`. */
  contract: ModelContract,
  metrics: v.pipe(v.record(Metric, Finite), v.maxEntries(256)),
  finished_at: Instant,
})
export type ResultManifest = v.InferOutput<typeof ResultManifest>

/** POST /api/trainers (engineer): a new trainer, or a new token for one that is there. */
export const NewTrainer = v.object({ id: TrainerId, name: v.optional(Name) })
/** GET /api/trainers. `seen_at`: its last call; `busy`: jobs it has now. */
export const TrainerView = v.object({
  id: TrainerId,
  name: v.string(),
  created_at: Instant,
  created_by: v.string(),
  revoked_at: v.nullable(Instant),
  seen_at: v.nullable(Instant),
  online: v.boolean(),
  busy: v.array(Uuid),
  said: v.nullable(TrainerRegistration),
})
export type TrainerView = v.InferOutput<typeof TrainerView>
/** The token is shown once; it is stored hashed. */
export const TrainerToken = v.object({ trainer: TrainerView, token: v.string() })
export type TrainerToken = v.InferOutput<typeof TrainerToken>

/** GET /api/training/recipes: what can be chosen when a job is started. */
export const RecipeView = v.object({
  ...Recipe.entries,
  /** The hub itself makes it. */
  embedded: v.boolean(),
  /** Trainers that know it, and whether one of them is there. */
  trainers: v.array(TrainerId),
  online: v.boolean(),
})
export type RecipeView = v.InferOutput<typeof RecipeView>

/** `ticket.json` in a job bundle's tar. */
export const JobTicket = v.object({ v: v.literal(1), job_id: Uuid, bundle: Sha256 })
