/** What the disk has to offer, and how fast it fills. */
export type Filling = { free: number; tight: number; bytesPerMs: number }

/**
 * Bytes to give up now, so that within the next `horizonMs` the disk does not get tight; 0 when there is room. Ahead of
 * time, because at the mark itself stations are already being put off.
 */
export function bytesToFree({ free, tight, bytesPerMs }: Filling, horizonMs: number): number {
  return Math.max(0, Math.ceil(tight + Math.max(0, bytesPerMs) * horizonMs - free))
}

/** When the disk will be tight at this pace, in milliseconds; null when it will not. */
export function tightIn({ free, tight, bytesPerMs }: Filling): number | null {
  if (free <= tight) return 0
  return bytesPerMs > 0 ? Math.round((free - tight) / bytesPerMs) : null
}

/** Bytes per millisecond taken between looks, smoothed: one big upload is not a trend. */
export function smoothed(before: number | undefined, now: number): number {
  return before === undefined ? now : before * 0.7 + now * 0.3
}
