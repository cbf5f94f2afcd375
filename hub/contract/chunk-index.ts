import { Problem } from "./problem.ts"
import { chunkSize } from "./topics.ts"

/**
 * Index object of a stored object longer than one chunk: its chunks, each provable on arrival.
 *   0  magic "CXI1"   4  count u32   8  total length u64   16  count × { u32 length, 32-byte SHA-256 }   little-endian
 * 200 MB at 256 KiB are 763 entries, 27 KB.
 */
export type ChunkIndex = { total: number; chunks: { length: number; digest: Uint8Array }[] }

const magic = 0x31495843
const head = 16
const entry = 36

export function encodeChunkIndex(index: ChunkIndex): Uint8Array {
  const out = new Uint8Array(head + index.chunks.length * entry)
  const view = new DataView(out.buffer)
  view.setUint32(0, magic, true)
  view.setUint32(4, index.chunks.length, true)
  view.setBigUint64(8, BigInt(index.total), true)
  index.chunks.forEach((chunk, i) => {
    view.setUint32(head + i * entry, chunk.length, true)
    out.set(chunk.digest, head + i * entry + 4)
  })
  return out
}

/** Reads an index and checks that the lengths are whole chunks adding up to the total, so no object can be endless. */
export function decodeChunkIndex(bytes: Uint8Array): ChunkIndex {
  const bad = (why: string) => new Problem("invalid", "chunk_index", `not a chunk index: ${why}`)
  if (bytes.length < head) throw bad("cut off")
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (view.getUint32(0, true) !== magic) throw bad("magic is missing")
  const count = view.getUint32(4, true)
  if (bytes.length !== head + count * entry) throw bad("its length does not fit its count")
  const total = Number(view.getBigUint64(8, true))
  const chunks = Array.from({ length: count }, (_, i) => ({
    length: view.getUint32(head + i * entry, true),
    digest: bytes.slice(head + i * entry + 4, head + (i + 1) * entry),
  }))
  if (chunks.some((c, i) => (i < count - 1 ? c.length !== chunkSize : c.length < 1 || c.length > chunkSize)))
    throw bad("a chunk has the wrong length")
  if (chunks.reduce((sum, c) => sum + c.length, 0) !== total) throw bad("the chunks do not add up")
  return { total, chunks }
}
