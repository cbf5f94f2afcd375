import type { Tensor } from "onnxruntime-node"
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

/** One tap as it is brought onto the patch grid: averaged, then repeated `up` times along both edges. */
export type GridTap = {
  /** Name of the averaged tap; the same for two grids that see it the same way. */
  key: string
  tensor: string
  stride: number
  /** Size of the averaged tap. */
  h: number
  w: number
  up: number
  /** Its place in the joined feature. */
  columns: { from: number; to: number }
}

/** The patch grid, h x w cells of `dim` numbers each; a cell covers `stride` x `stride` input pixels. */
export type PatchShape = { h: number; w: number; cells: number; dim: number; stride: number; taps: GridTap[] }

/** Averaged taps of one picture, [channels, h, w] each, by their `key`; not to be written to. */
export type Looks = ReadonlyMap<string, Float32Array>

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
  const found = names.map((name) => {
    const tap = backbone.contract.taps[name]
    if (!tap) throw new ModelError("backbone_invalid", `the backbone has no tap ${name}`)
    return tap
  })
  const stride = Math.min(...found.map((tap) => tap.stride).filter((s) => s >= finestGrid))
  if (!Number.isFinite(stride)) throw new ModelError("training_invalid", `taps ${names} give too fine a grid`)
  let dim = 0
  const taps = found.map((tap): GridTap => {
    const columns = { from: dim, to: dim + tap.channels }
    dim = columns.to
    const own = Math.max(tap.stride, stride)
    const [h, w] = [size.h / own, size.w / own]
    const key = `look/${tap.tensor}/${own}`
    return { key, tensor: tap.tensor, stride: tap.stride, h, w, up: own / stride, columns }
  })
  const [w, h] = [size.w / stride, size.h / stride]
  return { h, w, cells: h * w, dim, stride, taps }
}

/**
 * A tap with each cell averaged with its neighbours (at the border over those that exist); one finer than the grid is
 * pooled down to it.
 */
export function averaged(graph: GraphWriter, tap: GridTap, grid: number, into?: string): string {
  const down = Math.max(1, grid / tap.stride)
  const edge = down === 1 ? 3 : 2 * down
  const pad = down === 1 ? 1 : down / 2
  const attributes = {
    kernel_shape: { ints: [edge, edge] },
    pads: { ints: [pad, pad, pad, pad] },
    strides: { ints: [down, down] },
    count_include_pad: 0,
  }
  return graph.node("AveragePool", [tap.tensor], attributes, into === undefined ? undefined : [into])
}

/** Rows of an affine map of patch features: weight row-major [rows, dim]. */
export type Affine = { rows: number; weight: Float32Array; bias: Float32Array }

/**
 * An affine map of every cell's feature, [rows, cells]. It runs tap by tap at the tap's own resolution and is brought onto
 * the grid afterwards, which is the same, because repeating between cells is linear and keeps constants; the wide
 * features themselves are never laid out. `tapOf` gives an averaged tap [1, channels, h, w]. `name` is not used twice.
 */
export function affine(
  graph: GraphWriter,
  shape: PatchShape,
  { rows, weight, bias }: Affine,
  name: string,
  tapOf: (tap: GridTap) => string,
): string {
  graph.f32(`${name}/bias`, [rows, 1, 1], bias)
  const sum = shape.taps.reduce((before, tap) => {
    const { from, to } = tap.columns
    const own = graph.f32(
      `${name}/${tap.tensor}`,
      [rows, to - from, 1, 1],
      columns(weight, shape.dim, from, to),
    )
    const mapped = graph.node("Conv", [tapOf(tap), own], { kernel_shape: { ints: [1, 1] } })
    return graph.node("Add", [before, repeated(graph, mapped, tap.up, `${name}/${tap.tensor}`)])
  }, `${name}/bias`)
  return graph.node("Reshape", [sum, graph.i64(`${name}/cells`, [rows, shape.cells])])
}

function repeated(graph: GraphWriter, tensor: string, up: number, name: string): string {
  if (up <= 1) return tensor
  const scales = graph.f32(`${name}/up`, [4], Float32Array.of(1, 1, up, up))
  return graph.node("Resize", [tensor, "", scales], {
    mode: "linear",
    coordinate_transformation_mode: "half_pixel",
  })
}

function columns(matrix: Float32Array, width: number, from: number, to: number): Float32Array {
  const rows = matrix.length / width
  const out = new Float32Array(rows * (to - from))
  for (let r = 0; r < rows; r++) out.set(matrix.subarray(r * width + from, r * width + to), r * (to - from))
  return out
}

