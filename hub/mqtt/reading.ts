import type { Client } from "aedes"

/** aedes' own reading switch, which its types leave out. */
type PausableClient = Client & { pause: () => void; resume: () => void; _parsingBatch: number }

/** Stops and starts the reading of connections: whoever holds one keeps it still until all have let go. */
export function createReading() {
  const holds = new WeakMap<Client, number>()
  return {
    /** Reads nothing more from this connection; call what it returns once, to let go. */
    hold: (client: Client): (() => void) => {
      const held = holds.get(client) ?? 0
      holds.set(client, held + 1)
      if (held === 0) (client as PausableClient).pause()
      return () => {
        const left = (holds.get(client) ?? 1) - 1
        holds.set(client, left)
        if (left > 0)
          return // aedes does not count packets that end while paused; left as it is, the count would never reach zero again
          // and the socket would never be read.
        ;(client as PausableClient)._parsingBatch = 1
        if (!client.closed) (client as PausableClient).resume()
      }
    },
  }
}
export type Reading = ReturnType<typeof createReading>
