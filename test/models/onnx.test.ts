import { expect, test } from "bun:test"
import { loadBackbone } from "#models/backbone/backbone"
import { ensureBackbone } from "#models/backbone/convert"
import { sessionOptions } from "#models/infer/session"
import { loadOrt } from "#models/native"
import { createGraph } from "#models/onnx/graph"
import { readOnnx } from "#models/onnx/read"
import { appendFragment, cutTrunk } from "#models/onnx/trunk"
import { sharedData, writeModel } from "./kit.ts"

async function run(bytes: Uint8Array, side: number) {
  const ort = await loadOrt()
  const session = await ort.InferenceSession.create(bytes, sessionOptions)
  const data = Float32Array.from({ length: 3 * side * side }, (_, i) => Math.sin(i))
  return await session.run({ image: new ort.Tensor("float32", data, [1, 3, side, side]) })
}

/** A fragment that only declares existing tensors as outputs. */
function exposeOutputs(names: readonly string[]) {
  const graph = createGraph("")
  for (const [i, name] of names.entries()) graph.output(name, ["n", `c${i}`, `h${i}`, `w${i}`])
  return graph.fragment()
}

test("the default backbone gives its taps at the promised strides and channels", async () => {
  const files = await ensureBackbone()
  const { bytes, contract } = await loadBackbone(files.onnx, files.contract)
  const out = await run(bytes, 64)
  for (const [name, tap] of Object.entries(contract.taps)) {
    expect(out[name]?.dims).toEqual([1, tap.channels, 64 / tap.stride, 64 / tap.stride])
  }
})

test("a cut trunk computes the same taps from fewer bytes", async () => {
  const { bytes } = await loadBackbone((await ensureBackbone()).onnx)
  const cut = appendFragment(cutTrunk(bytes, ["s8", "s16"]), exposeOutputs(["s8", "s16"]))
  expect(cut.length).toBeLessThan(bytes.length / 4)
  const [whole, part] = [await run(bytes, 64), await run(cut, 64)]
  expect(part.s16?.data).toEqual(whole.s16?.data)
  expect(Object.keys(part)).toEqual(["s8", "s16"])
})

test("two models on the same trunk begin with the same bytes", async () => {
  const { bytes } = await loadBackbone((await ensureBackbone()).onnx)
  const trunk = cutTrunk(bytes, ["s8"])
  const models = ["one", "two"].map((name) => {
    const graph = createGraph("crux/")
    graph.output(graph.node("Relu", ["s8"], {}, [name]), [1, 128, 8, 8])
    graph.meta("crux.contract", name)
    return appendFragment(cutTrunk(bytes, ["s8"]), graph.fragment())
  })
  for (const model of models) expect(model.subarray(0, trunk.length)).toEqual(trunk)
  expect(models.map((model) => readOnnx(model).metadata.get("crux.contract"))).toEqual(["one", "two"])
  expect((await run(models[1]!, 64)).two?.dims).toEqual([1, 128, 8, 8])
})

test("what the writer wrote the reader reads", () => {
  const graph = createGraph("p/")
  graph.input("x", [1, "n"])
  graph.f32("w", [1], Float32Array.of(2))
  graph.output(graph.node("Mul", ["x", "w"], {}, ["y"]), [1, "n"])
  graph.meta("key", "값")
  const model = readOnnx(graph.model(13))
  expect(model).toMatchObject({ ir: 8, opset: 13, domains: [] })
  expect(model.inputs.map(({ name, dims }) => ({ name, dims }))).toEqual([{ name: "x", dims: [1, "n"] }])
  expect(model.initializers.map(({ name, dims, type }) => ({ name, dims, type }))).toEqual([
    { name: "w", dims: [1], type: 1 },
  ])
  expect(model.nodes.map(({ op, inputs, outputs }) => ({ op, inputs, outputs }))).toEqual([
    { op: "Mul", inputs: ["x", "w"], outputs: ["y"] },
  ])
  expect(model.metadata.get("key")).toBe("값")
})

test("a tap that is not there and an unknown backbone are refused with the way out", async () => {
  const { bytes } = await loadBackbone((await ensureBackbone()).onnx)
  expect(() => cutTrunk(bytes, ["s64"])).toThrow('no tensor "s64"')
  const stranger = await writeModel(cutTrunk(bytes, ["s8"]))
  expect(loadBackbone(stranger)).rejects.toThrow("put a contract beside it")
  expect(loadBackbone("/nowhere.onnx")).rejects.toMatchObject({ code: "backbone_invalid" })
})

test("another backbone is known by its hash", async () => {
  const data = sharedData()
  if (!data) return
  const { bytes, contract } = await loadBackbone(`${data}/backbone/mobilenetv2-imagenet-fp32.onnx`)
  expect(contract.name).toBe("mobilenetv2-imagenet")
  const cut = appendFragment(cutTrunk(bytes, ["s8", "s16"]), exposeOutputs(["s8", "s16"]))
  const out = await run(cut, 64)
  expect(out.s16?.dims).toEqual([1, contract.taps.s16!.channels, 4, 4])
})
