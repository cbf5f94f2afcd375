import { cxf1 } from "./cxf1.ts"
import { Problem } from "./problem.ts"

/**
 * CXS1: a piece of a CXF1 frame that is longer than one message may be. Every piece says which frame it belongs to, so
 * pieces may come in any order, twice, or over several connections.
 *   0  magic "CXS1"   4  index u32   8  length of the frame u32   12  length of a full piece u32
 *   16  SHA-256 of the frame, 32 bytes   48  bytes from `index * length of a piece` on; the last piece is shorter.
 * Integers are little-endian. A piece with the index 2^32 - 1 and no bytes asks what is missing.
 */
export const cxs1 = {
  magic: 0x31535843,
  head: 48,
  question: 0xffff_ffff,
  least: 4 * 1024,
  most: 4096,
} as const

/** Which frame, and how it is cut. */
export type SegmentedFrame = { total: number; size: number; sha256: string }
export type Segment = SegmentedFrame & { index: number; bytes: Uint8Array }

/** Pieces a frame has. */
export const segmentCount = ({ total, size }: SegmentedFrame): number => Math.ceil(total / size)

/** Name of a transfer in topics and answers: the same frame has the same name on every connection. */
export const transferOf = ({ sha256 }: SegmentedFrame): string => sha256.slice(0, 32)

export function encodeSegment({ total, size, sha256, index, bytes }: Segment): Uint8Array {
  const out = new Uint8Array(cxs1.head + bytes.length)
  const view = new DataView(out.buffer)
  for (const [i, value] of [cxs1.magic, index, total, size].entries()) view.setUint32(i * 4, value, true)
  for (let i = 0; i < 32; i++) out[16 + i] = Number.parseInt(sha256.slice(i * 2, i * 2 + 2), 16)
  out.set(bytes, cxs1.head)
  return out
}

/** Reads a piece without copying its bytes. Throws `Problem` (invalid); the digest is checked on the whole frame. */
export function decodeSegment(message: Uint8Array): Segment {
  const bad = (why: string) => new Problem("invalid", "segment", `not a CXS1 segment: ${why}`)
  if (message.length < cxs1.head) throw bad("shorter than its head")
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength)
  if (view.getUint32(0, true) !== cxs1.magic) throw bad("magic is missing")
  const [index, total, size] = [4, 8, 12].map((at) => view.getUint32(at, true)) as [number, number, number]
  const sha256 = Array.from(message.subarray(16, 48), (byte) => byte.toString(16).padStart(2, "0")).join("")
  const bytes = message.subarray(cxs1.head)
  if (total < cxf1.fixed || size < cxs1.least) throw bad("the frame or its pieces are too short")
  const count = segmentCount({ total, size, sha256 })
  if (count > cxs1.most) throw bad(`more than ${cxs1.most} pieces`)
  if (index === cxs1.question) {
    if (bytes.length > 0) throw bad("a question carries no bytes")
  } else {
    if (index >= count) throw bad("there is no piece of this index")
    if (bytes.length !== Math.min(size, total - index * size)) throw bad("the piece has the wrong length")
  }
  return { index, total, size, sha256, bytes }
}
