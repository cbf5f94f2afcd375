import type { Finding } from "#contract/inspection"
import type { ModelContract } from "#contract/model"
import { ModelError } from "../model-error.ts"
import type { Placement } from "../preprocess.ts"
import { aroundMiddle, type Detection, onPicture, suppress } from "./boxes.ts"

/** What a model answered, by the names of its outputs. */
export type Outputs = Readonly<Record<string, { dims: readonly number[]; data: ArrayLike<number> }>>
/** How sure the model is that the part is NG, 0..1, and what it found. */
export type Reading = { score: number; findings: Finding[] }
type Size = { w: number; h: number }
type Reader = (outputs: Outputs, contract: ModelContract, input: Size) => Answer
/** Things found, or one number for each class of the whole picture, or one score. */
type Answer = { detections: Detection[] } | { probs: number[] } | { score: number; detections: Detection[] }

/** Surer than this it is worth being looked at at all; what counts as NG the contract's thresholds say. */
const least = 0.05
const usualIou = 0.5
const usualMost = 64

/**
 * Reads the answer of a model of another maker. Positive is NG: the score is that of the surest NG thing, or the
 * probability of the NG classes together. Throws `model_invalid` when the outputs are not of the shape the contract says.
 */
export function readAnswer(
  outputs: Outputs,
  contract: ModelContract,
  input: Size,
  placement: Placement,
): Reading {
  const read = readers[contract.decode.type]
  if (!read) throw new ModelError("model_invalid", `nothing reads answers of kind ${contract.decode.type}`)
  const answer = read(outputs, contract, input)
  const classOf = (id: number) => contract.classes.find((known) => known.id === id)
  if ("probs" in answer) {
    const ng = contract.classes
      .filter(({ verdict }) => verdict === "NG")
      .map(({ id, key }) => ({ kind: key, score: clamp(answer.probs[id] ?? 0) }))
    const score =
      contract.task === "multilabel"
        ? Math.max(0, ...ng.map((kind) => kind.score))
        : clamp(ng.reduce((sum, kind) => sum + kind.score, 0))
    const likely = ng.filter((kind) => kind.score >= contract.thresholds.t_low)
    const [surest] = ng.toSorted((a, b) => b.score - a.score)
    return {
      score,
      findings: likely.length > 0 || !surest ? likely : score >= contract.thresholds.t_low ? [surest] : [],
    }
  }
  const findings = answer.detections.flatMap(({ corners, cls, score }): Finding[] => {
    const known = classOf(cls)
    if (!known || known.verdict === "OK" || score < contract.thresholds.t_low) return []
    const box = onPicture(corners, placement)
    return [{ kind: known.key, score: clamp(score), ...(box && { box }) }]
  })
  const sorted = findings.toSorted((a, b) => b.score - a.score).slice(0, usualMost)
  if ("score" in answer) return { score: clamp(answer.score), findings: sorted }
  const surest = answer.detections.reduce(
    (best, { cls, score }) => (classOf(cls)?.verdict === "NG" ? Math.max(best, score) : best),
    0,
  )
  return { score: clamp(surest), findings: sorted }
}

const clamp = (value: number) => (Number.isNaN(value) ? value : Math.min(1, Math.max(0, value)))
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x))

function softmax(logits: ArrayLike<number>, count: number): number[] {
  const values = Array.from({ length: count }, (_, i) => logits[i]!)
  const top = Math.max(...values)
  const powers = values.map((x) => Math.exp(x - top))
  const sum = powers.reduce((a, b) => a + b, 0)
  return powers.map((x) => x / sum)
}

