import * as v from "valibot"
import { DefectKey, Key, Sha256 } from "./ids.ts"

const Size = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(8192))

/** How raw pixels become the input tensor. Shared by edge, hub and trainer, so they cannot disagree. */
export const ModelInput = v.object({
  name: v.string(),
  dtype: v.picklist(["f32", "u8"]),
  /** `CHW`: one picture without a batch around it. */
  layout: v.picklist(["NCHW", "NHWC", "CHW"]),
  color: v.picklist(["RGB", "BGR", "GRAY"]),
  resize: v.object({
    mode: v.picklist(["stretch", "letterbox", "letterbox_topleft", "short_side_crop", "none"]),
    w: Size,
    h: Size,
    interp: v.picklist(["bilinear", "bicubic", "area", "lanczos3"]),
    antialias: v.boolean(),
    pad: v.optional(v.number()),
  }),
  /** tensor = (pixel * scale - mean) / std, per channel in the order of `color`; pixel in 0..255. */
  scale: v.number(),
  mean: v.array(v.number()),
  std: v.array(v.number()),
})
export type ModelInput = v.InferOutput<typeof ModelInput>

export const ModelOutput = v.object({
  name: v.string(),
  role: v.picklist([
    "logits",
    "probs",
    "boxes",
    "scores",
    "labels",
    "dets",
    "map",
    "mask",
    "proto",
    "score",
    "embedding",
  ]),
})

/** How answers of models of other makers are read, and which outputs each way needs by their roles. */
export const decodings = {
  softmax: ["logits"],
  sigmoid: ["logits"],
  probs: ["probs"],
  yolo_v8: ["dets"],
  yolo_v5: ["dets"],
  yolo_e2e: ["dets"],
  yolox: ["dets"],
  detr: ["boxes", "labels", "scores"],
  rfdetr: ["boxes", "logits"],
  mmdet: ["dets", "labels"],
  anomaly: ["score"],
  anomaly_map: ["map"],
  semantic: ["mask"],
  semantic_sigmoid: ["mask"],
} as const satisfies Record<string, readonly v.InferOutput<typeof ModelOutput>["role"][]>

export const ModelClass = v.object({ id: v.number(), key: DefectKey, verdict: v.picklist(["OK", "NG"]) })

const Thresholds = v.object({
  /** Below: OK. */
  t_low: v.number(),
  /** At or above: NG. Between the two: undecidable. `t_low <= t_high`. */
  t_high: v.number(),
  /** Cells of the anomaly map at or above are drawn as a finding. */
  pixel: v.optional(v.number()),
})

/** What counts for the parts of one product, where a model judges several and knows that they differ. */
const ProductLimits = v.object({
  ...Thresholds.entries,
  /** Outputs that stand for score and map, on this product's own scale; without them the common ones do. */
  outputs: v.optional(v.object({ score: v.string(), map: v.string() })),
})

/**
 * The model contract `crux.contract`: JSON in the ONNX `metadata_props`, mirrored in `crux.json`.
 * Thresholds in a deployment record win over the ones in here.
 */
export const ModelContract = v.object({
  v: v.literal(1),
  task: v.picklist([
    "classification",
    "multilabel",
    "detection",
    "segmentation",
    "instance",
    "anomaly",
    "embedding",
  ]),
  inputs: v.pipe(v.array(ModelInput), v.minLength(1)),
  outputs: v.pipe(v.array(ModelOutput), v.minLength(1)),
  decode: v.object({
    type: Key,
    /** Of two things of one class that lie on each other by more than this share, the surer one counts. */
    iou: v.optional(v.number()),
    /** Name of an input that takes width and height, where boxes come in those pixels. */
    size_input: v.optional(v.string()),
    /** Boxes are shares of the input instead of its pixels. */
    shares: v.optional(v.boolean()),
    /** Raw numbers of a map: which of the whole picture, and which of a place, is one half, and how many more are one. */
    raw: v.optional(v.object({ score: v.number(), map: v.number(), span: v.pipe(v.number(), v.gtValue(0)) })),
  }),
  classes: v.array(ModelClass),
  thresholds: Thresholds,
  /** Products that have limits of their own; `thresholds` hold for every other part. */
  products: v.optional(v.record(Key, ProductLimits)),
  score: v.object({ direction: v.literal("higher_is_ng"), raw: v.boolean() }),
  provenance: v.object({
    recipe: Key,
    job: v.optional(v.string()),
    dataset: v.optional(Sha256),
    backbone: v.optional(v.object({ name: Key, sha256: Sha256, taps: v.array(v.string()) })),
    licence: v.optional(v.string()),
  }),
})
export type ModelContract = v.InferOutput<typeof ModelContract>

/** A frozen feature extractor an engineer may swap: file, input order and normalisation, named taps. */
export const BackboneContract = v.object({
  v: v.literal(1),
  name: Key,
  input: v.object({
    name: v.string(),
    color: v.picklist(["RGB", "BGR"]),
    mean: v.array(v.number()),
    std: v.array(v.number()),
  }),
  /** Tap name in the ONNX graph per stride, e.g. { s8: "s8", s16: "s16", s32: "s32" }, with its channels. */
  taps: v.record(v.string(), v.object({ tensor: v.string(), stride: v.number(), channels: v.number() })),
  licence: v.string(),
})
export type BackboneContract = v.InferOutput<typeof BackboneContract>
