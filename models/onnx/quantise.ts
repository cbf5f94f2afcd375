import { ModelError } from "../model-error.ts"
import { createGraph, type GraphWriter } from "./graph.ts"
import { type OnnxModel, type OnnxNode, readOnnx } from "./read.ts"
import { weightOf } from "./tensor.ts"
import { bytesField, concat, fields, textField } from "./wire.ts"

/** The least and the largest number seen in a tensor. */
export type Range = { low: number; high: number }

/** Operators that run on whole numbers between convolutions. */
const carried = new Set(["Conv", "LeakyRelu", "Relu", "Clip", "MaxPool", "Concat", "Add"])
/** These only cut a range: the convolution or sum before them is rounded behind them, and the runtime drops them. */
const cutting = new Set(["Relu", "Clip"])
/**
 * Largest weight: 7 bits of 8. Processors without instructions for 8-bit products add two of them in 16 bits, which full
 * weights overflow silently (onnxruntime calls it `reduce_range`), and nobody knows the station's processor here.
 */
const mostWeight = 63

/** Tensors of a trunk that are rounded to 8 bits, and whose ranges have to be known for that. */
export function roundedTensors(model: OnnxModel): string[] {
  const users = usersOf(model)
  const inputs = model.inputs.map(({ name }) => name).filter((name) => users.get(name)?.some(isCarried))
  const inner = model.nodes.filter(isCarried).flatMap(({ outputs: [name = ""] }) => {
    const [user, ...more] = users.get(name) ?? []
    return user && more.length === 0 && cutting.has(user.op) ? [] : [name]
  })
  return [...inputs, ...inner]
}

/**
 * Rewrites a trunk so that it computes with whole numbers: every tensor of `roundedTensors` is rounded to 8 bits in its
 * range, the weights of convolutions channel by channel, and their biases to the product of both units, without which the
 * runtime would not join what belongs together. Names of tensors stay, so taps do, too. Throws `backbone_invalid`.
 */
export function quantise(bytes: Uint8Array, ranges: ReadonlyMap<string, Range>): Uint8Array<ArrayBuffer> {
  const model = readOnnx(bytes)
  const rounded = new Set(roundedTensors(model))
  const producers = new Map(model.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)))
  const units = new Map<string, Unit>()
  const unitOf = (name: string): Unit => {
    const known = units.get(name)
    if (known) return known
    const producer = producers.get(name)
    // A maximum is one of what it was taken from: in another unit the runtime could not pass it on.
    const unit = producer?.op === "MaxPool" ? unitOf(producer.inputs[0]!) : unitFor(rangeOf(name, ranges))
    units.set(name, unit)
    return unit
  }
  const graph = createGraph("whole/")
  const replaced = new Set<string>()
  const used = new Set<string>()
  const inputs = new Set(model.inputs.map(({ name }) => name))
  const rename = new Map([...rounded].filter((name) => inputs.has(name)).map((name) => [name, `${name}/8`]))

  for (const value of model.inputs) graph.verbatim(value.span)
  for (const [name, renamed] of rename) round(graph, name, renamed, unitOf(name))
  // Casts of weights stand before the convolutions; what they gave is given by whole numbers now.
  const constants = new Set(model.nodes.flatMap(({ op, inputs }) => (op === "Conv" ? inputs.slice(1) : [])))
  for (const node of model.nodes) {
    if (node.outputs.some((name) => constants.has(name))) continue
    if (node.op === "Conv") roundWeights(graph, model, node, unitOf(node.inputs[0]!), replaced)
    for (const name of node.inputs) used.add(name)
    const [out = ""] = node.outputs
    const plain = rounded.has(out) ? `${out}/f` : out
    graph.verbatim(renamed(node, rename, out, plain))
    if (plain !== out) round(graph, plain, out, unitOf(out))
  }
  for (const weight of model.initializers)
    if (used.has(weight.name) && !replaced.has(weight.name)) graph.verbatim(weight.span)
  for (const value of model.outputs) graph.verbatim(value.span)
  return graph.model(model.opset)
}

const isCarried = ({ op }: OnnxNode): boolean => carried.has(op)

