import type { SegmenterLayout } from "#contract/segmenter"
import { createGraph } from "../onnx/graph.ts"

/** Longest side of the picture as the encoder sees it, and of the grid it answers on. */
const side = 512
const grid = 256
/** The surroundings are averaged over this many pixels of the encoder's square on each side. */
const coarse = 16
const reach = 9
/** A cell belongs to the spot when it goes this far from the surroundings' colour towards the spot's. */
const shares = [0.6, 0.7] as const

const sam = { mean: [123.675, 116.28, 103.53], std: [58.395, 57.12, 57.375] } as const

/** The names and shapes of an EdgeSAM export; no scores, because arithmetic has no opinion. */
export const houseLayout: SegmenterLayout = {
  v: 1,
  encoder: {
    input: "image",
    layout: "NCHW",
    side,
    color: "RGB",
    scale: 1,
    mean: [...sam.mean],
    std: [...sam.std],
  },
  carry: [{ from: "image_embeddings", to: "image_embeddings" }],
  decoder: {
    points: "point_coords",
    labels: "point_labels",
    rank: 3,
    space: "input",
    padding: false,
    box: "middle",
    masks: "masks",
    covers: "input",
  },
}

/**
 * A segmenter of plain arithmetic in the form of SAM's two halves: nothing was learned, so it comes with the program. The
 * encoder lifts every spot off its surroundings, the decoder keeps what is as far off, in the same direction, as the
 * place pointed at. Good for spots and lines that stand out; a learned model sees more.
 */
export function makeHouseSegmenter(): { encoder: Uint8Array<ArrayBuffer>; decoder: Uint8Array<ArrayBuffer> } {
  return { encoder: encoderGraph(), decoder: decoderGraph() }
}

function encoderGraph(): Uint8Array<ArrayBuffer> {
  const graph = createGraph("house/")
  const image = graph.input("image", [1, 3, side, side])
  const pool = (input: string, size: number, stride: number, pad: number) =>
    graph.node("AveragePool", [input], {
      kernel_shape: { ints: [size, size] },
      strides: { ints: [stride, stride] },
      pads: { ints: [pad, pad, pad, pad] },
      count_include_pad: 0,
    })
  const scalar = (name: string, value: number) => graph.f32(`house/${name}`, [1], Float32Array.of(value))
  const fine = pool(image, side / grid, side / grid, 0)
  // Half of each: noise goes down and thin lines stay.
  const mixed = graph.node("Mul", [graph.node("Add", [fine, pool(fine, 3, 1, 1)]), scalar("half", 0.5)])
  // Padding is zero after the preparation; a picture's own cells practically never are.
  const bright = graph.node("ReduceMax", [graph.node("Abs", [image])], { axes: { ints: [1] }, keepdims: 1 })
  const seen = graph.node("Cast", [graph.node("Greater", [bright, scalar("dark", 1e-6)])], { to: 1 })
  const around = (input: string) => pool(pool(input, coarse, coarse, 0), reach, 1, (reach - 1) / 2)
  const share = graph.node("Max", [around(seen), scalar("least", 1e-3)])
  const mean = graph.node("Div", [around(graph.node("Mul", [image, seen])), share])
  graph.f32("house/up", [4], Float32Array.of(1, 1, coarse / 2, coarse / 2))
  const ground = graph.node("Resize", [mean, "", "house/up"], {
    mode: "linear",
    coordinate_transformation_mode: "half_pixel",
  })
  const own = pool(seen, side / grid, side / grid, 0)
  const lifted = graph.node("Sub", [mixed, ground])
  graph.node("Concat", [lifted, mixed, own], { axis: 1 }, ["image_embeddings"])
  graph.output("image_embeddings", [1, 7, grid, grid])
  return graph.model(13)
}

