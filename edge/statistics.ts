import type { Evaluation } from "#contract/inspection"
import type { Reported } from "#contract/release"

/** Parts the latency figures and the NG share look back on. */
const window = 500

export type Statistics = ReturnType<typeof createStatistics>

/** Counters of this program run and a sliding window for latency. */
export function createStatistics() {
  const counts: Reported["counts"] = { inspected: 0, ok: 0, ng: 0, undecidable: 0 }
  const latencies: number[] = []

  return {
    add: (evaluation: Evaluation, e2eMs: number): void => {
      counts.inspected += 1
      if (evaluation === "ok" || evaluation === "ng") counts[evaluation] += 1
      else counts.undecidable += 1
      latencies.push(e2eMs)
      if (latencies.length > window) latencies.shift()
    },
    counts: (): Reported["counts"] => ({ ...counts }),
    /** Trigger to verdict, milliseconds, over the last 500 parts. */
    latency: (): Reported["latency"] => ({
      p50_ms: quantile(latencies, 0.5),
      p99_ms: quantile(latencies, 0.99),
    }),
  }
}

/** Nearest-rank quantile; 0 for no values. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  const value = sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0
  return Math.round(value * 100) / 100
}
