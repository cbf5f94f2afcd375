import type { Clock } from "#platform/clock"

/** Who may knock how often: sockets in total and per address, and a delay for addresses that bring wrong secrets. */
export function createDoorkeeper({
  clock,
  maxSockets = 4096,
  maxSocketsPerAddress = 512,
  freeFailures = 5,
  failureDelayMs = 1000,
}: {
  clock: Clock
  maxSockets?: number
  maxSocketsPerAddress?: number
  freeFailures?: number
  failureDelayMs?: number
}) {
  const sockets = new Map<string, number>()
  const failures = new Map<string, { minute: number; count: number }>()
  let total = 0

  return {
    /** Counts a new socket in; undefined when there are too many, else what to call when it closes. */
    enter: (address: string): (() => void) | undefined => {
      const here = sockets.get(address) ?? 0
      if (total >= maxSockets || here >= maxSocketsPerAddress) return undefined
      total += 1
      sockets.set(address, here + 1)
      return () => {
        total -= 1
        const left = (sockets.get(address) ?? 1) - 1
        if (left === 0) sockets.delete(address)
        else sockets.set(address, left)
      }
    },
    /** Notes a wrong secret; returns how long to hold the answer back, in milliseconds. */
    failed: (address: string): number => {
      const minute = Math.floor(clock.now() / 60_000)
      // Addresses of past minutes are forgotten, so the map cannot grow for ever.
      for (const [key, entry] of failures) if (entry.minute !== minute) failures.delete(key)
      const count = (failures.get(address)?.count ?? 0) + 1
      failures.set(address, { minute, count })
      return count > freeFailures ? failureDelayMs : 0
    },
  }
}
