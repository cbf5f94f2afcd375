import type { ModelContract } from "#contract/model"
import { createGraph, type GraphWriter } from "#models/onnx/graph"
import { greyPng } from "./png.ts"

/** A real PNG: a flat grey picture, with a white square on it when it is to be NG. */
export function partPicture(options: { grey: number; square?: boolean; side?: number }): Uint8Array {
  const { grey, square = false, side = 32 } = options
  const rows = Buffer.alloc((side + 1) * side, grey)
  for (let y = 0; y < side; y++) {
    rows[y * (side + 1)] = 0
    if (square && y >= 8 && y < 16) rows.fill(255, y * (side + 1) + 9, y * (side + 1) + 17)
  }
  return greyPng(side, side, rows)
}

/**
 * A real model: the NG score is the brightness of the brightest 8 by 8 block. `tail` may replace the score; `kinds`
 * are the defect classes it claims to know; `stamp` makes an equal model another file.
 */
export function brightnessModel(
  options: {
    tail?: (graph: GraphWriter, score: string) => string
    kinds?: readonly string[]
    thresholds?: { t_low: number; t_high: number }
    products?: NonNullable<ModelContract["products"]>
    stamp?: string
  } = {},
): Uint8Array {
  const {
    tail = (_, score) => score,
    kinds = [],
    thresholds = { t_low: 0.6, t_high: 0.8 },
    products,
    stamp,
  } = options
  const contract: ModelContract = {
    v: 1,
    task: "anomaly",
    inputs: [
      {
        name: "image",
        dtype: "f32",
        layout: "NCHW",
        color: "RGB",
        resize: { mode: "stretch", w: 32, h: 32, interp: "bilinear", antialias: true },
        scale: 1 / 255,
        mean: [0, 0, 0],
        std: [1, 1, 1],
      },
    ],
    outputs: [
      { name: "score", role: "score" },
      { name: "map", role: "map" },
    ],
    decode: { type: "crux_patch" },
    classes: [
      { id: 0, key: "ok", verdict: "OK" },
      ...kinds.map((key, i) => ({ id: i + 1, key, verdict: "NG" as const })),
    ],
    thresholds: { ...thresholds, pixel: 0.5 },
    ...(products && { products }),
    score: { direction: "higher_is_ng", raw: false },
    provenance: { recipe: "test", ...(stamp !== undefined && { job: stamp }) },
  }
  const graph = createGraph("")
  graph.input("image", [1, 3, 32, 32])
  const pooled = graph.node("AveragePool", ["image"], {
    kernel_shape: { ints: [8, 8] },
    strides: { ints: [8, 8] },
  })
  graph.node("ReduceMean", [pooled], { axes: { ints: [1] }, keepdims: 1 }, ["map"])
  const score = graph.node("ReduceMax", ["map"], { keepdims: 0 })
  graph.node("Identity", [tail(graph, score)], {}, ["score"])
  graph.output("map", [1, 1, 4, 4])
  graph.output("score", [])
  graph.meta("crux.contract", JSON.stringify(contract))
  return graph.model(13)
}

/** The score times `factor` plus `offset`. */
export const scaled =
  (factor: number, offset: number) =>
  (graph: GraphWriter, score: string): string => {
    graph.f32("crux_factor", [], new Float32Array([factor]))
    graph.f32("crux_offset", [], new Float32Array([offset]))
    return graph.node("Add", [graph.node("Mul", [score, "crux_factor"]), "crux_offset"])
  }