function usersOf(model: OnnxModel): Map<string, OnnxNode[]> {
  const users = new Map<string, OnnxNode[]>()
  for (const node of model.nodes)
    for (const name of node.inputs) users.set(name, [...(users.get(name) ?? []), node])
  return users
}

/** value = (code - zero) * scale, codes 0..255. */
type Unit = { scale: number; zero: number }

function rangeOf(name: string, ranges: ReadonlyMap<string, Range>): Range {
  const range = ranges.get(name)
  if (!range) throw new ModelError("backbone_invalid", `nobody has seen what values ${name} takes`)
  return range
}

/** Zero must have a code of its own: borders are padded with it. */
function unitFor({ low, high }: Range): Unit {
  const [from, to] = [Math.min(0, low), Math.max(0, high)]
  const scale = Math.fround(Math.max(to - from, 1e-6) / 255)
  return { scale, zero: Math.round(-from / scale) }
}

/** Writes `from` rounded to codes and back as `into`. */
function round(graph: GraphWriter, from: string, into: string, { scale, zero }: Unit): void {
  const terms = [
    graph.f32(`${into}/scale`, [], Float32Array.of(scale)),
    graph.ints(`${into}/zero`, [], Uint8Array.of(zero)),
  ]
  const codes = graph.node("QuantizeLinear", [from, ...terms], {}, [`${into}/codes`])
  graph.node("DequantizeLinear", [codes, ...terms], {}, [into])
}

/** Puts rounded weights and bias of a convolution under the names it knows them by. */
function roundWeights(
  graph: GraphWriter,
  model: OnnxModel,
  { inputs: [, weightName = "", biasName = ""] }: OnnxNode,
  input: Unit,
  replaced: Set<string>,
): void {
  if (replaced.has(weightName))
    throw new ModelError("backbone_invalid", `two convolutions share the weights ${weightName}`)
  const weight = weightOf(model, weightName)
  if (!weight) throw new ModelError("backbone_invalid", `the weights ${weightName} are no constants`)
  const channels = weight.dims[0]!
  const each = weight.values.length / channels
  const codes = new Int8Array(weight.values.length)
  const scales = new Float32Array(channels)
  for (let c = 0; c < channels; c++) {
    const own = weight.values.subarray(c * each, (c + 1) * each)
    const most = own.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0)
    scales[c] = Math.max(most, 1e-9) / mostWeight
    for (let i = 0; i < each; i++) codes[c * each + i] = Math.round(own[i]! / scales[c]!)
  }
  const terms = [
    graph.ints(`${weightName}/codes`, weight.dims, codes),
    graph.f32(`${weightName}/scale`, [channels], scales),
    graph.ints(`${weightName}/zero`, [channels], new Int8Array(channels)),
  ]
  graph.node("DequantizeLinear", terms, { axis: 0 }, [weightName])
  replaced.add(weightName)
  if (biasName === "") return
  const bias = weightOf(model, biasName)
  if (!bias) throw new ModelError("backbone_invalid", `the bias ${biasName} is no constant`)
  const steps = scales.map((scale) => scale * input.scale)
  graph.ints(
    `${biasName}/codes`,
    [channels],
    Int32Array.from(bias.values, (value, c) => Math.round(value / steps[c]!)),
  )
  graph.f32(`${biasName}/scale`, [channels], steps)
  graph.node("DequantizeLinear", [`${biasName}/codes`, `${biasName}/scale`], { axis: 0 }, [biasName])
  replaced.add(biasName)
}

/** A node with other names for some inputs and for one output. */
function renamed(node: OnnxNode, inputs: ReadonlyMap<string, string>, out: string, into: string): Uint8Array {
  const parts: Uint8Array[] = []
  let [input, output] = [0, 0]
  for (const { bytes: message } of fields(node.span)) {
    for (const { no, span } of fields(message)) {
      if (no === 1) {
        const name = node.inputs[input++]!
        parts.push(textField(1, inputs.get(name) ?? name))
      } else if (no === 2) {
        const name = node.outputs[output++]!
        parts.push(textField(2, name === out ? into : name))
      } else parts.push(span)
    }
  }
  return bytesField(1, concat(parts))
}
