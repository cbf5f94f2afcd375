import { statfs } from "node:fs/promises"
import type { Clock } from "./clock.ts"

/** Answers whether a disk runs low, without asking it on every call. */
export type DiskSpace = { readonly isLow: () => Promise<boolean> }

/** `leastFree`: bytes that must stay free, so that labels can still be stored when images cannot. */
export function createDiskSpace({
  path,
  leastFree,
  clock,
  everyMs = 1000,
}: {
  path: string
  leastFree: number
  clock: Clock
  everyMs?: number
}): DiskSpace {
  let askedAt = Number.NEGATIVE_INFINITY
  let answer: Promise<boolean> = Promise.resolve(false)
  return {
    isLow: () => {
      if (Math.abs(clock.now() - askedAt) >= everyMs) {
        askedAt = clock.now()
        answer = statfs(path).then((disk) => disk.bavail * disk.bsize < leastFree)
      }
      return answer
    },
  }
}
