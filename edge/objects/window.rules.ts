/** Chunks asked for and not yet here. 16 chunks of 256 KiB are the 4 MB the hub lets one device have outstanding. */
const maxWindow = 16
const firstWindow = 2
const leastTimeoutMs = 2_000
const mostTimeoutMs = 30_000

/**
 * Pull window of one transfer: grows by one with every window's worth of chunks that came in time, halves when one
 * did not. `srtt` is the smoothed round trip (RFC 6298, 2.3), null before the first answer.
 */
export type Window = { size: number; clean: number; srtt: number | null; backoff: number }

export const openingWindow: Window = { size: firstWindow, clean: 0, srtt: null, backoff: 1 }

export function onChunk(window: Window, roundTripMs: number): Window {
  const srtt = window.srtt === null ? roundTripMs : window.srtt * 0.875 + roundTripMs * 0.125
  const clean = window.clean + 1
  if (clean < window.size) return { ...window, srtt, clean, backoff: 1 }
  return { size: Math.min(maxWindow, window.size + 1), clean: 0, srtt, backoff: 1 }
}

export function onTimeout(window: Window): Window {
  return {
    ...window,
    size: Math.max(1, window.size >> 1),
    clean: 0,
    backoff: Math.min(16, window.backoff * 2),
  }
}

/** How long to wait for a chunk before asking again, milliseconds. */
export function timeoutOf({ srtt, backoff }: Window): number {
  return Math.min(mostTimeoutMs, Math.max(leastTimeoutMs, 4 * (srtt ?? 0)) * backoff)
}

/** Chunk numbers as [first, count] ranges, at most 16 ranges of at most 64, as a request may carry them. */
export function rangesOf(chunks: readonly number[]): [number, number][] {
  const ranges: [number, number][] = []
  for (const chunk of chunks.toSorted((a, b) => a - b)) {
    const last = ranges.at(-1)
    if (last && last[0] + last[1] === chunk && last[1] < 64) last[1] += 1
    else ranges.push([chunk, 1])
  }
  return ranges.slice(0, 16)
}
