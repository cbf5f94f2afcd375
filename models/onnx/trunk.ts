import { ModelError } from "../model-error.ts"
import { modelHeader } from "./graph.ts"
import { readOnnx } from "./read.ts"
import { bytesField, concat, textField } from "./wire.ts"

/**
 * Cuts a model down to what the named tensors need: other nodes, weights, all outputs and metadata go, the
 * rest is copied verbatim in file order. The result has no outputs yet; append a fragment to it.
 *
 * The bytes depend only on the model and the taps, so every model trained on the same trunk starts with the
 * same bytes and content-addressed delivery fetches the trunk once. Cutting also matters for speed: a node
 * after the last tap would run even when nobody fetches its output. Throws `backbone_invalid`.
 */
export function cutTrunk(bytes: Uint8Array, taps: readonly string[]): Uint8Array<ArrayBuffer> {
  const model = readOnnx(bytes)
  const producer = new Map(model.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)))
  const needed = new Set<string>()
  const open = [...taps]
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (name === "" || needed.has(name)) continue
    needed.add(name)
    open.push(...(producer.get(name)?.inputs ?? []))
  }
  for (const tap of taps) {
    if (!producer.has(tap)) throw new ModelError("backbone_invalid", `the backbone has no tensor "${tap}"`)
  }
  const nodes = model.nodes.filter((node) => node.outputs.some((name) => needed.has(name)))
  if (nodes.some((node) => node.subgraph)) {
    throw new ModelError("backbone_invalid", "a backbone with control flow cannot be cut")
  }
  const weights = model.initializers.filter((tensor) => needed.has(tensor.name))
  if (weights.some((tensor) => tensor.external)) {
    throw new ModelError(
      "backbone_invalid",
      "weights in a second file are not supported: one model, one file",
    )
  }
  const inputs = model.inputs.filter((value) => needed.has(value.name))
  const spans = [...nodes, ...weights, ...inputs].map((part) => part.span)
  return concat([modelHeader(model.opset), bytesField(7, concat([textField(2, "crux"), ...spans]))])
}

/** Appends serialized fragments to a model: concatenation is how protobuf merges messages. */
export function appendFragment(model: Uint8Array, ...fragments: Uint8Array[]): Uint8Array<ArrayBuffer> {
  return concat([model, ...fragments])
}
