import type { Client } from "aedes"
import type { Reading } from "./reading.ts"
import { createBucket } from "./token-bucket.rules.ts"

export type PaceLimits = { messagesPerSecond: number; bytesPerSecond: number }

/** Far above what credit lets a station send; a program gone wild meets them. */
const usualPace: PaceLimits = { messagesPerSecond: 2_000, bytesPerSecond: 64 * 1024 * 1024 }

const burstSeconds = 4
/** A connection that stands still sends no pings that would be heard: well under a keepalive. */
const longestPauseMs = 2_000

/** Slows one connection down to so many messages and bytes a second; it is paused, never cut. */
export function createPace({
  reading,
  onPaused,
  limits = usualPace,
}: {
  reading: Reading
  onPaused: (client: Client) => void
  limits?: PaceLimits
}) {
  const bucketOf = (rate: number) => createBucket({ rate, burst: rate * burstSeconds }, performance.now())
  const clients = new WeakMap<
    Client,
    { messages: ReturnType<typeof bucketOf>; bytes: ReturnType<typeof bucketOf>; held: boolean }
  >()
  return {
    /** Notes a message of a connected client. */
    spend: (client: Client, bytes: number): void => {
      const mine = clients.get(client) ?? {
        messages: bucketOf(limits.messagesPerSecond),
        bytes: bucketOf(limits.bytesPerSecond),
        held: false,
      }
      clients.set(client, mine)
      const now = performance.now()
      const wait = Math.max(mine.messages.take(1, now, true), mine.bytes.take(bytes, now, true))
      if (wait === 0 || mine.held) return
      mine.held = true
      onPaused(client)
      const letGo = reading.hold(client)
      setTimeout(
        () => {
          mine.held = false
          letGo()
        },
        Math.min(wait, longestPauseMs),
      )
    },
  }
}
