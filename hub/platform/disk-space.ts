import { statfs } from "node:fs/promises"
import type { Clock } from "./clock.ts"

/** How full a disk is, from comfortable to nothing goes. */
export type DiskLevel = "fine" | "tight" | "low" | "full"
export type DiskFacts = { level: DiskLevel; total: number; free: number; marks: DiskMarks }
/** Bytes free below which the disk is tight, low, full. */
export type DiskMarks = { tight: number; low: number; full: number }

/** Answers how full a disk is, without asking it on every call. */
export type DiskSpace = { readonly look: () => Promise<DiskFacts> }

const mega = 2 ** 20
const giga = 2 ** 30

/**
 * Shares of the disk, within bounds that make sense: 10 % of a disk of 8 TB is a month of pictures, 3 % of one of 4 GB
 * is less than the database writes in a day. At `full` nothing is taken from stations, so that people's labels still
 * find room.
 */
export function marksFor(total: number, shares: { tight: number; low: number }): DiskMarks {
  const between = (least: number, value: number, most: number) => Math.min(most, Math.max(least, value))
  return {
    tight: between(512 * mega, total * shares.tight, 40 * giga),
    low: between(320 * mega, total * shares.low, 12 * giga),
    full: 64 * mega,
  }
}

export function levelOf(free: number, marks: DiskMarks): DiskLevel {
  if (free < marks.full) return "full"
  if (free < marks.low) return "low"
  return free < marks.tight ? "tight" : "fine"
}

/**
 * Whether people's files may take so many bytes: behind them the disk must not be low. What comes off the line goes before
 * what can be sent again.
 */
export const hasRoomFor = ({ free, marks }: Pick<DiskFacts, "free" | "marks">, bytes: number): boolean =>
  free - bytes >= marks.low

export function createDiskSpace({
  path,
  shares,
  clock,
  everyMs = 1000,
}: {
  path: string
  shares: { tight: number; low: number }
  clock: Clock
  everyMs?: number
}): DiskSpace {
  let askedAt = Number.NEGATIVE_INFINITY
  let answer: Promise<DiskFacts> | undefined
  return {
    look: () => {
      if (!answer || Math.abs(clock.now() - askedAt) >= everyMs) {
        askedAt = clock.now()
        answer = statfs(path).then((disk) => {
          const [total, free] = [disk.blocks * disk.bsize, disk.bavail * disk.bsize]
          const marks = marksFor(total, shares)
          return { level: levelOf(free, marks), total, free, marks }
        })
      }
      return answer
    },
  }
}
