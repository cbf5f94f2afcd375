import type { LiveSeries } from "#contract/rollout"

type Columns = [number[], (number | null)[], (number | null)[], (number | null)[]]

/**
 * Counts per minute as chart columns [seconds, NG, undecidable, confirmed escapes]. Ten-second buckets of a slow line
 * are mostly zeros and ones; a minute shows the trend. A minute without an escape has no point, and one without a part
 * no value at all: a line that stood still did not make good parts.
 */
export function perMinute(series: LiveSeries | undefined): Columns {
  const minutes = new Map<number, { parts: number; ng: number; undecidable: number; escapes: number }>()
  for (const point of series?.points ?? []) {
    const at = Math.floor(point.at / 60_000) * 60
    const sum = minutes.get(at) ?? { parts: 0, ng: 0, undecidable: 0, escapes: 0 }
    sum.parts += point.ok + point.ng + point.undecidable
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
    rows.map(([, sum]) => (sum.parts > 0 ? sum.ng : null)),
    rows.map(([, sum]) => (sum.parts > 0 ? sum.undecidable : null)),
    rows.map(([, sum]) => (sum.escapes > 0 ? sum.escapes : null)),
  ]
}
