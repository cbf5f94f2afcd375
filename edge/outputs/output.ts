import type { Verdict } from "#contract/inspection"
import type { Log } from "#platform/log"

/** Tells the line what to do with the part. Only `ok` lets it pass; everything else is for the reject lane. */
export type Output = {
  signal: (part: { id: string; part_id?: string | undefined }, verdict: Verdict) => Promise<void>
}

const outputDrivers = ["log", "none"] as const

export function createOutput(driver: (typeof outputDrivers)[number], log: Log): Output {
  if (driver === "none") return { signal: async () => {} }
  return {
    signal: async ({ id, part_id }, { eval: evaluation, score, code }) => {
      log.info("verdict", { id, part_id, eval: evaluation, score, code })
    },
  }
}
