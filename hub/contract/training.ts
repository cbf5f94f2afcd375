import * as v from "valibot"
import { Count, DefectKey, Finite, Instant, Key, Sha256, Share, Uuid } from "./ids.ts"
import { Box } from "./inspection.ts"
import { ModelContract } from "./model.ts"

/** What a person (or an import) said about one image; `kinds` is empty for OK. Boxes in original pixels. */
export const SampleLabel = v.object({
  verdict: v.picklist(["ok", "ng"]),
  kinds: v.array(DefectKey),
  boxes: v.array(v.object({ kind: DefectKey, box: Box })),
})
export type SampleLabel = v.InferOutput<typeof SampleLabel>

/** One line of `samples.jsonl`. `path` is absolute or relative to the bundle folder. */
export const TrainingSample = v.object({
  id: Uuid,
  sha256: Sha256,
  path: v.string(),
  w: Count,
  h: Count,
  /** `calib` sets thresholds and is never fitted on. The golden set is never in a bundle. */
  split: v.picklist(["train", "val", "calib"]),
  /** Physical part, lot or burst: a group never straddles two splits. */
  group: v.string(),
  product: v.optional(Key),
  /** Parts of the line this one stands for: people see the doubtful ones first, so each of those stands for few. */
  weight: v.optional(v.pipe(v.number(), v.gtValue(0))),
  label: SampleLabel,
})
export type TrainingSample = v.InferOutput<typeof TrainingSample>

/** `job.json` of a job bundle: an immutable folder {job.json, samples.jsonl} a trainer turns into a result folder. */
export const TrainingJobSpec = v.object({
  v: v.literal(1),
  job_id: Uuid,
  recipe: v.object({ id: Key, version: v.number(), params: v.record(v.string(), v.unknown()) }),
  task: v.literal("anomaly"),
  seed: v.number(),
  classes: v.array(v.object({ id: v.number(), key: DefectKey })),
  /** Absolute path of the backbone ONNX and, unless it lies beside it, of its contract JSON; embedded trainer only. */
  backbone: v.optional(v.object({ onnx: v.string(), contract: v.optional(v.string()) })),
  dataset: Sha256,
  budget: v.object({ max_minutes: v.number() }),
  /** The operating point the thresholds aim at, as shares of 1. */
  target: v.object({ escape: v.number(), overkill: v.number() }),
})
export type TrainingJobSpec = v.InferOutput<typeof TrainingJobSpec>

/** What a trainer is doing. The first ones are the embedded trainer's; every trainer uses those that fit it. */
export const TrainingPhase = v.picklist([
  "load",
  "features",
  "bank",
  "head",
  "calibrate",
  "export",
  "verify",
  "done",
  "prepare",
  "download",
  "train",
  "validate",
  "upload",
])

export const GpuLoad = v.object({
  util: v.optional(Share),
  mem_gb: v.optional(v.pipe(Finite, v.minValue(0))),
})

/** Progress of a trainer; field names after Kubeflow Trainer. One per line on the child's IPC channel. */
export const TrainingProgress = v.object({
  phase: TrainingPhase,
  progress: v.pipe(v.number(), v.minValue(0), v.maxValue(1)),
  eta_s: v.optional(v.number()),
  /** Named figures as they become known, e.g. { oof_auroc: 0.97 }. */
  metrics: v.optional(v.record(v.string(), v.number())),
  message: v.optional(v.string()),
  /** Share of its GPUs that is at work, and their memory that is taken. */
  gpu: v.optional(GpuLoad),
})
export type TrainingProgress = v.InferOutput<typeof TrainingProgress>

/**
 * A label that the trainer doubts: a model that had not seen the part is surer of something else. It goes to a reviewer;
 * nobody changes it but people.
 */
export const Suspect = v.object({
  sample: Uuid,
  /** What the part was labelled when the set was frozen; empty for OK. */
  given: v.pipe(v.array(DefectKey), v.maxLength(16)),
  /** What it looks like instead; null for OK. */
  said: v.nullable(DefectKey),
  p_given: Share,
  p_said: Share,
})
export type Suspect = v.InferOutput<typeof Suspect>

/** `manifest.json` of a result folder: {manifest.json, model.onnx, crux.json, metrics.json}. */
export const TrainingResult = v.object({
  v: v.literal(1),
  job_id: Uuid,
  model: v.object({ sha256: Sha256, size: Count }),
  contract: ModelContract,
  metrics: v.record(v.string(), v.number()),
  /** The most doubtful first. */
  suspects: v.optional(v.pipe(v.array(Suspect), v.maxLength(1_000))),
  finished_at: Instant,
})
export type TrainingResult = v.InferOutput<typeof TrainingResult>
