import type { ModelInput } from "#contract/model"
import type { Backbone } from "../backbone/backbone.ts"
import { sessionOptions } from "../infer/session.ts"
import { ModelError } from "../model-error.ts"
import { loadOrt } from "../native.ts"
import { createGraph, type GraphWriter } from "../onnx/graph.ts"
import { appendFragment, cutTrunk } from "../onnx/trunk.ts"
import { type Resized, toTensor } from "../preprocess.ts"

/** A pair of taps, the finer one first; the deeper one has twice its stride. */
export type TapPair = readonly [string, string]

/** Grid and width of patch features: `cells` = h * w patches of `dim` numbers each. */
export type PatchShape = {
  h: number
  w: number
  cells: number
  dim: number
  fine: number
  deep: number
  stride: number
}

export function patchShape(backbone: Backbone, [fine, deep]: TapPair, side: number): PatchShape {
  const { taps } = backbone.contract
  const [a, b] = [taps[fine], taps[deep]]
  if (!a || !b) throw new ModelError("backbone_invalid", `the backbone has no taps ${fine} and ${deep}`)
  if (b.stride !== a.stride * 2)
    throw new ModelError("backbone_invalid", `${deep} is not half as fine as ${fine}`)
  const edge = side / a.stride
  if (!Number.isInteger(side / b.stride)) {
    throw new ModelError("training_invalid", `input side ${side} is no multiple of ${b.stride}`)
  }
  const dim = a.channels + b.channels
  return { h: edge, w: edge, cells: edge * edge, dim, fine: a.channels, deep: b.channels, stride: a.stride }
}

export function inputFor(backbone: Backbone, side: number): ModelInput {
  const { name, color, mean, std } = backbone.contract.input
  return {
    name,
    dtype: "f32",
    layout: "NCHW",
    color,
    resize: { mode: "stretch", w: side, h: side, interp: "bilinear", antialias: true },
    scale: 1,
    mean,
    std,
  }
}

/** Averages each cell with its neighbours; at the border over those that exist, so constants stay constant. */
export function average3x3(graph: GraphWriter, tensor: string): string {
  return graph.node("AveragePool", [tensor], {
    kernel_shape: { ints: [3, 3] },
    pads: { ints: [1, 1, 1, 1] },
    strides: { ints: [1, 1] },
    count_include_pad: 0,
  })
}

/** Doubles the resolution of the deeper tap. Linear, so weights may be applied before or after it. */
export function upsample2x(graph: GraphWriter, tensor: string): string {
  graph.f32("crux/scales", [4], Float32Array.of(1, 1, 2, 2))
  return graph.node("Resize", [tensor, "", "crux/scales"], {
    mode: "linear",
    coordinate_transformation_mode: "half_pixel",
  })
}

export type Extractor = {
  shape: PatchShape
  input: ModelInput
  /** Patch features [cells, dim], row-major; the array is the caller's. */
  features: (image: Resized) => Promise<Float32Array>
  release: () => Promise<void>
}

/** Opens the frozen trunk so that it yields one feature row per patch: fine tap, then upsampled deep tap. */
export async function openExtractor(backbone: Backbone, pair: TapPair, side: number): Promise<Extractor> {
  const shape = patchShape(backbone, pair, side)
  const input = inputFor(backbone, side)
  const [fine, deep] = pair.map((tap) => backbone.contract.taps[tap]!.tensor) as [string, string]
  const graph = createGraph("crux/")
  const joined = graph.node("Concat", [average3x3(graph, fine), upsample2x(graph, average3x3(graph, deep))], {
    axis: 1,
  })
  graph.i64("crux/rows", [shape.dim, shape.cells])
  const rows = graph.node("Reshape", [joined, "crux/rows"])
  graph.node("Transpose", [rows], { perm: { ints: [1, 0] } }, ["crux/features"])
  graph.output("crux/features", [shape.cells, shape.dim])
  const ort = await loadOrt()
  const bytes = appendFragment(cutTrunk(backbone.bytes, [fine, deep]), graph.fragment())
  const session = await ort.InferenceSession.create(bytes, sessionOptions)
  return {
    shape,
    input,
    features: async (image) => {
      const { data, dims } = toTensor(image, input)
      const out = await session.run({ [input.name]: new ort.Tensor("float32", data as Float32Array, dims) })
      return out["crux/features"]!.data as Float32Array
    },
    release: async () => await session.release(),
  }
}
