/** Holds the chunks read last, so that stations that fetch the same model together read it from disk once. */
export function createChunkCache({
  read,
  most = 64,
}: {
  read: (sha256: string, index: number) => Promise<Uint8Array>
  most?: number
}) {
  const chunks = new Map<string, Promise<Uint8Array>>()
  return (sha256: string, index: number): Promise<Uint8Array> => {
    const key = `${sha256}:${index}`
    const held = chunks.get(key)
    // A Map keeps insertion order: putting it back makes it the newest.
    chunks.delete(key)
    const chunk = held ?? read(sha256, index)
    chunks.set(key, chunk)
    if (!held) {
      // A failed read is the caller's to see, and nobody else's to inherit.
      chunk.catch(() => chunks.delete(key))
      const oldest = chunks.keys().next().value
      if (chunks.size > most && oldest !== undefined) chunks.delete(oldest)
    }
    return chunk
  }
}
