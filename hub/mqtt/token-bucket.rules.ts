/** `rate` per second, and up to `burst` at once. */
export type BucketSize = { rate: number; burst: number }

/**
 * A token bucket that lends: `take` always gives and answers how many milliseconds the taker must now stand still until
 * the debt is paid (0: none), or, without `lend`, gives nothing when it has too little. Times are milliseconds.
 */
export function createBucket({ rate, burst }: BucketSize, now: number) {
  let tokens = burst
  let filledAt = now
  return {
    take: (amount: number, at: number, lend = false): number => {
      // A clock that was set back fills nothing; it must not empty the bucket either.
      tokens = Math.min(burst, tokens + (Math.max(0, at - filledAt) / 1000) * rate)
      filledAt = at
      const short = amount - tokens
      if (short <= 0 || lend) tokens -= amount
      return short <= 0 ? 0 : Math.ceil((short / rate) * 1000)
    },
  }
}