const readers: Readonly<Record<string, Reader>> = {
  softmax: (outputs, contract) => {
    const { data, dims } = taken(outputs, contract, "logits")
    return { probs: softmax(data, dims.at(-1) ?? 0) }
  },
  probs: (outputs, contract) => ({ probs: Array.from(taken(outputs, contract, "probs").data) }),
  sigmoid: (outputs, contract) => ({
    probs: Array.from(taken(outputs, contract, "logits").data, sigmoid),
  }),
  /** [1, 4 + classes (+ mask coefficients), anchors]: middle and size in pixels, probabilities ready. */
  yolo_v8: (outputs, contract) => {
    const { data, dims } = taken(outputs, contract, "dets")
    const [, rows = 0, anchors = 0] = shape(dims, 3)
    const classes = contract.classes.length
    if (rows < 4 + classes) throw misshapen("dets", dims)
    const found: Detection[] = []
    const at = (row: number, i: number) => data[row * anchors + i]!
    for (let i = 0; i < anchors; i++) {
      let [cls, score] = [0, 0]
      for (let c = 0; c < classes; c++) if (at(4 + c, i) > score) [cls, score] = [c, at(4 + c, i)]
      if (score < least) continue
      found.push({ corners: aroundMiddle(at(0, i), at(1, i), at(2, i), at(3, i)), cls, score })
    }
    return { detections: suppress(found, contract.decode.iou ?? usualIou) }
  },
  /** [1, anchors, 5 + classes]: middle and size in pixels, that there is anything, which class it is then. */
  yolo_v5: (outputs, contract) => ({
    detections: suppress(
      rowsOf(taken(outputs, contract, "dets"), contract.classes.length),
      contract.decode.iou ?? usualIou,
    ),
  }),
  /** [1, n, 6 or more]: corners, how sure, which class; nothing to be suppressed. */
  yolo_e2e: (outputs, contract) => {
    const { data, dims } = taken(outputs, contract, "dets")
    const [, count = 0, width = 0] = shape(dims, 3)
    if (width < 6) throw misshapen("dets", dims)
    const found: Detection[] = []
    for (let i = 0; i < count; i++) {
      const [x0, y0, x1, y1, score, cls] = Array.from({ length: 6 }, (_, k) => data[i * width + k]!)
      if (score! >= least) found.push({ corners: [x0!, y0!, x1!, y1!], cls: Math.round(cls!), score: score! })
    }
    return { detections: found }
  },
  /** [1, cells of strides 8, 16 and 32, 5 + classes]: places within cells, sizes as powers; already right when `decoded`. */
  yolox: (outputs, contract, input) => {
    const raw = taken(outputs, contract, "dets")
    const [, anchors = 0, width = 0] = shape(raw.dims, 3)
    const data = Float64Array.from(raw.data)
    let cell = 0
    for (const stride of [8, 16, 32]) {
      const [across, down] = [Math.floor(input.w / stride), Math.floor(input.h / stride)]
      for (let y = 0; y < down; y++)
        for (let x = 0; x < across && cell < anchors; x++, cell++) {
          const at = cell * width
          data[at] = (data[at]! + x) * stride
          data[at + 1] = (data[at + 1]! + y) * stride
          data[at + 2] = Math.exp(data[at + 2]!) * stride
          data[at + 3] = Math.exp(data[at + 3]!) * stride
        }
    }
    if (cell !== anchors) throw misshapen("dets", raw.dims)
    const found = rowsOf({ data, dims: raw.dims }, contract.classes.length)
    return { detections: suppress(found, contract.decode.iou ?? usualIou) }
  },
  /** Corners in pixels of the size that was fed, here the input's, or shares of it; labels and scores beside them. */
  detr: (outputs, contract, input) => {
    const [boxes, labels, scores] = [
      taken(outputs, contract, "boxes"),
      taken(outputs, contract, "labels"),
      taken(outputs, contract, "scores"),
    ]
    const [w, h] = contract.decode.shares ? [input.w, input.h] : [1, 1]
    const corners = Array.from(boxes.data, (value, i) => value * (i % 2 === 0 ? w : h))
    return { detections: beside(corners, labels.data, (i) => scores.data[i]!, scores.data.length, 4) }
  },
  /** [1, n, 4] middle and size as shares of the input, [1, n, classes] logits. */
  rfdetr: (outputs, contract, input) => {
    const [boxes, logits] = [taken(outputs, contract, "boxes"), taken(outputs, contract, "logits")]
    const [, count = 0, classes = 0] = shape(logits.dims, 3)
    const found: Detection[] = []
    for (let i = 0; i < count; i++)
      for (let c = 0; c < classes; c++) {
        const score = sigmoid(logits.data[i * classes + c]!)
        if (score < least) continue
        const [cx, cy, w, h] = Array.from({ length: 4 }, (_, k) => boxes.data[i * 4 + k]!)
        found.push({
          corners: aroundMiddle(cx! * input.w, cy! * input.h, w! * input.w, h! * input.h),
          cls: c,
          score,
        })
      }
    return { detections: found.sort((a, b) => b.score - a.score).slice(0, 300) }
  },
  /** [1, n, 5] corners and how sure, [1, n] labels. */
  mmdet: (outputs, contract) => {
    const [dets, labels] = [taken(outputs, contract, "dets"), taken(outputs, contract, "labels")]
    return { detections: beside(dets.data, labels.data, (i) => dets.data[i * 5 + 4]!, labels.data.length, 5) }
  },
  /** A score of the picture and, with a map, the places of it that stand out. */
  anomaly: (outputs, contract, input) => {
    const { data } = taken(outputs, contract, "score")
    const map = contract.outputs.find(({ role }) => role === "map")
    const detections = map ? areasOf(taken(outputs, contract, "map"), contract, input) : []
    return { score: data[0] ?? Number.NaN, detections }
  },
  /** A map alone: the picture is as odd as its oddest place. */
  anomaly_map: (outputs, contract, input) => {
    const { data, dims } = taken(outputs, contract, "map")
    const { score, map, span } = contract.decode.raw ?? { score: 0.5, map: 0.5, span: 1 }
    const onScale = (value: number, half: number) => clamp((value - half) / span + 0.5)
    const places = Float32Array.from(data, (value) => onScale(value, map))
    let oddest = Number.NEGATIVE_INFINITY
    for (let i = 0; i < data.length; i++) oddest = Math.max(oddest, data[i]!)
    return { score: onScale(oddest, score), detections: areasOf({ data: places, dims }, contract, input) }
  },
  /** [1, classes, h, w] logits of every place: areas of NG classes, as sure as their surest place. */
  semantic: (outputs, contract, input) => {
    const { data, dims } = taken(outputs, contract, "mask")
    const [, classes = 0, h = 0, w = 0] = shape(dims, 4)
    const probs = Array.from({ length: classes }, () => new Float32Array(w * h))
    for (let i = 0; i < w * h; i++) {
      const here = softmax(
        Array.from({ length: classes }, (_, c) => data[c * w * h + i]!),
        classes,
      )
      for (let c = 0; c < classes; c++) probs[c]![i] = here[c]!
    }
    return { detections: areasOfClasses(probs, w, h, contract, input) }
  },
  /** The same, each class by itself: what one map alone says. */
  semantic_sigmoid: (outputs, contract, input) => {
    const { data, dims } = taken(outputs, contract, "mask")
    const [, classes = 0, h = 0, w = 0] = shape(dims, 4)
    const probs = Array.from({ length: classes }, (_, c) =>
      Float32Array.from({ length: w * h }, (_, i) => sigmoid(data[c * w * h + i]!)),
    )
    return { detections: areasOfClasses(probs, w, h, contract, input) }
  },
}

