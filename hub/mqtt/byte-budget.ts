import type { Client } from "aedes"

/** aedes' own reading switch, which its types leave out. */
type PausableClient = Client & { pause: () => void; resume: () => void; _parsingBatch: number }

/**
 * Bounds the bytes of messages that are being committed. aedes reads on while hooks run: 10 senders with a slow hook
 * had 390 images in flight (measured). Above the budget whoever sends is paused, below half of it they go on.
 */
export function createByteBudget({ limit }: { limit: number }) {
  const paused = new Set<PausableClient>()
  let used = 0

  const resumeSome = () => {
    for (const client of [...paused]) {
      // Whoever goes on may bring the next messages at once, and be paused again here.
      if (used >= limit / 2) return
      paused.delete(client)
      // aedes does not count packets that end while paused; left as it is, the count would never reach zero again and
      // the socket would never be read.
      client._parsingBatch = 1
      if (!client.closed) client.resume()
    }
  }

  return {
    used: () => used,
    limit,
    /** Takes bytes of one message of a connected client; call what it returns once, when the message is done with. */
    take: (client: Client, bytes: number): (() => void) => {
      used += bytes
      if (used > limit) {
        paused.add(client as PausableClient)
        ;(client as PausableClient).pause()
      }
      return () => {
        used -= bytes
        resumeSome()
      }
    },
  }
}