/** The feature of one cell, `shape.dim` numbers written to `into` from `at` on; between cells as in `affine`. */
export function layOut(shape: PatchShape, looks: Looks, cell: number, into: Float32Array, at: number): void {
  const [row, col] = [Math.floor(cell / shape.w), cell % shape.w]
  for (const { key, h, w, up, columns } of shape.taps) {
    const values = looks.get(key)!
    const [y0, y1, dy] = between(row, up, h)
    const [x0, x1, dx] = between(col, up, w)
    const [a, b, c, d] = [y0 * w + x0, y0 * w + x1, y1 * w + x0, y1 * w + x1]
    for (let channel = columns.from; channel < columns.to; channel++) {
      const base = (channel - columns.from) * h * w
      const top = values[base + a]! * (1 - dx) + values[base + b]! * dx
      const low = values[base + c]! * (1 - dx) + values[base + d]! * dx
      into[at + channel] = top * (1 - dy) + low * dy
    }
  }
}

/** The two cells of a coarser row of `size` that a finer cell lies between, and how far towards the second. */
function between(fine: number, up: number, size: number): [number, number, number] {
  const at = Math.max(0, (fine + 0.5) / up - 0.5)
  const first = Math.min(size - 1, Math.floor(at))
  return [first, Math.min(size - 1, first + 1), at - first]
}

export type Trunk = {
  input: ModelInput
  shapeOf: (taps: Taps) => PatchShape
  /** What the trunk sees in a picture, for all sets of taps it was opened with at once. */
  look: (image: Resized) => Promise<Looks>
  release: () => Promise<void>
}

/**
 * The same trunk that remembers what it has seen, up to `bytes`: a training looks at every picture a dozen times. Pictures
 * beyond that are looked at again each time.
 */
export function remembering(trunk: Trunk, bytes: number): Trunk & { forget: () => void } {
  const known = new Map<Resized, Looks>()
  let left = bytes
  return {
    ...trunk,
    look: async (image) => {
      const before = known.get(image)
      if (before) return before
      const looks = await trunk.look(image)
      const size = [...looks.values()].reduce((sum, { byteLength }) => sum + byteLength, 0)
      if (size <= left) {
        left -= size
        known.set(image, looks)
      }
      return looks
    },
    forget: () => {
      for (const looks of known.values()) for (const values of looks.values()) left += values.byteLength
      known.clear()
    },
    release: async () => {
      known.clear()
      await trunk.release()
    },
  }
}

/** Opens the frozen trunk so that it yields every tap that one of the sets needs, averaged for its grid. */
export async function openTrunk(backbone: Backbone, sets: readonly Taps[], size: InputSize): Promise<Trunk> {
  const input = inputFor(backbone, size)
  const graph = createGraph("crux/")
  const wanted = new Map<string, GridTap>()
  for (const shape of sets.map((taps) => patchShape(backbone, taps, size))) {
    for (const tap of shape.taps) {
      if (wanted.has(tap.key)) continue
      wanted.set(tap.key, tap)
      averaged(graph, tap, shape.stride, tap.key)
      graph.output(tap.key, [1, tap.columns.to - tap.columns.from, tap.h, tap.w])
    }
  }
  const ort = await loadOrt()
  const tensors = [...new Set([...wanted.values()].map(({ tensor }) => tensor))]
  const trunk = appendFragment(cutTrunk(backbone.bytes, tensors), graph.fragment())
  const session = await ort.InferenceSession.create(trunk, sessionOptions)
  return {
    input,
    shapeOf: (taps) => patchShape(backbone, taps, size),
    look: async (image) => {
      const { data, dims } = toTensor(image, input)
      const out = await session.run({ [input.name]: new ort.Tensor("float32", data as Float32Array, dims) })
      return new Map([...wanted.keys()].map((key) => [key, out[key]!.data as Float32Array]))
    },
    release: async () => await session.release(),
  }
}

/** Feeds of a graph whose inputs are averaged taps. */
export async function feedsOf({ taps }: PatchShape, looks: Looks): Promise<Record<string, Tensor>> {
  const ort = await loadOrt()
  const feed = ({ key, h, w, columns: { from, to } }: GridTap) =>
    new ort.Tensor("float32", looks.get(key)!, [1, to - from, h, w])
  return Object.fromEntries(taps.map((tap) => [tap.key, feed(tap)]))
}

/** The input of a graph that takes an averaged tap. */
export const tapInput = (graph: GraphWriter) => {
  const known = new Set<string>()
  return ({ key, h, w, columns: { from, to } }: GridTap): string => {
    if (!known.has(key)) graph.input(key, [1, to - from, h, w])
    known.add(key)
    return key
  }
}