/** Areas of NG classes that are likelier than not. */
const areasOfClasses = (
  probs: readonly Float32Array[],
  w: number,
  h: number,
  { classes }: ModelContract,
  input: Size,
): Detection[] =>
  classes
    .filter(({ verdict }) => verdict === "NG")
    .flatMap(({ id }) => islands(probs[id] ?? new Float32Array(w * h), w, h, 0.5, id, input))

function taken(outputs: Outputs, contract: ModelContract, role: string) {
  const named = contract.outputs.find((output) => output.role === role)
  const found = named && outputs[named.name]
  if (!found) throw new ModelError("model_invalid", `the model gives no ${role}`)
  return found
}

function shape(dims: readonly number[], rank: number): readonly number[] {
  if (dims.length !== rank || dims[0] !== 1) throw misshapen("output", dims)
  return dims
}

const misshapen = (what: string, dims: readonly number[]) =>
  new ModelError("model_invalid", `${what} has the shape ${dims.join("x")}, which is not one of these`)

/** Rows of middle, size, "there is something" and classes. */
function rowsOf({ data, dims }: Outputs[string], classes: number): Detection[] {
  const [, count = 0, width = 0] = shape(dims, 3)
  if (width < 5 + classes) throw misshapen("dets", dims)
  const found: Detection[] = []
  for (let i = 0; i < count; i++) {
    const at = (k: number) => data[i * width + k]!
    if (at(4) < least) continue
    let [cls, best] = [0, 0]
    for (let c = 0; c < classes; c++) if (at(5 + c) > best) [cls, best] = [c, at(5 + c)]
    const score = at(4) * best
    if (score >= least) found.push({ corners: aroundMiddle(at(0), at(1), at(2), at(3)), cls, score })
  }
  return found
}

