export type HubClock = ReturnType<typeof createHubClock>

/** Smaller differences are the network's. */
const leastMs = 1_000
/** Times this station's own clock was set, remembered at most. */
const keptSkews = 1_000

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
  /** The hub's time when the monotonic clock began. */
  let hubBegan: number | undefined
  /** What this station's clock said of that instant, from a record's number on. */
  const skews: { seq: number; began: number }[] = []

  const ahead = (began: number): number | undefined => {
    if (hubBegan === undefined) return undefined
    const ms = Math.round(hubBegan - began)
    return Math.abs(ms) < leastMs ? undefined : ms
  }

  return {
    hear: (hub: number): void => {
      hubBegan = hub - monotonic()
    },
    /** How far the hub's clock is ahead of this one, milliseconds; undefined while nobody has told, or when they agree. */
    offset: (): number | undefined => ahead(now() - monotonic()),

    /** Records of this start get their numbers now, from `seq` on. */
    mark: (seq: number): void => {
      const began = now() - monotonic()
      const last = skews.at(-1)
      if (last && Math.abs(last.began - began) < leastMs) return
      skews.push({ seq, began })
      if (skews.length > keptSkews) skews.shift()
    },
    /** How far the hub was ahead when the record of this start with number `seq` was made, as `offset`. */
    offsetAt: (seq: number): number | undefined => {
      const skew = skews.findLast((one) => one.seq <= seq)
      return skew && ahead(skew.began)
    },
  }
}
