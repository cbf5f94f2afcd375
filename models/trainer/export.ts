import type { ModelContract } from "#contract/model"
import type { Backbone } from "../backbone/backbone.ts"
import type { Thresholds } from "../infer/verdict.ts"
import { createGraph, type GraphWriter } from "../onnx/graph.ts"
import { appendFragment, cutTrunk } from "../onnx/trunk.ts"
import { bankTerms, foldProjection } from "./bank.ts"
import type { Candidate } from "./candidate.ts"
import { type Affine, affine, averaged } from "./extractor.ts"
import { type Fusion, worstCells } from "./fusion.ts"
import { distanceWeights, foldHead, type Head } from "./head.ts"
import type { LimitsOf } from "./products.ts"

/**
 * Writes a trained candidate as one ONNX file: trunk, projection, bank distance, head, fusion. Outputs are
 * `score` [1] in 0..1, `map` [1,1,h,w] in 0..1 and, when kinds are known, `kinds` [1,classes,h,w]; for a product with a
 * scale of its own also a score and a map on that.
 *
 * Projection and head are linear, so they run as one 1x1 convolution per tap at that tap's own resolution;
 * the wide patch features of the training graph are never materialised.
 */
export function exportModel(
  backbone: Backbone,
  candidate: Candidate,
  contract: ModelContract,
): Uint8Array<ArrayBuffer> {
  const { shape } = candidate
  const graph = createGraph("crux/")
  const patches = affine(graph, shape, stackLinear(candidate), "crux/patches", (tap) =>
    averaged(graph, tap, shape.stride),
  )

  const kinds = candidate.head ? candidate.head.classes : 0
  graph.i64("crux/split", kinds ? [candidate.bank.dim, kinds] : [candidate.bank.dim])
  graph.node("Split", [patches, "crux/split"], { axis: 0 }, kinds ? ["crux/z", "crux/features"] : ["crux/z"])
  const distance = bankDistance(graph, candidate)
  if (candidate.head) addDistance(graph, candidate.head, distance)
  const views = { bank: distance, ...(kinds && { head: headLogit(graph, kinds) }) }
  const k = worstCells(shape.cells)
  const worst = {
    bank: meanOfWorst(graph, views.bank, k),
    ...(views.head && { head: meanOfWorst(graph, views.head, k) }),
  }
  const constant = constantsOf(graph)
  graph.i64("crux/grid", [1, 1, shape.h, shape.w])
  const judged = (fusion: Fusion, { score, map }: { score: string; map: string }) => {
    const perCell = graph.node("Sigmoid", [fuse(graph, fusion, views, constant)])
    graph.node("Reshape", [perCell, "crux/grid"], {}, [map])
    graph.node("Sigmoid", [fuse(graph, fusion, worst, constant)], {}, [score])
    graph.output(score, [1])
    graph.output(map, [1, 1, shape.h, shape.w])
  }
  judged(candidate.fusions.common, { score: "score", map: "map" })
  for (const [product, fusion] of candidate.fusions.products) judged(fusion, outputsOf(product))
  if (kinds) {
    graph.i64("crux/kindgrid", [1, kinds, shape.h, shape.w])
    graph.node("Reshape", [probabilities(graph, candidate.temperature), "crux/kindgrid"], {}, ["kinds"])
    graph.output("kinds", [1, kinds, shape.h, shape.w])
  }
  graph.meta("crux.contract", JSON.stringify(contract))
  const tensors = shape.taps.map((tap) => tap.tensor)
  return appendFragment(cutTrunk(backbone.bytes, tensors), graph.fragment())
}

export function contractOfModel(
  backbone: Backbone,
  candidate: Candidate,
  kinds: readonly string[],
  limits: LimitsOf,
  provenance: ModelContract["provenance"],
): ModelContract {
  return {
    v: 1,
    task: "anomaly",
    inputs: [candidate.input],
    outputs: [
      { name: "score", role: "score" },
      { name: "map", role: "map" },
      ...(candidate.head ? [{ name: "kinds", role: "probs" as const }] : []),
    ],
    decode: { type: "crux_patch" },
    classes: [
      { id: 0, key: "ok", verdict: "OK" },
      ...(candidate.head ? kinds.map((key, i) => ({ id: i + 1, key, verdict: "NG" as const })) : []),
    ],
    thresholds: withPixel(limits.common),
    ...(limits.products.size > 0 && {
      products: Object.fromEntries(
        [...limits.products].map(([product, own]) => [
          product,
          { ...withPixel(own), outputs: outputsOf(product) },
        ]),
      ),
    }),
    score: { direction: "higher_is_ng", raw: false },
    provenance: {
      ...provenance,
      backbone: { name: backbone.contract.name, sha256: backbone.sha256, taps: [...candidate.taps] },
      licence: backbone.contract.licence,
    },
  }
}

/** Cells join a finding from the score on at which the part itself would no longer pass. */
const withPixel = (limits: Thresholds) => ({ ...limits, pixel: Math.max(0.3, limits.t_low) })

/** Projection rows over head rows as one affine map of raw features. */
function stackLinear({ projection, head }: Candidate): Affine {
  const parts = [foldProjection(projection), ...(head ? [foldHead(head)] : [])]
  return {
    rows: parts.reduce((sum, part) => sum + part.rows, 0),
    weight: Float32Array.from(parts.flatMap(({ weight }) => Array.from(weight))),
    bias: Float32Array.from(parts.flatMap(({ bias }) => Array.from(bias))),
  }
}

