import { expect, test } from "bun:test"
import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { loadBackbone } from "#models/backbone/backbone"
import { ensureBackbone } from "#models/backbone/convert"
import { loadOrt } from "#models/native"
import { createGraph } from "#models/onnx/graph"
import { readInside } from "#models/onnx/inside"
import { quantise, roundedTensors } from "#models/onnx/quantise"
import { readOnnx } from "#models/onnx/read"
import { appendFragment, cutTrunk } from "#models/onnx/trunk"
import type { Resized } from "#models/preprocess"
import { inputFor } from "#models/trainer/extractor"
import { createRandom } from "#models/trainer/random"
import { wholeNumbers } from "#models/trainer/whole-numbers"
import { sharedData } from "./kit.ts"

const side = 64
const random = createRandom(5)
const picture = (): Resized => ({
  pixels: Uint8Array.from(
    { length: side * side * 3 },
    (_, i) => 90 + 60 * Math.sin(i / 97) + random.below(60),
  ),
  width: side,
  height: side,
  channels: 3,
  placement: { w: side, h: side, scaleX: 1, scaleY: 1, offsetX: 0, offsetY: 0 },
})

/** Runs trunk files on one picture and gives a tap of each, and what the runtime made of the file. */
async function seen(trunk: Uint8Array, tap: string, feeds: Float32Array, kept?: string) {
  const ort = await loadOrt()
  const graph = createGraph("t/")
  graph.output(tap, ["n", "c", "h", "w"])
  const session = await ort.InferenceSession.create(appendFragment(trunk, graph.fragment()), {
    ...(kept !== undefined && { optimizedModelFilePath: kept, graphOptimizationLevel: "extended" }),
  })
  const out = await session.run({ image: new ort.Tensor("float32", feeds, [1, 3, side, side]) })
  await session.release()
  return out[tap]!.data as Float32Array
}

/** How far two tensors are apart, as a share of how far the first one is from its mean. */
function apart(a: Float32Array, b: Float32Array): number {
  const mean = a.reduce((sum, x) => sum + x, 0) / a.length
  const spread = a.reduce((sum, x) => sum + (x - mean) ** 2, 0)
  return Math.sqrt(a.reduce((sum, x, i) => sum + (x - b[i]!) ** 2, 0) / spread)
}

async function everyConvolution(files: { onnx: string; contract?: string }, tap: string) {
  const backbone = await loadBackbone(files.onnx, files.contract)
  const input = inputFor(backbone, { w: side, h: side })
  const pictures = Array.from({ length: 4 }, picture)
  const whole = await wholeNumbers(backbone, [tap], input, pictures)
  const trunk = cutTrunk(backbone.bytes, [tap])
  const feeds = Float32Array.from({ length: 3 * side * side }, (_, i) => {
    const channel = Math.floor(i / side ** 2)
    return (pictures[0]!.pixels[(i % side ** 2) * 3 + channel]! - input.mean[0]!) / input.std[0]!
  })
  const dir = await mkdtemp(join(tmpdir(), "crux-quantise-"))
  try {
    const kept = join(dir, "kept.onnx")
    const rounded = await seen(cutTrunk(whole.bytes, [tap]), tap, feeds, kept)
    const plain = await seen(trunk, tap, feeds)
    return {
      off: apart(plain, rounded),
      operators: readInside(await readFile(kept)).operators,
      sizes: [trunk.length, whole.bytes.length] as const,
      name: whole.contract.name,
    }
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

test("every convolution of the backbone runs on whole numbers, and its taps say nearly the same", async () => {
  const { off, operators, sizes, name } = await everyConvolution(await ensureBackbone(), "s16")
  expect(operators.get("QLinearConv")).toBeGreaterThan(10)
  expect(operators.has("Conv")).toBe(false)
  expect(off).toBeLessThan(0.15)
  // Half floats before.
  expect(sizes[1]).toBeLessThan(0.6 * sizes[0])
  expect(name).toBe("nanodet-g-int8")
}, 60_000)

test("so do those of a backbone with sums and cut ranges", async () => {
  const data = sharedData()
  if (!data) return
  const onnx = join(data, "backbone/mobilenetv2-imagenet-fp32.onnx")
  const { off, operators } = await everyConvolution({ onnx }, "s16")
  expect(operators.get("QLinearConv")).toBeGreaterThan(10)
  expect(operators.has("Conv")).toBe(false)
  // This one was never made for weights of 7 bits.
  expect(off).toBeLessThan(0.6)
}, 60_000)

test("what has no range, and weights that are no constants, are refused", () => {
  const graph = createGraph("g/")
  graph.input("image", [1, 1, 4, 4])
  graph.f32("w", [1, 1, 1, 1], Float32Array.of(2))
  graph.node("Conv", ["image", "w"], {}, ["mid"])
  graph.node("Conv", ["image", "mid"], {}, ["out"])
  const bytes = graph.model(13)
  expect(roundedTensors(readOnnx(bytes))).toEqual(["image", "mid", "out"])
  expect(() => quantise(bytes, new Map())).toThrow("nobody has seen what values image takes")
  const ranges = new Map(["image", "mid", "out"].map((name) => [name, { low: -1, high: 1 }]))
  expect(() => quantise(bytes, ranges)).toThrow("the weights mid are no constants")
})
