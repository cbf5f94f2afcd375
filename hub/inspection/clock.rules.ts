import { firstHub } from "#contract/ids"
import type { ClockFault, InspectionHeader } from "#contract/inspection"

/** Clocks of a plant are seconds apart; minutes mean that one of them is wrong. */
const toleranceMs = 5 * 60_000

/**
 * Whether a part's time of capture can be believed. A past one can: it may have waited in its station for days. One
 * that lies ahead of its arrival, or of a station before there were any, cannot; nor one of a station that knew itself
 * that its clock is minutes off the hub's. What a camera of another maker or an archive brings may be of any year. While
 * the hub has no time of its own nothing can be told.
 */
export function clockFaultOf(
  { ts, clock_offset_ms = 0, policy }: Pick<InspectionHeader, "ts" | "clock_offset_ms" | "policy">,
  receivedAt: number,
  isHubLost: boolean,
): ClockFault | undefined {
  if (isHubLost) return "hub"
  const impossible = ts > receivedAt + toleranceMs || (policy.why_sent !== "source" && ts < firstHub)
  return impossible || Math.abs(clock_offset_ms) > toleranceMs ? "apart" : undefined
}
