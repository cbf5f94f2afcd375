import type { DoorReason } from "#contract/security"
import type { Clock } from "#platform/clock"
import { createBucket } from "./token-bucket.rules.ts"

export type DoorLimits = {
  connections: number
  connectionsPerAddress: number
  /** Sustained, from one address; `connectBurst` times as many at once. */
  connectsPerSecond: number
}

const connectBurst = 5
const freeFailures = 5
const failureDelayMs = 1000
/** Addresses remembered; beyond that the oldest are forgotten, so that a flood from many addresses stays bounded. */
const keptAddresses = 10_000

const usualDoorLimits: DoorLimits = {
  connections: 4096,
  connectionsPerAddress: 512,
  connectsPerSecond: 200,
}

/** Who may knock how often: sockets in total and per address, and a delay for addresses that bring wrong secrets. */
export function createDoorkeeper({ clock, limits = usualDoorLimits }: { clock: Clock; limits?: DoorLimits }) {
  const sockets = new Map<string, number>()
  const knocks = new Map<string, ReturnType<typeof createBucket>>()
  const failures = new Map<string, { minute: number; count: number }>()
  let total = 0

  const knock = (address: string): boolean => {
    const rate = limits.connectsPerSecond
    const bucket = knocks.get(address) ?? createBucket({ rate, burst: rate * connectBurst }, clock.now())
    knocks.delete(address)
    knocks.set(address, bucket)
    const [oldest] = knocks.keys()
    if (knocks.size > keptAddresses && oldest !== undefined) knocks.delete(oldest)
    return bucket.take(1, clock.now()) === 0
  }

  return {
    /** Counts a new socket in; why not when there are too many, else what to call when it closes. */
    enter: (address: string): (() => void) | DoorReason => {
      const here = sockets.get(address) ?? 0
      if (total >= limits.connections) return "connections"
      if (here >= limits.connectionsPerAddress) return "connections_per_address"
      if (!knock(address)) return "connects_per_second"
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
