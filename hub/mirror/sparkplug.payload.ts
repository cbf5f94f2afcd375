import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire"

/**
 * Sparkplug B 3.0 payloads (protobuf): the few fields that a node of results needs. Field numbers and data types are
 * those of the specification, chapter 6.
 */
export type Metric = {
  /** Absent in data: the alias from the birth stands for it. */
  name?: string
  alias?: number
  value:
    | { uint64: number }
    | { double: number }
    | { boolean: boolean }
    | { text: string }
    | { none: DataType }
}
export type DataType = keyof typeof dataTypes
const dataTypes = { uint64: 8, double: 10, boolean: 11, text: 12 } as const

export function encodePayload(payload: {
  timestamp: number
  /** Absent in deaths of a node. */
  seq?: number
  metrics: readonly Metric[]
}): Uint8Array {
  const writer = new BinaryWriter()
  writer.tag(1, WireType.Varint).uint64(payload.timestamp)
  for (const metric of payload.metrics) {
    writer.tag(2, WireType.LengthDelimited).fork()
    writeMetric(writer, metric, payload.timestamp)
    writer.join()
  }
  if (payload.seq !== undefined) writer.tag(3, WireType.Varint).uint64(payload.seq)
  return writer.finish()
}

function writeMetric(writer: BinaryWriter, { name, alias, value }: Metric, timestamp: number): void {
  if (name !== undefined) writer.tag(1, WireType.LengthDelimited).string(name)
  if (alias !== undefined) writer.tag(2, WireType.Varint).uint64(alias)
  writer.tag(3, WireType.Varint).uint64(timestamp)
  const type = "none" in value ? value.none : (Object.keys(value)[0] as DataType)
  writer.tag(4, WireType.Varint).uint32(dataTypes[type])
  if ("none" in value) writer.tag(7, WireType.Varint).bool(true)
  if ("uint64" in value) writer.tag(11, WireType.Varint).uint64(value.uint64)
  if ("double" in value) writer.tag(13, WireType.Bit64).double(value.double)
  if ("boolean" in value) writer.tag(14, WireType.Varint).bool(value.boolean)
  if ("text" in value) writer.tag(15, WireType.LengthDelimited).string(value.text)
}

export const rebirth = { name: "Node Control/Rebirth", alias: 0 } as const

/** Whether a command asks for a rebirth. Bytes that are no payload ask for nothing. */
export function asksForRebirth(bytes: Uint8Array): boolean {
  try {
    const reader = new BinaryReader(bytes)
    while (reader.pos < reader.len) {
      const [field, type] = reader.tag()
      if (field === 2 && type === WireType.LengthDelimited) {
        if (isRebirth(reader.bytes())) return true
      } else reader.skip(type)
    }
  } catch {
    // Commands come from outside; what cannot be read is not a command.
  }
  return false
}

function isRebirth(bytes: Uint8Array): boolean {
  const reader = new BinaryReader(bytes)
  let named = false
  let wanted = false
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag()
    if (field === 1 && type === WireType.LengthDelimited) named ||= reader.string() === rebirth.name
    else if (field === 2 && type === WireType.Varint) named ||= Number(reader.uint64()) === rebirth.alias
    else if (field === 14 && type === WireType.Varint) wanted = reader.bool()
    else reader.skip(type)
  }
  return named && wanted
}
