import type { OnnxModel } from "../onnx/read.ts"
import { type Draft, drafted, type Guess } from "./draft.ts"

type Info = ReturnType<typeof infoOf>
type Said = Omit<Draft, "source" | "input" | "mode" | "pad" | "thresholds"> &
  Partial<Pick<Draft, "input" | "thresholds">>

/** OpenVINO's Model API, Geti and OTX: `model_info <name>` in the metadata, with which their own wrappers are set up. */
export function openvino(model: OnnxModel): Guess | undefined {
  const info = infoOf(model)
  const read = kinds[info.text("model_type")?.toLowerCase() ?? ""]
  const said = read?.(model, info)
  if (!said) return undefined
  const confidence = info.number("confidence_threshold", 0.5)
  return drafted(model, {
    source: "openvino",
    mode: modes[info.text("resize_type") ?? ""] ?? "stretch",
    pad: info.number("pad_value", 0),
    input: preparationOf(info),
    thresholds: { t_low: confidence / 2, t_high: confidence },
    ...said,
  })
}

/** Several rows of classes in one, each with its own sum: nothing here reads that, and its shape is that of plain classes. */
export const isHierarchy = (model: OnnxModel): boolean => infoOf(model).isOn("hierarchical")

function infoOf({ metadata }: OnnxModel) {
  const text = (name: string) => metadata.get(`model_info ${name}`)
  const number = (name: string, otherwise: number) => {
    const read = Number(text(name) ?? Number.NaN)
    return Number.isFinite(read) ? read : otherwise
  }
  const words = (name: string) => (text(name) ?? "").split(/\s+/).filter((word) => word !== "")
  const isOn = (name: string) => ["true", "yes", "1"].includes(text(name)?.toLowerCase() ?? "")
  return { text, number, words, isOn }
}

/** `fit_to_window` puts the picture into the corner, `…_letterbox` into the middle. */
const modes: Readonly<Record<string, Draft["mode"]>> = {
  fit_to_window: "letterbox_topleft",
  fit_to_window_letterbox: "letterbox",
  crop: "short_side_crop",
}

/** Their scale is by what is divided, after the mean, both in 0..255. */
function preparationOf({ words, isOn }: Info): Draft["input"] {
  const numbers = (name: string, otherwise: number) => {
    const read = words(name).map(Number)
    const three = read.length === 1 ? [read[0]!, read[0]!, read[0]!] : read
    return three.length === 3 && three.every(Number.isFinite) ? three : [otherwise, otherwise, otherwise]
  }
  return {
    scale: 1,
    mean: numbers("mean_values", 0),
    std: numbers("scale_values", 1).map((by) => by || 1),
    color: isOn("reverse_input_channels") ? "RGB" : "BGR",
  }
}

/** Maps and vectors that explain an answer beside it. */
const asides = /^(feature_vector|saliency_map)$/
const answersOf = ({ outputs }: OnnxModel) => outputs.filter(({ name }) => !asides.test(name))
const named = (model: OnnxModel, part: string) => answersOf(model).find(({ name }) => name.includes(part))

const kinds: Readonly<Record<string, (model: OnnxModel, info: Info) => Said | undefined>> = {
  classification(model, info) {
    const [first] = answersOf(model)
    if (!first) return undefined
    const several = info.isOn("multilabel")
    return {
      task: several ? "multilabel" : "classification",
      outputs: [{ name: first.name, role: "logits" }],
      decode: { type: several ? "sigmoid" : "softmax" },
      names: info.words("labels"),
    }
  },
  ssd: boxes,
  detection: boxes,
  segmentation(model, info) {
    const [first] = answersOf(model)
    return first?.dims.length !== 4
      ? undefined
      : {
          task: "segmentation",
          outputs: [{ name: first.name, role: "mask" }],
          decode: { type: "semantic" },
          // The first class is the ground, which has no name there.
          names: ["background", ...info.words("labels")],
        }
  },
  maskrcnn: instances,
  detrinstseg: instances,
  anomalydetection: anomaly,
}

/** Corners with how sure in one row and labels beside them, in pixels; or all three apart, as shares of the input. */
function boxes(model: OnnxModel, info: Info): Said | undefined {
  const names = info.words("labels")
  const rows = answersOf(model).find(({ dims }) => dims.at(-1) === 5)
  const labels = named(model, "labels")
  if (rows && labels)
    return {
      task: "detection",
      outputs: [
        { name: rows.name, role: "dets" },
        { name: labels.name, role: "labels" },
      ],
      decode: { type: "mmdet" },
      names,
    }
  const [corners, scores] = [named(model, "bboxes"), named(model, "scores")]
  if (!corners || !scores || !labels) return undefined
  return {
    task: "detection",
    outputs: [
      { name: corners.name, role: "boxes" },
      { name: labels.name, role: "labels" },
      { name: scores.name, role: "scores" },
    ],
    decode: { type: "detr", shares: true },
    names,
  }
}

/** The first of their labels stands for nothing, and what the model says counts from the second. */
function instances(model: OnnxModel, info: Info): Said | undefined {
  const said = boxes(model, info)
  return said && { ...said, task: "instance", names: info.words("labels").slice(1) }
}

/** A map of raw numbers with limits of its own for the picture and for its places; or what anomalib writes today. */
function anomaly(model: OnnxModel, info: Info): Said | undefined {
  const [score, map] = [named(model, "pred_score"), named(model, "anomaly_map")]
  const [first] = answersOf(model)
  const ends = map ?? (first?.dims.length === 4 || first?.dims.length === 3 ? first : undefined)
  if (!ends) return undefined
  const scale = info.number("normalization_scale", 1)
  const raw = {
    score: info.number("image_threshold", 0.5),
    map: info.number("pixel_threshold", 0.5),
    span: scale > 0 ? scale : 1,
  }
  const { mean, std, ...rest } = preparationOf(info)
  const isBare = mean.every((value) => value <= 1) && std.every((value) => value <= 1)
  return {
    task: "anomaly",
    outputs: score
      ? [
          { name: score.name, role: "score" },
          { name: ends.name, role: "map" },
        ]
      : [{ name: ends.name, role: "map" }],
    decode: score ? { type: "anomaly" } : { type: "anomaly_map", raw },
    names: info.words("labels").length === 2 ? info.words("labels") : ["ok", "anomaly"],
    // Where mean and deviation are none of 0..255, the wrapper brings pictures to 0..1 first.
    input: { ...rest, mean, std, ...(isBare && { scale: 1 / 255 }) },
    thresholds: { t_low: 0.45, t_high: 0.5, pixel: 0.5 },
  }
}
