import { ModelError } from "../model-error.ts"
import { asInt, asText, fields } from "./wire.ts"

export type OnnxNode = {
  op: string
  inputs: string[]
  outputs: string[]
  subgraph: boolean
  span: Uint8Array
}
export type OnnxTensor = { name: string; dims: number[]; type: number; external: boolean; span: Uint8Array }
/** Symbolic dimensions read as their name, unknown ones as ""; `type` is the number of TensorProto.DataType. */
export type OnnxValue = { name: string; dims: (number | string)[]; type: number; span: Uint8Array }
export type OnnxModel = {
  ir: number
  /** Version of the default operator set. */
  opset: number
  /** Operator domains other than the default one. */
  domains: string[]
  nodes: OnnxNode[]
  initializers: OnnxTensor[]
  inputs: OnnxValue[]
  outputs: OnnxValue[]
  metadata: Map<string, string>
}

/**
 * Reads structure and metadata of an ONNX file; weights are skipped, not copied. The JS API of onnxruntime
 * gives no access to `metadata_props` (issue 16547), hence the walk. Throws `model_invalid`.
 */
export function readOnnx(bytes: Uint8Array): OnnxModel {
  const model: OnnxModel = {
    ir: 0,
    opset: 0,
    domains: [],
    nodes: [],
    initializers: [],
    inputs: [],
    outputs: [],
    metadata: new Map(),
  }
  try {
    for (const field of fields(bytes)) {
      if (field.no === 1) model.ir = asInt(field.int)
      else if (field.no === 7) readGraph(field.bytes, model)
      else if (field.no === 8) readOpset(field.bytes, model)
      else if (field.no === 14) readEntry(field.bytes, model.metadata)
    }
  } catch (cause) {
    throw new ModelError("model_invalid", "the file is not a readable ONNX model", { cause })
  }
  if (model.ir === 0 || model.nodes.length === 0) {
    throw new ModelError("model_invalid", "the file holds no ONNX graph")
  }
  return model
}

function readGraph(graph: Uint8Array, model: OnnxModel): void {
  for (const { no, bytes, span } of fields(graph)) {
    if (no === 1) model.nodes.push(readNode(bytes, span))
    else if (no === 5) model.initializers.push(readTensor(bytes, span))
    else if (no === 11) model.inputs.push(readValue(bytes, span))
    else if (no === 12) model.outputs.push(readValue(bytes, span))
  }
}

function readNode(node: Uint8Array, span: Uint8Array): OnnxNode {
  const out: OnnxNode = { op: "", inputs: [], outputs: [], subgraph: false, span }
  for (const { no, bytes } of fields(node)) {
    if (no === 1) out.inputs.push(asText(bytes))
    else if (no === 2) out.outputs.push(asText(bytes))
    else if (no === 4) out.op = asText(bytes)
    // AttributeProto 6 = g, 11 = graphs: a body that may read outer values without naming them as inputs.
    else if (no === 5)
      for (const attr of fields(bytes)) if (attr.no === 6 || attr.no === 11) out.subgraph = true
  }
  return out
}

function readTensor(tensor: Uint8Array, span: Uint8Array): OnnxTensor {
  const out: OnnxTensor = { name: "", dims: [], type: 0, external: false, span }
  for (const { no, int, bytes } of fields(tensor)) {
    if (no === 1 && bytes.length === 0) out.dims.push(asInt(int))
    // proto3 writers pack repeated integers into one length-delimited field.
    else if (no === 1) out.dims.push(...unpack(bytes))
    else if (no === 2) out.type = asInt(int)
    else if (no === 8) out.name = asText(bytes)
    else if (no === 14 && int === 1n) out.external = true
  }
  return out
}

function unpack(bytes: Uint8Array): number[] {
  const out: number[] = []
  let value = 0
  let unit = 1
  for (const byte of bytes) {
    value += (byte & 0x7f) * unit
    unit *= 128
    if (byte < 0x80) {
      out.push(value)
      value = 0
      unit = 1
    }
  }
  return out
}

function readValue(value: Uint8Array, span: Uint8Array): OnnxValue {
  const out: OnnxValue = { name: "", dims: [], type: 0, span }
  for (const { no, bytes } of fields(value)) {
    if (no === 1) out.name = asText(bytes)
    else if (no === 2) {
      out.dims = readShape(bytes)
      for (const tensorType of only(bytes, 1))
        for (const { no, int } of fields(tensorType)) if (no === 1) out.type = asInt(int)
    }
  }
  return out
}

function readShape(type: Uint8Array): (number | string)[] {
  const dims: (number | string)[] = []
  for (const tensorType of only(type, 1)) {
    for (const shape of only(tensorType, 2)) {
      for (const dim of only(shape, 1)) {
        let size: number | string = ""
        for (const { no, int, bytes } of fields(dim)) size = no === 1 ? asInt(int) : asText(bytes)
        dims.push(size)
      }
    }
  }
  return dims
}

function* only(message: Uint8Array, wanted: number): Generator<Uint8Array> {
  for (const { no, bytes } of fields(message)) if (no === wanted) yield bytes
}

function readOpset(entry: Uint8Array, model: OnnxModel): void {
  let domain = ""
  let version = 0
  for (const { no, int, bytes } of fields(entry)) {
    if (no === 1) domain = asText(bytes)
    else if (no === 2) version = asInt(int)
  }
  if (domain === "" || domain === "ai.onnx") model.opset = version
  else model.domains.push(domain)
}

function readEntry(entry: Uint8Array, into: Map<string, string>): void {
  let key = ""
  let value = ""
  for (const { no, bytes } of fields(entry)) {
    if (no === 1) key = asText(bytes)
    else if (no === 2) value = asText(bytes)
  }
  into.set(key, value)
}
