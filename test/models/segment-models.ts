import { createGraph, type Dim, type GraphWriter } from "#models/onnx/graph"
import { bytesField, concat, intField, textField } from "#models/onnx/wire"

/** Forms of exports that are really about: names, ranks and sizes are theirs, the arithmetic inside is ours. */
type Form = "sam" | "efficient" | "inside" | "strange" | "foreign"

const side = 64
const grid = 32

/**
 * A pair that finds what is as bright as the place pointed at: the encoder averages brightness over cells, the decoder
 * compares. Small enough to run in a millisecond, and right on a square picture with one dark spot.
 */
export function samPair(form: Form): { encoder: Uint8Array; decoder: Uint8Array } {
  return { encoder: encoder(form), decoder: decoder(form) }
}

function encoder(form: Form): Uint8Array {
  const graph = createGraph("e/")
  let image = "image"
  if (form === "inside") {
    graph.input("input_image", ["height", "width", 3])
    const turned = graph.node("Transpose", ["input_image"], { perm: { ints: [2, 0, 1] } })
    graph.i64("e/first", [0])
    const batch = graph.node("Unsqueeze", [turned, "e/first"])
    graph.f32("e/scale", [1], Float32Array.of(1 / 255))
    image = graph.node("Mul", [batch, "e/scale"])
  } else if (form === "efficient") image = graph.input("batched_images", ["b", 3, "h", "w"])
  else image = graph.input(form === "strange" ? "bild" : "image", [1, 3, side, side])
  const grey = graph.node("ReduceMean", [image], { axes: { ints: [1] }, keepdims: 1 })
  const output = form === "strange" ? "merkmale" : "image_embeddings"
  // EfficientSAM brings any picture onto its own grid.
  graph.i64("e/size", [1, 1, grid, grid])
  graph.node(
    "Resize",
    [grey, "", "", "e/size"],
    { mode: "linear", coordinate_transformation_mode: "half_pixel" },
    [output],
  )
  graph.output(output, [1, 1, grid, grid])
  const bytes = graph.model(13)
  // Operators of somebody else's library.
  const opset = concat([textField(1, "com.example"), intField(2, 1)])
  return form === "foreign" ? concat([bytes, bytesField(8, opset)]) : bytes
}

function decoder(form: Form): Uint8Array {
  const graph = createGraph("d/")
  const embeddings = form === "strange" ? "merkmale" : "image_embeddings"
  graph.input(embeddings, [1, 1, grid, grid])
  const rank4 = form === "efficient"
  const points = rank4 ? "batched_point_coords" : form === "strange" ? "orte" : "point_coords"
  const labels = rank4 ? "batched_point_labels" : form === "strange" ? "art" : "point_labels"
  const lead: Dim[] = rank4 ? [1, 1] : [1]
  graph.input(points, [...lead, "n", 2])
  graph.input(labels, [...lead, "n"])
  const whole = form === "sam" || form === "inside"
  if (whole) {
    graph.input("mask_input", [1, 1, 16, 16])
    graph.input("has_mask_input", [1])
  }
  if (whole || rank4) graph.input("orig_im_size", [2])

  // The first place pointed at, as a cell.
  graph.i64("d/pairs", [-1, 2])
  graph.i64("d/zero", [0])
  graph.i64("d/one", [1])
  const pairs = graph.node("Reshape", [points, "d/pairs"])
  const first = graph.node("Slice", [pairs, "d/zero", "d/one", "d/zero"])
  const inSquare = rank4 ? perPicture(graph, first) : perSquare(graph, first, form === "inside" ? 1024 : side)
  graph.f32("d/low", [1], Float32Array.of(0))
  graph.f32("d/high", [1], Float32Array.of(grid - 1))
  const cell = graph.node("Min", [graph.node("Max", [graph.node("Floor", [inSquare]), "d/low"]), "d/high"])
  graph.f32("d/stride", [2, 1], Float32Array.of(1, grid))
  graph.i64("d/flat", [-1])
  const place = graph.node("Reshape", [
    graph.node("Cast", [graph.node("MatMul", [cell, "d/stride"])], { to: 7 }),
    "d/flat",
  ])
  const cells = graph.node("Reshape", [embeddings, "d/flat"])
  const spot = graph.node("Gather", [cells, place], { axis: 0 })
  const apart = graph.node("Abs", [graph.node("Sub", [embeddings, spot])])
  graph.node("ReduceMax", [apart], { keepdims: 1 }, ["d/most"])
  graph.f32("d/half", [1], Float32Array.of(0.5))
  const logits = graph.node("Sub", [graph.node("Mul", ["d/most", "d/half"]), apart])

  if (form === "strange") {
    graph.node("Identity", [logits], {}, ["flaeche"])
    graph.output("flaeche", [1, 1, grid, grid])
    return graph.model(13)
  }
  const size = graph.node("Cast", ["orig_im_size"], { to: 7 })
  graph.i64("d/lead", [1, 1])
  const full = graph.node("Concat", ["d/lead", size], { axis: 0 })
  const masks = rank4 ? "output_masks" : "masks"
  const drawn = graph.node("Resize", [logits, "", "", full], {
    mode: "linear",
    coordinate_transformation_mode: "half_pixel",
  })
  if (rank4) {
    graph.i64("d/second", [1])
    graph.node("Unsqueeze", [drawn, "d/second"], {}, [masks])
  } else graph.node("Identity", [drawn], {}, [masks])
  graph.output(masks, rank4 ? [1, 1, 1, "h", "w"] : [1, 1, "h", "w"])
  graph.f32("d/sure", rank4 ? [1, 1, 1] : [1, 1], Float32Array.of(0.9))
  graph.node("Identity", ["d/sure"], {}, ["iou_predictions"])
  graph.output("iou_predictions", rank4 ? [1, 1, 1] : [1, 1])
  return graph.model(13)
}

/** From pixels of the encoder's square to cells. */
function perSquare(graph: GraphWriter, points: string, of: number): string {
  graph.f32("d/per", [1], Float32Array.of(grid / of))
  return graph.node("Mul", [points, "d/per"])
}

/** From pixels of the picture to cells of a grid that covers it. */
function perPicture(graph: GraphWriter, points: string): string {
  const size = graph.node("Cast", ["orig_im_size"], { to: 1 })
  graph.f32("d/turn", [2, 2], Float32Array.of(0, 1, 1, 0))
  graph.i64("d/row", [1, 2])
  const across = graph.node("MatMul", [graph.node("Reshape", [size, "d/row"]), "d/turn"])
  graph.f32("d/grid", [1], Float32Array.of(grid))
  return graph.node("Mul", [graph.node("Div", [points, across]), "d/grid"])
}
