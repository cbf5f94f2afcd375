import type { ModelContract } from "#contract/model"
import type { OnnxModel } from "../onnx/read.ts"
import { drafted, type Guess, imagesOf, planesOf } from "./draft.ts"
import { numbered, readNames } from "./names.ts"
import { isHierarchy, openvino } from "./openvino.ts"

const imageNet = { scale: 1 / 255, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] }
const plain = { scale: 1 / 255, mean: [0, 0, 0], std: [1, 1, 1] }

/**
 * What a model without a contract of ours most likely is, from its metadata and the names and shapes of what goes in and
 * out; undefined when it is nothing that is known. A guess is shown to an engineer before anybody relies on it.
 */
export function recogniseModel(model: OnnxModel): Guess | undefined {
  if (isHierarchy(model)) return undefined
  for (const look of [
    ultralytics,
    openvino,
    rtdetr,
    rfdetr,
    mmdeploy,
    anomalib,
    yolox,
    yoloByShape,
    listed,
    segmentation,
    classifier,
  ]) {
    const guess = look(model)
    if (guess) return guess
  }
  return undefined
}

/** Cells of strides 8, 16 and 32 on the input. */
function cellsOf(model: OnnxModel): number {
  const [image] = imagesOf(model)
  const [h, w] = [countAt(image?.dims, 2), countAt(image?.dims, 3)]
  return [8, 16, 32].reduce((sum, stride) => sum + Math.floor(w / stride) * Math.floor(h / stride), 0)
}

const outputOf = (model: OnnxModel, name: string) => model.outputs.find((output) => output.name === name)
const countAt = (dims: readonly (number | string)[] | undefined, at: number): number => {
  const dim = dims?.at(at)
  return typeof dim === "number" && dim > 0 ? dim : 0
}

function ultralytics(model: OnnxModel): Guess | undefined {
  const { metadata, outputs } = model
  const task = metadata.get("task")
  const text = metadata.get("names")
  const names = text === undefined ? undefined : readNames(text)
  const [first] = outputs
  if (task === undefined || !names || !first) return undefined
  const base = { names, licence: metadata.get("license"), input: plain } as const
  if (task === "classify")
    return drafted(model, {
      ...base,
      source: "ultralytics",
      task: "classification",
      mode: "short_side_crop",
      outputs: [{ name: first.name, role: "probs" }],
      decode: { type: "probs" },
    })
  if (task !== "detect" && task !== "segment") return undefined
  const [rows, width] = [countAt(first.dims, 1), countAt(first.dims, 2)]
  // Three anchors to a cell, each a row: the oldest form. Few rows of corners: suppressed inside.
  const older = width >= 5 + names.length && rows === 3 * cellsOf(model)
  const inside = !older && rows !== 4 + names.length && rows <= 1_000 && width >= 6
  return drafted(model, {
    ...base,
    source: inside ? "ultralytics-e2e" : older ? "ultralytics-v5" : "ultralytics",
    task: task === "detect" ? "detection" : "instance",
    mode: "letterbox",
    outputs: [
      { name: first.name, role: "dets" },
      ...(task === "segment" && outputs[1] ? [{ name: outputs[1].name, role: "proto" as const }] : []),
    ],
    decode: { type: inside ? "yolo_e2e" : older ? "yolo_v5" : "yolo_v8", iou: 0.5 },
  })
}

/** RT-DETR and D-FINE: the size of the picture goes in, boxes in its pixels come out. */
function rtdetr(model: OnnxModel): Guess | undefined {
  const sized = model.inputs.some(({ name }) => name === "orig_target_sizes")
  if (!sized || !["labels", "boxes", "scores"].every((name) => outputOf(model, name))) return undefined
  return drafted(model, {
    source: "rt-detr",
    task: "detection",
    input: plain,
    mode: "stretch",
    outputs: [
      { name: "labels", role: "labels" },
      { name: "boxes", role: "boxes" },
      { name: "scores", role: "scores" },
    ],
    decode: { type: "detr", size_input: "orig_target_sizes" },
    names: readNames(model.metadata.get("names") ?? "") ?? numbered(80),
  })
}

function rfdetr(model: OnnxModel): Guess | undefined {
  const [dets, labels] = [outputOf(model, "dets"), outputOf(model, "labels")]
  if (!dets || !labels || dets.dims.at(-1) !== 4 || labels.dims.length !== 3) return undefined
  return drafted(model, {
    source: "rf-detr",
    task: "detection",
    input: imageNet,
    mode: "stretch",
    outputs: [
      { name: "dets", role: "boxes" },
      { name: "labels", role: "logits" },
    ],
    decode: { type: "rfdetr" },
    names: numbered(countAt(labels.dims, -1)),
  })
}

function mmdeploy(model: OnnxModel): Guess | undefined {
  const [dets, labels] = [outputOf(model, "dets"), outputOf(model, "labels")]
  if (!dets || !labels || dets.dims.at(-1) !== 5) return undefined
  return drafted(model, {
    source: "mmdeploy",
    task: "detection",
    // What RTMDet's own configuration says; others say so in a file beside the model.
    input: { color: "BGR", scale: 1, mean: [103.53, 116.28, 123.675], std: [57.375, 57.12, 58.395] },
    mode: "letterbox",
    outputs: [
      { name: "dets", role: "dets" },
      { name: "labels", role: "labels" },
    ],
    decode: { type: "mmdet" },
    names: numbered(80),
  })
}

