const least = 500
const first = 4_000
const most = 60_000

/**
 * Full jitter: anywhere between half a second and a ceiling that doubles with each failure in a row. A hundred
 * stations that lost the same hub must not come back in the same second.
 */
export function reconnectDelay(failures: number, draw: number): number {
  const ceiling = Math.min(most, first * 2 ** Math.min(failures, 10))
  return least + draw * (ceiling - least)
}

/** Wait for the hub's answer to a record before it is sent again, milliseconds. `attempt` counts from 1. */
export function resendDelay(attempt: number, srtt: number | null): number {
  return Math.min(60_000, Math.max(3_000, 4 * (srtt ?? 0)) * 2 ** (attempt - 1))
}

/**
 * Which end of the outbox to send from. Within the credit, the order of time; with a backlog, three of four go to
 * what just happened, so screens show the line as it is now while the backlog drains.
 */
export function laneFor(turn: number, depth: number, creditMsgs: number): "oldest" | "newest" {
  return depth <= creditMsgs || turn % 4 === 0 ? "oldest" : "newest"
}
