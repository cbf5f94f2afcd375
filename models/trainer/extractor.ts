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

export type InputSize = { w: number; h: number }

/** Both edges are multiples of this, so that taps down to stride 32 divide evenly. */
const multiple = 32

/**
 * Input size with about `side` x `side` pixels in the aspect of the pictures: squeezing 4:3 into a square would
 * cost a thin vertical crack a third of its width. `aspects` are width / height of the images; their median counts.
 */
export function inputSize(aspects: readonly number[], side: number): InputSize {
  const median = aspects.toSorted((a, b) => a - b)[Math.floor(aspects.length / 2)] ?? 1
  // Beyond 2:1 a camera mixes formats or the picture is a strip; then some squeeze is the better deal.
  const aspect = Math.min(2, Math.max(0.5, median))
  const edge = (length: number) => Math.max(multiple, Math.round(length / multiple) * multiple)
  return { w: edge(side * Math.sqrt(aspect)), h: edge(side / Math.sqrt(aspect)) }
}

function patchShape(backbone: Backbone, [fine, deep]: TapPair, size: InputSize): PatchShape {
  const { taps } = backbone.contract
  const [a, b] = [taps[fine], taps[deep]]
  if (!a || !b) throw new ModelError("backbone_invalid", `the backbone has no taps ${fine} and ${deep}`)
  if (b.stride !== a.stride * 2)
    throw new ModelError("backbone_invalid", `${deep} is not half as fine as ${fine}`)
  const [w, h] = [size.w / a.stride, size.h / a.stride]
  const dim = a.channels + b.channels
  return { h, w, cells: h * w, dim, fine: a.channels, deep: b.channels, stride: a.stride }
}

export function inputFor(backbone: Backbone, { w, h }: InputSize): ModelInput {
  const { name, color, mean, std } = backbone.contract.input
  return {
    name,
    dtype: "f32",
    layout: "NCHW",
    color,
    resize: { mode: "stretch", w, h, interp: "bilinear", antialias: true },
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
export async function openExtractor(backbone: Backbone, pair: TapPair, size: InputSize): Promise<Extractor> {
  const shape = patchShape(backbone, pair, size)
  const input = inputFor(backbone, size)
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
