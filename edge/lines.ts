/**
 * The lines of a byte stream as text; undefined stands for a line longer than `most` bytes, which is skipped. Ends with
 * the stream or when the signal aborts. A last line without its end counts.
 */
export async function* linesOf(
  stream: ReadableStream<Uint8Array>,
  most: number,
  signal?: AbortSignal,
): AsyncGenerator<string | undefined> {
  const reader = stream.getReader()
  const stop = () => void reader.cancel().catch(() => {})
  signal?.addEventListener("abort", stop, { once: true })
  const decoder = new TextDecoder()
  let held = new Uint8Array(0)
  let skipping = false
  try {
    for (;;) {
      const { value, done } = await reader.read()
      if (signal?.aborted) return
      if (done) break
      let from = 0
      for (let at = value.indexOf(10); at >= 0; at = value.indexOf(10, from)) {
        const line = joined(held, value.subarray(from, at))
        yield skipping || line.length > most ? undefined : decoder.decode(line).replace(/\r$/, "")
        held = new Uint8Array(0)
        skipping = false
        from = at + 1
      }
      const rest = value.subarray(from)
      if (held.length + rest.length > most) {
        held = new Uint8Array(0)
        skipping = true
      } else if (!skipping) held = joined(held, rest)
    }
    if (skipping) yield undefined
    else if (held.length > 0) yield decoder.decode(held)
  } finally {
    signal?.removeEventListener("abort", stop)
    stop()
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(a.length + b.length)
  both.set(a)
  both.set(b, a.length)
  return both
}