function decoderGraph(): Uint8Array<ArrayBuffer> {
  const graph = createGraph("house/")
  const cells = grid * grid
  graph.input("image_embeddings", [1, 7, grid, grid])
  graph.input("point_coords", [1, "n", 2])
  graph.input("point_labels", [1, "n"])
  const scalar = (name: string, value: number) => graph.f32(`house/${name}`, [1], Float32Array.of(value))
  const ints = (name: string, values: readonly number[]) => graph.i64(`house/${name}`, values)
  const mul = (a: string, b: string) => graph.node("Mul", [a, b])
  const sub = (a: string, b: string) => graph.node("Sub", [a, b])

  // Places pointed at, as numbers of cells.
  const points = graph.node("Reshape", ["point_coords", ints("pairs", [-1, 2])])
  const inCells = graph.node("Floor", [mul(points, scalar("per_pixel", grid / side))])
  const kept = graph.node("Min", [graph.node("Max", [inCells, scalar("zero", 0)]), scalar("last", grid - 1)])
  graph.f32("house/stride", [2, 1], Float32Array.of(1, grid))
  const numbers = graph.node("Cast", [graph.node("MatMul", [kept, "house/stride"])], { to: 7 })
  const at = graph.node("Reshape", [numbers, ints("flat", [-1])])
  const labels = graph.node("Reshape", ["point_labels", ints("column", [-1, 1])])
  const isPositive = graph.node("Greater", [labels, scalar("half", 0.5)])
  const isNegative = graph.node("Less", [graph.node("Abs", [labels]), scalar("half2", 0.5)])

  ints("parts", [3, 3, 1])
  graph.node("Split", ["image_embeddings", "house/parts"], { axis: 1 }, [
    "house/lift",
    "house/color",
    "house/own",
  ])
  ints("rows", [3, cells])
  const view = (name: string) => {
    const rows = graph.node("Reshape", [name, "house/rows"])
    // A finger does not mean one cell.
    const soft = graph.node("AveragePool", [name], {
      kernel_shape: { ints: [3, 3] },
      strides: { ints: [1, 1] },
      pads: { ints: [1, 1, 1, 1] },
      count_include_pad: 0,
    })
    const spots = graph.node("Gather", [graph.node("Reshape", [soft, "house/rows"]), at], { axis: 1 })
    const turned = graph.node("Transpose", [spots], { perm: { ints: [1, 0] } })
    const cross = graph.node("MatMul", [turned, rows])
    const length = graph.node("ReduceSumSquare", [turned], { axes: { ints: [1] }, keepdims: 1 })
    const lengths = graph.node("ReduceSumSquare", [rows], { axes: { ints: [0] }, keepdims: 1 })
    return { cross, length, lengths }
  }
  const only = (which: string, value: string, otherwise: string) =>
    graph.node("Where", [which, value, otherwise])
  const over = { axes: { ints: [0] }, keepdims: 1 }

  // How far each cell goes from its surroundings towards the spot.
  const lift = view("house/lift")
  const towards = graph.node("Div", [lift.cross, graph.node("Max", [lift.length, scalar("least", 1e-4)])])
  const nearest = graph.node("ReduceMax", [only(isPositive, towards, scalar("never", -9))], over)
  // How much its colour differs, and whether it is more like a place that is not meant.
  const color = view("house/color")
  const squares = graph.node("Relu", [
    graph.node("Add", [sub(color.lengths, mul(color.cross, scalar("two", 2))), color.length]),
  ])
  const apart = graph.node("ReduceMin", [only(isPositive, squares, scalar("far", 1e9))], over)
  const apartFromOthers = graph.node("ReduceMin", [only(isNegative, squares, scalar("far2", 1e8))], over)
  const own = graph.node("Reshape", ["house/own", ints("one_row", [1, cells])])
  const masks = shares.map((share, i) => sub(nearest, scalar(`share_${i}`, share)))
  const isOut = graph.node("Or", [
    graph.node("Less", [own, scalar("half3", 0.5)]),
    graph.node("Less", [apartFromOthers, apart]),
  ])
  const rows = graph.node("Concat", masks, { axis: 0 })
  const answered = only(isOut, scalar("outside", -1), rows)
  graph.node("Reshape", [answered, ints("answer", [1, masks.length, grid, grid])], {}, ["masks"])
  graph.output("masks", [1, masks.length, grid, grid])
  return graph.model(13)
}
