import { existsSync } from "node:fs"
import { mkdtemp, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { ModelContract, ModelInput } from "#contract/model"
import { loadSharp } from "#models/native"
import { createGraph, type GraphWriter } from "#models/onnx/graph"

export const inferCommand = [process.execPath, join(import.meta.dir, "infer.entry.ts")]

export async function tempDir(): Promise<string> {
  return await mkdtemp(join(tmpdir(), "crux-models-"))
}

/** Folder of real test images, or undefined; tests that need it say plainly when it is not there. */
export function sharedData(): string | undefined {
  const places = [process.env.CRUX_SHARED_DATA, join(import.meta.dir, "..", "..", "..", "shared", "data")]
  const found = places.find((place) => place !== undefined && existsSync(place))
  if (!found) console.log("skipped: real images are not there (../shared/data or CRUX_SHARED_DATA)")
  return found
}

export const greyInput: ModelInput = {
  name: "image",
  dtype: "f32",
  layout: "NCHW",
  color: "RGB",
  resize: { mode: "stretch", w: 32, h: 32, interp: "bilinear", antialias: true },
  scale: 1 / 255,
  mean: [0, 0, 0],
  std: [1, 1, 1],
}

export function contractFor(input: ModelInput = greyInput): ModelContract {
  return {
    v: 1,
    task: "anomaly",
    inputs: [input],
    outputs: [
      { name: "score", role: "score" },
      { name: "map", role: "map" },
    ],
    decode: { type: "crux_patch" },
    classes: [{ id: 0, key: "ok", verdict: "OK" }],
    thresholds: { t_low: 0.4, t_high: 0.6, pixel: 0.5 },
    score: { direction: "higher_is_ng", raw: false },
    provenance: { recipe: "test" },
  }
}

/**
 * A model whose NG score is the brightness of its brightest 8x8 block: `map` [1,1,4,4], `score` [1].
 * `tail` may insert nodes between the map and the score.
 */
export function brightnessModel(
  tail: (graph: GraphWriter, map: string) => string = (_, map) => map,
): Uint8Array {
  const graph = createGraph("")
  graph.input("image", [1, 3, 32, 32])
  const pooled = graph.node("AveragePool", ["image"], {
    kernel_shape: { ints: [8, 8] },
    strides: { ints: [8, 8] },
  })
  graph.node("ReduceMean", [pooled], { axes: { ints: [1] }, keepdims: 1 }, ["map"])
  graph.node("ReduceMax", [tail(graph, "map")], { keepdims: 0 }, ["score"])
  graph.output("map", [1, 1, 4, 4])
  graph.output("score", [])
  graph.meta("crux.contract", JSON.stringify(contractFor()))
  return graph.model(13)
}

/** A model that runs for seconds: a chain of large matrix products that onnxruntime cannot fold away. */
export function slowModel(products = 150): Uint8Array {
  return brightnessModel((graph, map) => {
    const side = 1024
    graph.f32("w", [side, side], new Float32Array(side * side).fill(1 / side))
    graph.i64("shape", [1, 16])
    graph.f32("wide", [16, side], new Float32Array(16 * side).fill(1 / 16))
    let row = graph.node("MatMul", [graph.node("Reshape", [map, "shape"]), "wide"])
    graph.f32("column", [side, 1], new Float32Array(side).fill(1))
    row = graph.node("Mul", ["column", row])
    for (let i = 0; i < products; i++) row = graph.node("MatMul", [row, "w"])
    return row
  })
}

export async function writeModel(bytes: Uint8Array): Promise<string> {
  const path = join(await tempDir(), "model.onnx")
  await writeFile(path, bytes)
  return path
}

/** A raw RGB frame, black but for a white square. */
export function frameWithSquare(side: number, square?: { x: number; y: number; size: number }) {
  const raw = new Uint8Array(side * side * 3)
  if (square) {
    for (let y = square.y; y < square.y + square.size; y++) {
      raw.fill(255, (y * side + square.x) * 3, (y * side + square.x + square.size) * 3)
    }
  }
  return { raw, width: side, height: side, channels: 3 as const }
}

export async function jpegOf(frame: { raw: Uint8Array; width: number; height: number }): Promise<Uint8Array> {
  const sharp = await loadSharp()
  const raw = { width: frame.width, height: frame.height, channels: 3 as const }
  return await sharp(frame.raw, { raw }).jpeg({ quality: 95 }).toBuffer()
}
