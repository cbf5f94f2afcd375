export type HubClock = ReturnType<typeof createHubClock>

/** Smaller differences are the network's. */
const leastMs = 1_000

/**
 * The hub's clock as its answers tell it, carried on by the monotonic clock: this station's own may be wrong, and may be
 * put right while the hub is away.
 */
export function createHubClock({
  now,
  monotonic = () => performance.now(),
}: {
  now: () => number
  monotonic?: () => number
}) {
  let heard: { hub: number; at: number } | undefined
  return {
    hear: (hub: number): void => {
      heard = { hub, at: monotonic() }
    },
    /** How far the hub's clock is ahead of this one, milliseconds; undefined while nobody has told, or when they agree. */
    offset: (): number | undefined => {
      if (!heard) return undefined
      const ahead = Math.round(heard.hub + monotonic() - heard.at - now())
      return Math.abs(ahead) < leastMs ? undefined : ahead
    },
  }
}
