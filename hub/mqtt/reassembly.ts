import { createHash } from "node:crypto"
import { Problem } from "#contract/problem"
import { cxs1, type Segment, segmentCount, transferOf } from "#contract/segment"
import type { Clock } from "#platform/clock"

type Unfinished = {
  total: number
  size: number
  sha256: string
  bytes: Uint8Array
  have: Uint8Array
  missing: number
  touched: number
  /** Handed out whole; a repeat of a piece must not hand it out twice. */
  taken: boolean
}

/** What came of a piece: what the frame still lacks, or the whole frame, which stays here when it is kept. */
export type Progress =
  | { readonly frame: Uint8Array; readonly done: (keep: boolean) => void }
  | { readonly missing: [first: number, count: number][] }

const mostPerDevice = 2
const mostRanges = 64

/**
 * Puts frames together that came in segments. Memory only, and bounded: whatever is lost with it is asked for again,
 * because nothing of it has been acknowledged as stored.
 */
export function createReassembly({
  clock,
  maxFrame,
  limit = 64 * 1024 * 1024,
  idleMs = 10 * 60_000,
}: {
  clock: Clock
  maxFrame: number
  /** Bytes of all unfinished frames together. */
  limit?: number
  /** An unfinished frame that nothing came for is given up. */
  idleMs?: number
}) {
  const devices = new Map<string, Map<string, Unfinished>>()
  let used = 0

  const drop = (device: string, transfer: string) => {
    const open = devices.get(device)
    const partial = open?.get(transfer)
    if (!open || !partial) return
    open.delete(transfer)
    used -= partial.total
    if (open.size === 0) devices.delete(device)
  }

  const dropIdle = () => {
    const since = clock.now() - idleMs
    for (const [device, open] of devices)
      for (const [transfer, { touched }] of open) if (touched < since) drop(device, transfer)
  }

  const open = (device: string, { total, size, sha256 }: Segment): Unfinished => {
    const transfer = transferOf({ total, size, sha256 })
    const mine = devices.get(device)
    const known = mine?.get(transfer)
    // Cut differently than before: what is here does not fit any more.
    if (known?.total === total && known.size === size && known.sha256 === sha256) return known
    if (known) drop(device, transfer)
    // The device has moved on: its oldest unfinished frame makes room.
    if (mine && mine.size >= mostPerDevice) {
      const oldest = [...mine].reduce((a, b) => (a[1].touched <= b[1].touched ? a : b))
      drop(device, oldest[0])
    }
    if (used + total > limit) dropIdle()
    if (used + total > limit)
      throw new Problem("unavailable", "busy", "the hub has too many unfinished frames: send it again later")
    const count = segmentCount({ total, size, sha256 })
    const partial: Unfinished = {
      total,
      size,
      sha256,
      bytes: new Uint8Array(total),
      have: new Uint8Array(count),
      missing: count,
      touched: clock.now(),
      taken: false,
    }
    used += total
    devices.set(device, (devices.get(device) ?? new Map()).set(transfer, partial))
    return partial
  }

  return {
    /** Bytes of unfinished frames. */
    used: () => used,
    dropIdle,
    /**
     * Takes a piece, or a question. Throws `too_large` for a frame that is never taken, `unavailable` (busy) when there
     * is no room now, `invalid` (digest) when the frame is complete and not what it was announced as.
     */
    take: (device: string, segment: Segment): Progress => {
      if (segment.total > maxFrame)
        throw new Problem(
          "too_large",
          "frame",
          `a frame of ${segment.total} bytes is longer than ${maxFrame}`,
        )
      const partial = open(device, segment)
      partial.touched = clock.now()
      if (segment.index !== cxs1.question && partial.have[segment.index] === 0) {
        partial.bytes.set(segment.bytes, segment.index * partial.size)
        partial.have[segment.index] = 1
        partial.missing -= 1
      }
      if (partial.missing > 0 || partial.taken) return { missing: rangesOf(partial.have) }
      const transfer = transferOf(partial)
      if (createHash("sha256").update(partial.bytes).digest("hex") !== partial.sha256) {
        drop(device, transfer)
        throw new Problem("invalid", "digest", "the frame put together does not have the digest announced")
      }
      partial.taken = true
      return {
        frame: partial.bytes,
        done: (keep) => {
          partial.taken = false
          if (!keep) drop(device, transfer)
        },
      }
    },
  }
}

/** Runs of pieces that are not there, the first ones of them. */
function rangesOf(have: Uint8Array): [number, number][] {
  const ranges: [number, number][] = []
  for (let at = have.indexOf(0); at !== -1 && ranges.length < mostRanges; ) {
    const end = have.indexOf(1, at)
    const stop = end === -1 ? have.length : end
    ranges.push([at, stop - at])
    at = end === -1 ? -1 : have.indexOf(0, stop)
  }
  return ranges
}