/**
 * Distance of every cell to its nearest bank row in that row's unit, [cells]; see `bankTerms`. The rows are stored as
 * half floats, and what follows from them is worked out once, when the model is opened.
 */
function bankDistance(graph: GraphWriter, { bank }: Candidate): string {
  const { norms, perUnit } = bankTerms(bank)
  const raw = new Uint8Array(Float16Array.from(bank.rows).buffer)
  const rows = graph.node("Cast", [graph.f16("crux/bank", [bank.size, bank.dim], raw)], { to: 1 })
  graph.f32("crux/per_unit", [bank.size, 1], perUnit)
  graph.f32("crux/norms", [bank.size, 1], norms)
  graph.f32("crux/minus_two", [1], Float32Array.of(-2))
  const scaled = graph.node("Mul", [graph.node("Mul", [rows, "crux/minus_two"]), "crux/per_unit"])
  const terms = graph.node("Concat", [scaled, "crux/per_unit"], { axis: 1 })
  const norm = graph.node("ReduceSumSquare", ["crux/z"], { axes: { ints: [0] }, keepdims: 1 })
  const cells = graph.node("Concat", ["crux/z", norm], { axis: 0 })
  const squares = graph.node("Gemm", [terms, cells, "crux/norms"])
  const least = graph.node("ReduceMin", [squares], { axes: { ints: [0] }, keepdims: 0 })
  return graph.node("Sqrt", [graph.node("Relu", [least])])
}

/** Adds the head's last input, the bank distance, to the logits [classes, cells]. */
function addDistance(graph: GraphWriter, head: Head, distance: string): void {
  graph.f32("crux/distance", [head.classes, 1], distanceWeights(head))
  const share = graph.node("Mul", ["crux/distance", distance])
  graph.node("Add", ["crux/features", share], {}, ["crux/logits"])
}

/**
 * Probabilities of OK and the kinds in every cell, [classes, cells]. The temperature softens how the kinds share out what
 * speaks for a defect; how much that is in all, and with it the score, stays as it is.
 */
function probabilities(graph: GraphWriter, temperature: number): string {
  if (temperature === 1) return graph.node("Softmax", ["crux/logits"], { axis: 0 })
  graph.f32("crux/temperature", [1], Float32Array.of(temperature))
  const shares = graph.node("Softmax", [graph.node("Div", ["crux/ng", "crux/temperature"])], { axis: 0 })
  const over = { axes: { ints: [0] }, keepdims: 1 }
  const defect = graph.node("Sigmoid", [
    graph.node("Sub", [graph.node("ReduceLogSumExp", ["crux/ng"], over), "crux/ok"]),
  ])
  graph.f32("crux/whole", [1], Float32Array.of(1))
  const rest = graph.node("Sub", ["crux/whole", defect])
  return graph.node("Concat", [rest, graph.node("Mul", [shares, defect])], { axis: 0 })
}

/** logsumexp of the kinds minus OK, [cells]. */
function headLogit(graph: GraphWriter, classes: number): string {
  graph.i64("crux/okrest", [1, classes - 1])
  graph.node("Split", ["crux/logits", "crux/okrest"], { axis: 0 }, ["crux/ok", "crux/ng"])
  const ng = graph.node("ReduceLogSumExp", ["crux/ng"], { axes: { ints: [0] }, keepdims: 1 })
  graph.i64("crux/flat", [-1])
  return graph.node("Reshape", [graph.node("Sub", [ng, "crux/ok"]), "crux/flat"])
}

function meanOfWorst(graph: GraphWriter, values: string, k: number): string {
  const name = `${values}_k`
  graph.i64(name, [k])
  const top = graph.node("TopK", [values, name], { axis: 0 }, [`${values}_top`, `${values}_at`])
  return graph.node("ReduceMean", [top], { axes: { ints: [0] }, keepdims: 1 })
}

/** Names of the outputs that speak for a product. */
const outputsOf = (product: string) => ({ score: `score/${product}`, map: `map/${product}` })

/** Single numbers as tensors, each written once. */
function constantsOf(graph: GraphWriter): (value: number) => string {
  const known = new Set<string>()
  return (value) => {
    const name = `crux/number/${value}`
    if (!known.has(name)) graph.f32(name, [1], Float32Array.of(value))
    known.add(name)
    return name
  }
}

/** The two views of a fusion on one scale, for cells and for the image alike. */
function fuse(
  graph: GraphWriter,
  fusion: Fusion,
  views: { bank: string; head?: string },
  constant: (value: number) => string,
): string {
  const scaled = (input: string, gain: number) => graph.node("Mul", [input, constant(gain)])
  const shifted = (input: string, offset: number) => graph.node("Add", [input, constant(offset)])
  const alone = shifted(scaled(views.bank, fusion.bank.gain), fusion.bank.offset)
  if (!fusion.fused || !views.head) return alone
  const sum = graph.node("Add", [
    scaled(views.bank, fusion.fused.bank),
    scaled(views.head, fusion.fused.head),
  ])
  return graph.node("Max", [alone, shifted(sum, fusion.fused.offset)])
}
