import { createHash } from "node:crypto"
import { encodeChunkIndex } from "#contract/chunk-index"
import { Problem } from "#contract/problem"
import type { ObjectRef } from "#contract/release"
import { chunkSize } from "#contract/topics"
import type { Blobs } from "#platform/blobs"

/**
 * Makes and stores the index of an object, so that each of its chunks can be proved on arrival. Undefined for an object
 * of one chunk, whose own digest does that. Throws `not_found`.
 */
export async function buildIndex(
  { blobs }: { blobs: Blobs },
  sha256: string,
): Promise<ObjectRef | undefined> {
  const total = await blobs.size(sha256)
  if (total === undefined) throw new Problem("not_found", "object", "the store does not hold this object")
  if (total <= chunkSize) return undefined
  const chunks: { length: number; digest: Uint8Array }[] = []
  for (let i = 0; i * chunkSize < total; i++) {
    const chunk = await blobs.readChunk(sha256, i)
    chunks.push({ length: chunk.length, digest: createHash("sha256").update(chunk).digest() })
  }
  const index = encodeChunkIndex({ total, chunks })
  return { sha256: await blobs.put(index), size: index.length }
}