/** Corners of each, its label and its score; labels may be 64-bit numbers. */
function beside(
  boxes: ArrayLike<number>,
  labels: ArrayLike<number>,
  scoreOf: (i: number) => number,
  count: number,
  width: number,
): Detection[] {
  const found: Detection[] = []
  for (let i = 0; i < count; i++) {
    const score = scoreOf(i)
    if (score < least) continue
    const [x0, y0, x1, y1] = Array.from({ length: 4 }, (_, k) => boxes[i * width + k]!)
    found.push({ corners: [x0!, y0!, x1!, y1!], cls: Number(labels[i]), score })
  }
  return found
}

/** Areas of an anomaly map above the contract's pixel threshold; their class is the first NG one. */
function areasOf({ data, dims }: Outputs[string], contract: ModelContract, input: Size): Detection[] {
  const [h = 0, w = 0] = dims.slice(-2)
  const cls = contract.classes.find(({ verdict }) => verdict === "NG")?.id ?? 1
  return islands(data, w, h, contract.thresholds.pixel ?? contract.thresholds.t_high, cls, input)
}

/** Connected places at or above `from`, each as a box in pixels of the input with its highest value. */
function islands(
  values: ArrayLike<number>,
  w: number,
  h: number,
  from: number,
  cls: number,
  input: Size,
): Detection[] {
  const seen = new Uint8Array(w * h)
  const found: Detection[] = []
  for (let start = 0; start < w * h; start++) {
    if (seen[start] || !(values[start]! >= from)) continue
    let [x0, y0, x1, y1, score] = [w, h, -1, -1, 0]
    const open = [start]
    seen[start] = 1
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      const [x, y] = [at % w, Math.floor(at / w)]
      x0 = Math.min(x0, x)
      x1 = Math.max(x1, x)
      y0 = Math.min(y0, y)
      y1 = Math.max(y1, y)
      score = Math.max(score, values[at]!)
      for (const next of [x > 0 ? at - 1 : -1, x < w - 1 ? at + 1 : -1, at - w, at + w]) {
        if (next < 0 || next >= w * h || seen[next] || !(values[next]! >= from)) continue
        seen[next] = 1
        open.push(next)
      }
    }
    const [sx, sy] = [input.w / w, input.h / h]
    found.push({ corners: [x0 * sx, y0 * sy, (x1 + 1) * sx, (y1 + 1) * sy], cls, score })
  }
  return found.sort((a, b) => b.score - a.score).slice(0, usualMost)
}
