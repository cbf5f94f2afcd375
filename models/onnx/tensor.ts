import { ModelError } from "../model-error.ts"
import type { OnnxModel, OnnxTensor } from "./read.ts"
import { fields } from "./wire.ts"

/** Numbers of TensorProto.DataType. */
const FLOAT = 1
const FLOAT16 = 10

/** A constant of a model: the sizes of a weight and its numbers. */
export type Weight = { dims: number[]; values: Float32Array }

/** Reads a weight by the name its user knows it by, through a cast from half floats, too; undefined for what is no constant. */
export function weightOf(model: OnnxModel, name: string): Weight | undefined {
  const own = model.initializers.find((tensor) => tensor.name === name)
  if (own) return { dims: own.dims, values: floatsOf(own) }
  const producer = model.nodes.find(({ outputs }) => outputs.includes(name))
  const from = producer?.op === "Cast" || producer?.op === "Identity" ? producer.inputs[0] : undefined
  const cast = model.initializers.find((tensor) => tensor.name === from)
  return cast && { dims: cast.dims, values: floatsOf(cast) }
}

function floatsOf({ name, type, span }: OnnxTensor): Float32Array {
  for (const { bytes: tensor } of fields(span)) {
    for (const { no, bytes } of fields(tensor)) {
      // TensorProto: 9 raw bytes, 4 packed floats.
      if (no !== 9 && no !== 4) continue
      const own = bytes.slice().buffer
      if (type === FLOAT) return new Float32Array(own)
      if (type === FLOAT16 && no === 9) return Float32Array.from(new Float16Array(own))
    }
  }
  throw new ModelError("backbone_invalid", `the weight ${name} is not a plain list of floating-point numbers`)
}
