import { createHash } from "node:crypto"
import type { ModelInput } from "#contract/model"
import type { Backbone } from "../backbone/backbone.ts"
import { sessionOptions } from "../infer/session.ts"
import { loadOrt } from "../native.ts"
import { createGraph } from "../onnx/graph.ts"
import { quantise, type Range, roundedTensors } from "../onnx/quantise.ts"
import { readOnnx } from "../onnx/read.ts"
import { appendFragment, cutTrunk } from "../onnx/trunk.ts"
import { type Resized, toTensor } from "../preprocess.ts"
import type { Taps } from "./extractor.ts"

/**
 * The backbone down to some taps on whole numbers, two to three times as fast where the processor has instructions for
 * them. `pictures` show which values its tensors take. A bank and heads are trained on what it sees, like on any other
 * backbone: features rounded behind their back would make every good part a little odd.
 */
export async function wholeNumbers(
  backbone: Backbone,
  taps: Taps,
  input: ModelInput,
  pictures: readonly Resized[],
): Promise<Backbone> {
  const tensors = taps.map((name) => backbone.contract.taps[name]!.tensor)
  const trunk = cutTrunk(backbone.bytes, tensors)
  const bytes = quantise(trunk, await rangesOf(trunk, input, pictures))
  return {
    bytes,
    contract: { ...backbone.contract, name: `${backbone.contract.name}-int8` },
    sha256: createHash("sha256").update(bytes).digest("hex"),
  }
}

/** The least and the largest value of every tensor that is to be rounded, over some pictures. */
async function rangesOf(
  trunk: Uint8Array,
  input: ModelInput,
  pictures: readonly Resized[],
): Promise<Map<string, Range>> {
  const names = roundedTensors(readOnnx(trunk))
  const graph = createGraph("range/")
  const ends = (op: "ReduceMin" | "ReduceMax", into: string) => {
    graph.i64(`range/${into}/flat`, [1])
    const all = names.map((name) =>
      graph.node("Reshape", [graph.node(op, [name], { keepdims: 0 }), `range/${into}/flat`]),
    )
    graph.output(graph.node("Concat", all, { axis: 0 }, [into]), [names.length])
  }
  ends("ReduceMin", "lows")
  ends("ReduceMax", "highs")
  const ort = await loadOrt()
  const session = await ort.InferenceSession.create(appendFragment(trunk, graph.fragment()), sessionOptions)
  const ranges = names.map((): Range => ({ low: Number.POSITIVE_INFINITY, high: Number.NEGATIVE_INFINITY }))
  for (const picture of pictures) {
    const { data, dims } = toTensor(picture, input)
    const out = await session.run({ [input.name]: new ort.Tensor("float32", data as Float32Array, dims) })
    const [lows, highs] = [out.lows!.data as Float32Array, out.highs!.data as Float32Array]
    for (const [i, range] of ranges.entries()) {
      range.low = Math.min(range.low, lows[i]!)
      range.high = Math.max(range.high, highs[i]!)
    }
  }
  await session.release()
  return new Map(names.map((name, i) => [name, ranges[i]!]))
}
