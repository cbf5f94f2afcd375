import { ModelError } from "../model-error.ts"
import { asInt, asText, fields } from "./wire.ts"

/** What a model would run and need, however deeply it lies in bodies of loops and branches, attributes and functions. */
export type Inside = {
  /** How often each operator is used; those of other sets than ONNX's own as `domain.Op`. */
  operators: Map<string, number>
  /** Sets of operators that are used, other than ONNX's own. */
  domains: Set<string>
  /** Functions that the file itself defines, as `domain.Name`. */
  functions: Set<string>
  nodes: number
  /** Nodes with bodies: loops and branches. */
  branches: number
  /** Whether some tensor, anywhere, lies in another file. */
  external: boolean
}

/** Nobody nests deeper on purpose; a file that does wants to exhaust whoever reads it. */
const deepest = 24

/**
 * Walks everything in an ONNX file. The structure that `readOnnx` reads is its top alone: a branch's body may use
 * operators and files that the top does not name. Throws `model_invalid`.
 */
export function readInside(bytes: Uint8Array): Inside {
  const inside: Inside = {
    operators: new Map(),
    domains: new Set(),
    functions: new Set(),
    nodes: 0,
    branches: 0,
    external: false,
  }
  try {
    for (const { no, bytes: part } of fields(bytes)) {
      // ModelProto: 7 graph, 20 training_info, 25 functions.
      if (no === 7) readGraph(part, inside, 0)
      else if (no === 20) readTraining(part, inside)
      else if (no === 25) readFunction(part, inside)
    }
  } catch (cause) {
    if (cause instanceof ModelError) throw cause
    throw new ModelError("model_invalid", "the file is not a readable ONNX model", { cause })
  }
  return inside
}

function readTraining(info: Uint8Array, inside: Inside): void {
  for (const { no, bytes } of fields(info)) if (no === 1 || no === 2) readGraph(bytes, inside, 1)
}

/** FunctionProto: 1 name, 7 nodes, 10 domain, 11 defaults of attributes. */
function readFunction(message: Uint8Array, inside: Inside): void {
  let [name, domain] = ["", ""]
  for (const { no, bytes } of fields(message)) {
    if (no === 1) name = asText(bytes)
    else if (no === 10) domain = asText(bytes)
    else if (no === 7) readNode(bytes, inside, 1)
    else if (no === 11) readAttribute(bytes, inside, 1)
  }
  inside.functions.add(qualified(domain, name))
}

/** GraphProto: 1 nodes, 5 weights, 15 sparse weights. */
function readGraph(graph: Uint8Array, inside: Inside, depth: number): void {
  if (depth > deepest) throw new ModelError("model_invalid", `the model is nested more than ${deepest} deep`)
  for (const { no, bytes } of fields(graph)) {
    if (no === 1) readNode(bytes, inside, depth)
    else if (no === 5) readTensor(bytes, inside)
    else if (no === 15) readSparse(bytes, inside)
  }
}

/** NodeProto: 4 operator, 5 attributes, 7 set of operators. */
function readNode(node: Uint8Array, inside: Inside, depth: number): void {
  let [op, domain, body] = ["", "", false]
  for (const { no, bytes } of fields(node)) {
    if (no === 4) op = asText(bytes)
    else if (no === 7) domain = asText(bytes)
    else if (no === 5) body = readAttribute(bytes, inside, depth) || body
  }
  const name = qualified(domain, op)
  inside.operators.set(name, (inside.operators.get(name) ?? 0) + 1)
  if (name !== op) inside.domains.add(domain)
  inside.nodes++
  if (body) inside.branches++
}

/** AttributeProto: 5 and 10 tensors, 6 and 11 graphs, 22 and 23 sparse tensors. True where it holds a body. */
function readAttribute(attribute: Uint8Array, inside: Inside, depth: number): boolean {
  let body = false
  for (const { no, bytes } of fields(attribute)) {
    if (no === 5 || no === 10) readTensor(bytes, inside)
    else if (no === 22 || no === 23) readSparse(bytes, inside)
    else if (no === 6 || no === 11) {
      body = true
      readGraph(bytes, inside, depth + 1)
    }
  }
  return body
}

/** TensorProto: 13 where the bytes lie, 14 that they lie elsewhere. */
function readTensor(tensor: Uint8Array, inside: Inside): void {
  for (const { no, int } of fields(tensor))
    if (no === 13 || (no === 14 && asInt(int) !== 0)) inside.external = true
}

/** SparseTensorProto: 1 values, 2 places. */
function readSparse(sparse: Uint8Array, inside: Inside): void {
  for (const { no, bytes } of fields(sparse)) if (no === 1 || no === 2) readTensor(bytes, inside)
}

const qualified = (domain: string, op: string) =>
  domain === "" || domain === "ai.onnx" ? op : `${domain}.${op}`