/** anomalib 2: the preparation is inside, and scores are clamped to 0..1 with the threshold at one half. */
function anomalib(model: OnnxModel): Guess | undefined {
  if (!outputOf(model, "pred_score")) return undefined
  const map = outputOf(model, "anomaly_map")
  return drafted(model, {
    source: "anomalib",
    task: "anomaly",
    input: plain,
    mode: "stretch",
    outputs: [
      { name: "pred_score", role: "score" },
      ...(map ? [{ name: map.name, role: "map" as const }] : []),
    ],
    decode: { type: "anomaly" },
    names: ["ok", "anomaly"],
    thresholds: { t_low: 0.45, t_high: 0.5, pixel: 0.5 },
  })
}

function yolox(model: OnnxModel): Guess | undefined {
  const out = outputOf(model, "output")
  const [image] = imagesOf(model)
  if (!out || image?.name !== "images" || out.dims.length !== 3) return undefined
  const classes = countAt(out.dims, 2) - 5
  if (classes < 1 || countAt(out.dims, 1) !== cellsOf(model)) return undefined
  return drafted(model, {
    source: "yolox",
    task: "detection",
    input: { color: "BGR", scale: 1, mean: [0, 0, 0], std: [1, 1, 1] },
    mode: "letterbox_topleft",
    outputs: [{ name: "output", role: "dets" }],
    decode: { type: "yolox", iou: 0.5 },
    names: numbered(classes),
  })
}

/** Exports of YOLO that have lost their metadata. */
function yoloByShape(model: OnnxModel): Guess | undefined {
  const [image] = imagesOf(model)
  const [first] = model.outputs
  if (first?.dims.length !== 3 || !image || !/^images?$/.test(image.name)) return undefined
  const [rows, columns] = [countAt(first.dims, 1), countAt(first.dims, 2)]
  const base = {
    task: "detection",
    input: plain,
    mode: "letterbox",
    outputs: [{ name: first.name, role: "dets" }],
  } as const
  const cells = cellsOf(model)
  if (cells > 0 && columns === cells && rows > 4)
    return drafted(model, {
      ...base,
      outputs: [...base.outputs],
      source: "yolo",
      decode: { type: "yolo_v8", iou: 0.5 },
      names: numbered(rows - 4),
    })
  if (cells > 0 && rows === 3 * cells && columns > 5)
    return drafted(model, {
      ...base,
      outputs: [...base.outputs],
      source: "yolo-v5",
      decode: { type: "yolo_v5", iou: 0.5 },
      names: numbered(columns - 5),
    })
  return undefined
}

/**
 * Boxes as rows, a whole number and a score for each: detectors of torchvision, whose preparation is inside. Class 0 is the
 * ground there, and the file does not say how many there are.
 */
function listed(model: OnnxModel): Guess | undefined {
  if (imagesOf(model).length + (planesOf(model) ? 1 : 0) !== 1) return undefined
  const boxes = model.outputs.find(({ dims, type }) => dims.length === 2 && dims[1] === 4 && type === 1)
  const labels = model.outputs.find(({ dims, type }) => dims.length === 1 && type === 7)
  const scores = model.outputs.find(({ dims, type }) => dims.length === 1 && type === 1)
  if (!boxes || !labels || !scores) return undefined
  const masks = model.outputs.some(({ dims }) => dims.length === 4)
  return drafted(model, {
    source: "torchvision",
    task: masks ? "instance" : "detection",
    input: plain,
    mode: "letterbox",
    outputs: [
      { name: boxes.name, role: "boxes" },
      { name: labels.name, role: "labels" },
      { name: scores.name, role: "scores" },
    ],
    decode: { type: "detr" },
    names: ["background", ...numbered(91).slice(1)],
  })
}

/** A map of numbers for each class: segmentation of torchvision and others. One map alone is that of what is wrong. */
function segmentation(model: OnnxModel): Guess | undefined {
  const [image, ...more] = imagesOf(model)
  const [first, ...others] = model.outputs
  if (!image || more.length > 0 || first?.dims.length !== 4 || others.length > 1) return undefined
  const [batch, classes] = [first.dims[0], countAt(first.dims, 1)]
  const isMap = first.dims.slice(2).every((dim) => typeof dim === "string" || dim >= 4)
  if (batch === undefined || (typeof batch === "number" && batch > 1) || !isMap) return undefined
  if (classes < 1 || classes > 1_000 || others.some(({ dims }) => dims.length !== 4)) return undefined
  return drafted(model, {
    source: "segmentation",
    task: "segmentation",
    input: imageNet,
    mode: "stretch",
    outputs: [{ name: first.name, role: "mask" }],
    decode: { type: classes === 1 ? "semantic_sigmoid" : "semantic" },
    names: classes === 1 ? ["defect"] : ["background", ...numbered(classes).slice(1)],
    side: 512,
  })
}

/** A beginning for a model of a form nobody knows: its first picture and its first answer. */
export function blankDraft(model: OnnxModel): ModelContract {
  const [first] = model.outputs
  return drafted(model, {
    source: "described",
    task: "classification",
    input: plain,
    mode: "stretch",
    outputs: [{ name: first?.name ?? "", role: "logits" }],
    decode: { type: "softmax" },
    names: numbered(Math.min(100, countAt(first?.dims, 1))),
    side: 224,
  }).contract
}

/** One row of numbers from one picture: a classifier of Hugging Face, timm or torchvision. */
function classifier(model: OnnxModel): Guess | undefined {
  const [image, ...more] = imagesOf(model)
  const [first, ...others] = model.outputs
  if (!image || more.length > 0 || !first || others.length > 0 || first.dims.length !== 2) return undefined
  const count = countAt(first.dims, 1)
  if (count < 2) return undefined
  return drafted(model, {
    source: image.name === "pixel_values" ? "hugging-face" : "classifier",
    task: "classification",
    input: imageNet,
    mode: "short_side_crop",
    outputs: [{ name: first.name, role: "logits" }],
    decode: { type: "softmax" },
    names: numbered(count),
    side: 224,
  })
}
