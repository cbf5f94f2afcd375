/**
 * The part of the protobuf wire format that ONNX files need: varints, 32-bit floats and length-delimited
 * fields. https://protobuf.dev/programming-guides/encoding/
 */

const WIRE_VARINT = 0
const WIRE_64BIT = 1
const WIRE_BYTES = 2
const WIRE_32BIT = 5

const utf8 = new TextEncoder()
const text = new TextDecoder()

export function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

/** Base-128 varint of a 64-bit integer; negatives are written in two's complement as protobuf int64 does. */
function varint(value: number | bigint): Uint8Array {
  let rest = BigInt.asUintN(64, BigInt(value))
  const out: number[] = []
  while (rest > 0x7fn) {
    out.push(Number(rest & 0x7fn) | 0x80)
    rest >>= 7n
  }
  out.push(Number(rest))
  return Uint8Array.from(out)
}

export function intField(no: number, value: number | bigint): Uint8Array {
  return concat([varint((no << 3) | WIRE_VARINT), varint(value)])
}

export function floatField(no: number, value: number): Uint8Array {
  const raw = new Uint8Array(4)
  new DataView(raw.buffer).setFloat32(0, value, true)
  return concat([varint((no << 3) | WIRE_32BIT), raw])
}

export function bytesField(no: number, value: Uint8Array): Uint8Array {
  return concat([varint((no << 3) | WIRE_BYTES), varint(value.length), value])
}

export function textField(no: number, value: string): Uint8Array {
  return bytesField(no, utf8.encode(value))
}

/** A field as read: `int` for varints, `bytes` for length-delimited ones; `span` is the whole field verbatim. */
export type Field = { no: number; int: bigint; bytes: Uint8Array; span: Uint8Array }

const none = new Uint8Array(0)

/** Walks the fields of one message without copying. Throws `RangeError` when the bytes end inside a field. */
export function* fields(message: Uint8Array): Generator<Field> {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength)
  let at = 0
  const readVarint = (): bigint => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      if (shift > 63n) throw new RangeError("varint longer than 64 bits")
      const byte = view.getUint8(at++)
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return BigInt.asUintN(64, value)
    }
  }
  const take = (length: number): Uint8Array => {
    if (at + length > message.length) throw new RangeError("message ends inside a field")
    at += length
    return message.subarray(at - length, at)
  }
  while (at < message.length) {
    const start = at
    const tag = Number(readVarint())
    const wire = tag & 7
    const no = Math.floor(tag / 8)
    let int = 0n
    let bytes: Uint8Array = none
    if (wire === WIRE_VARINT) int = readVarint()
    else if (wire === WIRE_64BIT) bytes = take(8)
    else if (wire === WIRE_BYTES) bytes = take(Number(readVarint()))
    else if (wire === WIRE_32BIT) bytes = take(4)
    else throw new RangeError(`wire type ${wire} is not used by ONNX`)
    yield { no, int, bytes, span: message.subarray(start, at) }
  }
}

export function asText(bytes: Uint8Array): string {
  return text.decode(bytes)
}

/** Signed value of an int64 varint. */
export function asInt(value: bigint): number {
  return Number(BigInt.asIntN(64, value))
}
