import * as v from "valibot"
import { InspectionHeader } from "./inspection.ts"
import { Problem } from "./problem.ts"

/**
 * CXF1: one self-describing message per inspection.
 *   0  magic "CXF1"   4  flags u8 (0)   5  header codec u8 (0 = JSON)   6  reserved u16 (0)
 *   8  header length u32 little-endian, at most 64 KiB   12  header   then the parts back to back.
 */
export const cxf1 = { magic: 0x31465843, fixed: 12, maxHeader: 64 * 1024 } as const

export type InspectionFrame = { header: InspectionHeader; parts: Uint8Array[] }

export function encodeFrame(frame: InspectionFrame): Uint8Array {
  const header = new TextEncoder().encode(JSON.stringify(frame.header))
  if (header.length > cxf1.maxHeader)
    throw new Problem("too_large", "frame_header", "the frame header is over 64 KiB")
  const out = new Uint8Array(cxf1.fixed + header.length + frame.parts.reduce((n, p) => n + p.length, 0))
  const view = new DataView(out.buffer)
  view.setUint32(0, cxf1.magic, true)
  view.setUint32(8, header.length, true)
  out.set(header, cxf1.fixed)
  let at = cxf1.fixed + header.length
  for (const part of frame.parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

/** Reads a frame without copying the parts. Throws `Problem` (invalid, unsupported, too_large); digests are the caller's check. */
export function decodeFrame(bytes: Uint8Array): InspectionFrame {
  const bad = (why: string) => new Problem("invalid", "frame", `not a CXF1 frame: ${why}`)
  if (bytes.length < cxf1.fixed) throw bad("shorter than its fixed head")
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (view.getUint32(0, true) !== cxf1.magic) throw bad("magic is missing")
  if (bytes[4] !== 0 || bytes[5] !== 0)
    throw new Problem("unsupported", "frame_codec", "frame flags or header codec are not known")
  const length = view.getUint32(8, true)
  if (length > cxf1.maxHeader)
    throw new Problem("too_large", "frame_header", "the frame header is over 64 KiB")
  if (cxf1.fixed + length > bytes.length) throw bad("the header is cut off")
  let json: unknown
  try {
    json = JSON.parse(
      new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(cxf1.fixed, cxf1.fixed + length)),
    )
  } catch (cause) {
    throw new Problem("invalid", "frame", "not a CXF1 frame: the header is not JSON in UTF-8", {}, cause)
  }
  const parsed = v.safeParse(InspectionHeader, json)
  if (!parsed.success) {
    const issue = parsed.issues[0]
    throw bad(`${v.getDotPath(issue) ?? "header"}: ${issue.message}`)
  }
  const parts: Uint8Array[] = []
  let at = cxf1.fixed + length
  for (const part of parsed.output.parts) {
    if (at + part.len > bytes.length) throw bad(`part ${part.name} is cut off`)
    parts.push(bytes.subarray(at, at + part.len))
    at += part.len
  }
  if (at !== bytes.length) throw bad("bytes are left over after the last part")
  return { header: parsed.output, parts }
}
