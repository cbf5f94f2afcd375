import * as v from "valibot"
import { ModelError } from "../model-error.ts"

const Ints = v.object({ list: v.object({ i: v.array(v.string()) }) })
const TfjsNode = v.object({
  name: v.string(),
  op: v.string(),
  input: v.optional(v.array(v.string()), []),
  attr: v.optional(
    v.object({
      strides: v.optional(Ints),
      ksize: v.optional(Ints),
      dilations: v.optional(Ints),
      padding: v.optional(v.object({ s: v.string() })),
      alpha: v.optional(v.object({ f: v.number() })),
    }),
    {},
  ),
})
export type TfjsNode = v.InferOutput<typeof TfjsNode>

const GraphModel = v.object({
  format: v.literal("graph-model"),
  modelTopology: v.object({ node: v.array(TfjsNode) }),
  weightsManifest: v.tuple([
    v.object({
      weights: v.array(
        v.object({
          name: v.string(),
          shape: v.array(v.number()),
          dtype: v.picklist(["float32", "int32"]),
          quantization: v.optional(v.object({ dtype: v.literal("float16") })),
        }),
      ),
    }),
  ]),
})

/** A weight as stored: half floats stay raw 16-bit patterns, integers are decoded. */
export type TfjsWeight = { shape: number[]; half?: Uint16Array; ints?: Int32Array }
export type TfjsGraph = { nodes: Map<string, TfjsNode>; weights: Map<string, TfjsWeight> }

/** Reads a TF.js graph model whose float weights are stored as float16. Throws `backbone_invalid`. */
export function readTfjs(json: unknown, bin: Uint8Array): TfjsGraph {
  const parsed = v.safeParse(GraphModel, json)
  if (!parsed.success) {
    throw new ModelError("backbone_invalid", `not a TF.js graph model: ${v.summarize(parsed.issues)}`)
  }
  const weights = new Map<string, TfjsWeight>()
  let at = 0
  for (const { name, shape, dtype, quantization } of parsed.output.weightsManifest[0].weights) {
    const count = shape.reduce((product, size) => product * size, 1)
    if (dtype === "float32" && !quantization) {
      throw new ModelError("backbone_invalid", `weight ${name} is not stored as float16`)
    }
    const size = count * (quantization ? 2 : 4)
    // Copied, because a typed array needs an aligned start and the manifest packs without padding.
    const raw = Uint8Array.from(bin.subarray(at, at + size))
    if (raw.length !== size) throw new ModelError("backbone_invalid", "the weight file is too short")
    weights.set(
      name,
      quantization
        ? { shape, half: new Uint16Array(raw.buffer) }
        : { shape, ints: new Int32Array(raw.buffer) },
    )
    at += size
  }
  if (at !== bin.length)
    throw new ModelError("backbone_invalid", "the weight file is longer than its manifest")
  return { nodes: new Map(parsed.output.modelTopology.node.map((node) => [node.name, node])), weights }
}
