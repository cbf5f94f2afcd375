import type { Backbone } from "../backbone/backbone.ts"
import { sessionOptions } from "../infer/session.ts"
import { ModelError } from "../model-error.ts"
import { loadOrt } from "../native.ts"
import { createGraph } from "../onnx/graph.ts"
import { appendFragment, cutTrunk } from "../onnx/trunk.ts"
import { type Frame, preprocess } from "../preprocess.ts"
import { inputFor } from "../trainer/extractor.ts"
import { createRandom } from "../trainer/random.ts"

/** Numbers of one embedding. Half of them lost some hundredths of the right neighbours in trials; more gained nothing. */
export const embeddingSize = 256
/** Shorter edges lose defects, longer ones cost time for the same neighbours. */
const side = 224
/** Which taps are pooled: finer ones see noise. */
const strides = [8, 16, 32]
/**
 * Pictures begun before their turn. While the model looks nobody learns that a file was read; so one is read during one look
 * and decoded during the next.
 */
const ahead = 2
/** Raised when the recipe below changes: vectors of two recipes must not be compared. */
const recipe = 1

export type Embedder = {
  /** Name of the vector space: backbone and recipe. */
  space: string
  /** The picture as a direction, `embeddingSize` signed bytes; only angles between them mean anything. */
  embed: (frame: Frame) => Promise<Int8Array>
  /**
   * The same of many, in their order; the next pictures are opened while this one is looked at. A picture that cannot be
   * looked at gives its error, and the others go on.
   */
  embedAll: (frames: readonly Frame[]) => Promise<(Int8Array | ModelError)[]>
  release: () => Promise<void>
}

/**
 * Opens a frozen backbone so that it gives one vector per picture: mean, deviation and maximum of every channel over the
 * picture, each group brought to length one, projected at random onto few numbers, which keeps angles
 * (Johnson-Lindenstrauss). Mean alone forgets small defects; that is what the maximum and the deviation are for.
 */
export async function openEmbedder(backbone: Backbone): Promise<Embedder> {
  const taps = Object.values(backbone.contract.taps)
    .filter(({ stride }) => strides.includes(stride))
    .sort((a, b) => a.stride - b.stride)
  if (taps.length === 0)
    throw new ModelError("backbone_invalid", `the backbone has no tap of stride ${strides.join(", ")}`)
  const graph = createGraph("embed/")
  const pooled = taps.flatMap(({ tensor }) => {
    const over = { axes: { ints: [2, 3] }, keepdims: 0 }
    const mean = graph.node("ReduceMean", [tensor], over)
    const square = graph.node("ReduceMean", [graph.node("Mul", [tensor, tensor])], over)
    const variance = graph.node("Relu", [graph.node("Sub", [square, graph.node("Mul", [mean, mean])])])
    return [mean, graph.node("Sqrt", [variance]), graph.node("ReduceMax", [tensor], over)]
  })
  graph.f32("embed/least", [1], Float32Array.of(1e-6))
  const groups = pooled.map((group) => {
    // The root evens out channels that shout.
    const rooted = graph.node("Mul", [
      graph.node("Sign", [group]),
      graph.node("Sqrt", [graph.node("Abs", [group])]),
    ])
    const length = graph.node("ReduceL2", [rooted], { axes: { ints: [1] }, keepdims: 1 })
    return graph.node("Div", [rooted, graph.node("Max", [length, "embed/least"])])
  })
  const joined = graph.node("Concat", groups, { axis: 1 })
  const width = taps.reduce((sum, { channels }) => sum + 3 * channels, 0)
  const random = createRandom(recipe)
  const signs = Float32Array.from({ length: width * embeddingSize }, () => (random.below(2) === 0 ? -1 : 1))
  graph.f32("embed/projection", [width, embeddingSize], signs)
  graph.node("MatMul", [joined, "embed/projection"], {}, ["embedding"])
  graph.output("embedding", [1, embeddingSize])

  const ort = await loadOrt()
  const trunk = cutTrunk(
    backbone.bytes,
    taps.map(({ tensor }) => tensor),
  )
  const session = await ort.InferenceSession.create(appendFragment(trunk, graph.fragment()), sessionOptions)
  const input = inputFor(backbone, { w: side, h: side })
  const prepare = (frame: Frame) => preprocess(frame, input)
  const look = async ({ data, dims }: Awaited<ReturnType<typeof prepare>>) => {
    const out = await session.run({ [input.name]: new ort.Tensor("float32", data as Float32Array, dims) })
    return toBytes(out.embedding!.data as Float32Array)
  }
  return {
    space: `${backbone.sha256.slice(0, 24)}-${recipe}`,
    embed: async (frame) => look(await prepare(frame)),
    embedAll: async (frames) => {
      const caught = (error: unknown) => {
        if (error instanceof ModelError) return error
        throw error
      }
      const begin = (frame: Frame) => {
        const prepared = prepare(frame).catch(caught)
        // It may fail before its turn; whoever waits for it then hears of it.
        prepared.catch(() => undefined)
        return prepared
      }
      const begun = frames.slice(0, ahead).map(begin)
      const vectors: (Int8Array | ModelError)[] = []
      for (let i = 0; i < frames.length; i++) {
        begun.push(...frames.slice(i + ahead, i + ahead + 1).map(begin))
        const prepared = await begun.shift()!
        vectors.push(prepared instanceof ModelError ? prepared : await look(prepared).catch(caught))
      }
      return vectors
    },
    release: () => session.release(),
  }
}

/** The largest number becomes ±127: the length of a direction says nothing. Throws `nan_output`. */
function toBytes(vector: Float32Array): Int8Array {
  let largest = 0
  for (const x of vector) largest = Math.max(largest, Math.abs(x))
  if (!Number.isFinite(largest))
    throw new ModelError("nan_output", "the backbone returned a value that is no number")
  const gain = largest > 0 ? 127 / largest : 0
  return Int8Array.from(vector, (x) => Math.round(x * gain))
}
