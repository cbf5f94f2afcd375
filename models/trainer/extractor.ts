import type { ModelInput } from "#contract/model"
import type { Backbone } from "../backbone/backbone.ts"
import { sessionOptions } from "../infer/session.ts"
import { ModelError } from "../model-error.ts"
import { loadOrt } from "../native.ts"
import { createGraph, type GraphWriter } from "../onnx/graph.ts"
import { appendFragment, cutTrunk } from "../onnx/trunk.ts"
import { type Resized, toTensor } from "../preprocess.ts"

/** Names of the backbone's taps a patch feature is joined from, finest first, e.g. s4, s8, s16. */
export type Taps = readonly string[]

export type InputSize = { w: number; h: number }

/** One tap as it is brought onto the patch grid: `columns` are its place in the joined feature. */
export type GridTap = { tensor: string; stride: number; columns: { from: number; to: number } }

/** The patch grid, h x w cells of `dim` numbers each; a cell covers `stride` x `stride` input pixels. */
export type PatchShape = { h: number; w: number; cells: number; dim: number; stride: number; taps: GridTap[] }

/** Both edges of the input are multiples of this, so that taps down to stride 32 divide evenly. */
const multiple = 32
/** A finer grid than this quadruples the cost of the bank and finds nothing more. */
const finestGrid = 8

/**
 * Input size with about `side` x `side` pixels in the aspect of the pictures: squeezing 4:3 into a square would
 * cost a thin vertical crack a third of its width. `aspects` are width / height; their median counts.
 */
export function inputSize(aspects: readonly number[], side: number): InputSize {
  const median = aspects.toSorted((a, b) => a - b)[Math.floor(aspects.length / 2)] ?? 1
  // Beyond 2:1 a camera mixes formats or the picture is a strip; then some squeeze is the better deal.
  const aspect = Math.min(2, Math.max(0.5, median))
  const edge = (length: number) => Math.max(multiple, Math.round(length / multiple) * multiple)
  return { w: edge(side * Math.sqrt(aspect)), h: edge(side / Math.sqrt(aspect)) }
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

function patchShape(backbone: Backbone, names: Taps, size: InputSize): PatchShape {
  let dim = 0
  const taps = names.map((name) => {
    const tap = backbone.contract.taps[name]
    if (!tap) throw new ModelError("backbone_invalid", `the backbone has no tap ${name}`)
    const columns = { from: dim, to: dim + tap.channels }
    dim = columns.to
    return { tensor: tap.tensor, stride: tap.stride, columns }
  })
  const strides = taps.map((tap) => tap.stride)
  const stride = Math.min(...strides.filter((s) => s >= finestGrid))
  if (!Number.isFinite(stride)) throw new ModelError("training_invalid", `taps ${names} give too fine a grid`)
  const [w, h] = [size.w / stride, size.h / stride]
  return { h, w, cells: h * w, dim, stride, taps }
}

/**
 * Brings a tap onto the grid, each cell averaged with its neighbours (at the border over those that exist).
 * Finer taps are pooled down, deeper ones upsampled. `between` may insert a linear step at the tap's coarsest
 * point: averaging and upsampling keep constants and are linear, so the result is the same there and cheaper.
 */
export function ontoGrid(
  graph: GraphWriter,
  { tensor, stride }: GridTap,
  grid: number,
  between: (tensor: string) => string = (same) => same,
): string {
  const down = Math.max(1, grid / stride)
  const edge = down === 1 ? 3 : 2 * down
  const pad = down === 1 ? 1 : down / 2
  const pooled = graph.node("AveragePool", [tensor], {
    kernel_shape: { ints: [edge, edge] },
    pads: { ints: [pad, pad, pad, pad] },
    strides: { ints: [down, down] },
    count_include_pad: 0,
  })
  const up = stride / grid
  if (up <= 1) return between(pooled)
  const scales = `crux/up_${tensor}`
  graph.f32(scales, [4], Float32Array.of(1, 1, up, up))
  return graph.node("Resize", [between(pooled), "", scales], {
    mode: "linear",
    coordinate_transformation_mode: "half_pixel",
  })
}

export type Extractor = {
  shape: PatchShape
  input: ModelInput
  /** Patch features [cells, dim], row-major; not to be written to. */
  features: (image: Resized) => Promise<Float32Array>
  release: () => Promise<void>
}

/**
 * The same extractor that remembers what it has computed, up to `bytes`: a training asks for every image five times.
 * Images beyond that are computed again each time.
 */
export function remembering(extractor: Extractor, bytes: number): Extractor {
  const known = new Map<Resized, Float32Array>()
  let left = bytes
  return {
    ...extractor,
    features: async (image) => {
      const before = known.get(image)
      if (before) return before
      const features = await extractor.features(image)
      left -= features.byteLength
      if (left >= 0) known.set(image, features)
      return features
    },
  }
}

/** Opens the frozen trunk so that it yields one feature row per patch, taps side by side. */
export async function openExtractor(backbone: Backbone, taps: Taps, size: InputSize): Promise<Extractor> {
  const shape = patchShape(backbone, taps, size)
  const input = inputFor(backbone, size)
  const graph = createGraph("crux/")
  const joined = graph.node(
    "Concat",
    shape.taps.map((tap) => ontoGrid(graph, tap, shape.stride)),
    { axis: 1 },
  )
  graph.i64("crux/rows", [shape.dim, shape.cells])
  const rows = graph.node("Reshape", [joined, "crux/rows"])
  graph.node("Transpose", [rows], { perm: { ints: [1, 0] } }, ["crux/features"])
  graph.output("crux/features", [shape.cells, shape.dim])
  const ort = await loadOrt()
  const trunk = cutTrunk(
    backbone.bytes,
    shape.taps.map((tap) => tap.tensor),
  )
  const session = await ort.InferenceSession.create(appendFragment(trunk, graph.fragment()), sessionOptions)
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
