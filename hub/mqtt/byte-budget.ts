import type { Client } from "aedes"
import type { Reading } from "./reading.ts"

/**
 * Bounds the bytes of messages that are being committed. aedes reads on while hooks run: 10 senders with a slow hook
 * had 390 images in flight (measured). Above the budget whoever sends is paused, below half of it they go on.
 */
export function createByteBudget({ limit, reading }: { limit: number; reading: Reading }) {
  const paused = new Map<Client, () => void>()
  let used = 0
  let messages = 0

  const resumeSome = () => {
    for (const [client, letGo] of [...paused]) {
      // Whoever goes on may bring the next messages at once, and be paused again here.
      if (used >= limit / 2) return
      paused.delete(client)
      letGo()
    }
  }

  return {
    used: () => used,
    messages: () => messages,
    limit,
    /** Takes bytes of one message of a connected client; call what it returns once, when the message is done with. */
    take: (client: Client, bytes: number): (() => void) => {
      used += bytes
      messages += 1
      if (used > limit && !paused.has(client)) paused.set(client, reading.hold(client))
      return () => {
        used -= bytes
        messages -= 1
        resumeSome()
      }
    },
  }
}
