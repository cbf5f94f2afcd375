import type { LiveSeries } from "#contract/rollout"

type Columns = [number[], number[], number[], (number | null)[]]

/**
 * Counts per minute as chart columns [seconds, NG, undecidable, confirmed escapes]. Ten-second buckets of a slow line
 * are mostly zeros and ones; a minute shows the trend. A minute without an escape has no point.
 */
export function perMinute(series: LiveSeries | undefined): Columns {
  const minutes = new Map<number, { ng: number; undecidable: number; escapes: number }>()
  for (const point of series?.points ?? []) {
    const at = Math.floor(point.at / 60_000) * 60
    const sum = minutes.get(at) ?? { ng: 0, undecidable: 0, escapes: 0 }
    sum.ng += point.ng
    sum.undecidable += point.undecidable
    sum.escapes += point.escapes
    minutes.set(at, sum)
  }
  const sorted = [...minutes].sort(([a], [b]) => a - b)
  // The minute that is still running always looks like a drop.
  const rows = sorted.slice(0, -1)
  return [
    rows.map(([at]) => at),
    rows.map(([, sum]) => sum.ng),
    rows.map(([, sum]) => sum.undecidable),
    rows.map(([, sum]) => (sum.escapes > 0 ? sum.escapes : null)),
  ]
}
