import { bytesField, concat, floatField, intField, textField } from "./wire.ts"

/** Field numbers and enums of onnx.proto (ONNX IR version 8). */
const FLOAT = 1
const INT64 = 7
const FLOAT16 = 10
const whole = { u8: 2, i8: 3, i32: 6 } as const

export type Attribute = number | { float: number } | { ints: readonly number[] } | string
export type Dim = number | string

export type GraphWriter = {
  /** Adds a node; `outputs` defaults to one generated name. Returns the first output's name. */
  node: (
    op: string,
    inputs: readonly string[],
    attributes?: Readonly<Record<string, Attribute>>,
    outputs?: readonly string[],
  ) => string
  f32: (name: string, dims: readonly number[], data: Float32Array) => string
  /** Raw IEEE half floats, little-endian. */
  f16: (name: string, dims: readonly number[], raw: Uint8Array) => string
  i64: (name: string, values: readonly number[]) => string
  /** Whole numbers of 8 or 32 bits. */
  ints: (name: string, dims: readonly number[], values: Uint8Array | Int8Array | Int32Array) => string
  /** A node or weight of another model, as it stands there. */
  verbatim: (span: Uint8Array) => void
  input: (name: string, dims: readonly Dim[], type?: "i64") => string
  output: (name: string, dims: readonly Dim[], type?: "i64") => string
  meta: (key: string, value: string) => void
  /** A ModelProto without version header: to be appended to a model, which protobuf defines as a merge. */
  fragment: () => Uint8Array<ArrayBuffer>
  model: (opset: number) => Uint8Array<ArrayBuffer>
}

/**
 * Writes ONNX graphs by hand; no ONNX library is involved. Output depends only on the order of the calls, so
 * equal calls give equal bytes. `prefix` keeps generated names apart from those of a trunk it is appended to.
 */
export function createGraph(prefix: string): GraphWriter {
  const body: Uint8Array[] = []
  const metadata: Uint8Array[] = []
  let count = 0

  const tensor = (name: string, dims: readonly number[], type: number, raw: Uint8Array) => {
    const message = [
      ...dims.map((dim) => intField(1, dim)),
      intField(2, type),
      textField(8, name),
      bytesField(9, raw),
    ]
    body.push(bytesField(5, concat(message)))
    return name
  }
  const merged = () => concat([bytesField(7, concat(body)), ...metadata])

  return {
    node: (op, inputs, attributes = {}, outputs = [`${prefix}${op.toLowerCase()}_${count}`]) => {
      const message = [
        ...inputs.map((name) => textField(1, name)),
        ...outputs.map((name) => textField(2, name)),
        textField(3, `${prefix}n${count++}`),
        textField(4, op),
        ...Object.entries(attributes).map(([name, value]) => bytesField(5, attribute(name, value))),
      ]
      body.push(bytesField(1, concat(message)))
      return outputs[0]!
    },
    f32: (name, dims, data) =>
      tensor(name, dims, FLOAT, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
    f16: (name, dims, raw) => tensor(name, dims, FLOAT16, raw),
    i64: (name, values) => {
      const data = BigInt64Array.from(values, BigInt)
      return tensor(name, [values.length], INT64, new Uint8Array(data.buffer))
    },
    ints: (name, dims, values) => {
      const type = values instanceof Uint8Array ? "u8" : values instanceof Int8Array ? "i8" : "i32"
      const raw = new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
      return tensor(name, dims, whole[type], raw)
    },
    verbatim: (span) => {
      body.push(span)
    },
    input: (name, dims, type) => {
      body.push(bytesField(11, valueInfo(name, dims, type)))
      return name
    },
    output: (name, dims, type) => {
      body.push(bytesField(12, valueInfo(name, dims, type)))
      return name
    },
    meta: (key, value) => {
      metadata.push(bytesField(14, concat([textField(1, key), textField(2, value)])))
    },
    fragment: merged,
    model: (opset) => concat([modelHeader(opset), merged(), bytesField(7, textField(2, "crux"))]),
  }
}

/** ir_version 8 is read by every onnxruntime since 1.11. */
export function modelHeader(opset: number): Uint8Array {
  return concat([intField(1, 8), textField(2, "crux"), bytesField(8, intField(2, opset))])
}

function valueInfo(name: string, dims: readonly Dim[], type?: "i64"): Uint8Array {
  const shape = dims.map((dim) =>
    bytesField(1, typeof dim === "number" ? intField(1, dim) : textField(2, dim)),
  )
  const tensorType = concat([intField(1, type === undefined ? FLOAT : INT64), bytesField(2, concat(shape))])
  return concat([textField(1, name), bytesField(2, bytesField(1, tensorType))])
}

function attribute(name: string, value: Attribute): Uint8Array {
  if (typeof value === "number") return concat([textField(1, name), intField(3, value), intField(20, 2)])
  if (typeof value === "string") return concat([textField(1, name), textField(4, value), intField(20, 3)])
  if ("float" in value) return concat([textField(1, name), floatField(2, value.float), intField(20, 1)])
  return concat([textField(1, name), ...value.ints.map((int) => intField(8, int)), intField(20, 7)])
}
