import type { Device, DeviceState } from "#contract/fleet"

/** Connected, but no `reported` for this long: the heartbeat is one a minute. */
const staleAfterMs = 180_000

export type PresenceFacts = {
  connected: boolean
  /** The last state of the session that is connected now, if it has published its birth. */
  state: DeviceState | undefined
  /** When the hub last heard birth or `reported`. */
  heardAt: number | undefined
  seenAt: number | undefined
}

/** What a person is told about a station: the connection is the fact, the birth says that the program behind it works. */
export function presenceOf(facts: PresenceFacts, now: number): Device["presence"] {
  if (facts.connected && facts.state?.online) {
    return facts.heardAt !== undefined && now - facts.heardAt > staleAfterMs ? "stale" : "online"
  }
  return facts.seenAt === undefined ? "never" : "offline"
}

/**
 * Whether a state message speaks for the current session. A birth always does; an "offline" only when it carries the
 * session the device was born with, because the broker may publish the will of a connection that has been replaced.
 */
export function speaksForSession(message: DeviceState, current: string | undefined): boolean {
  return message.online || current === undefined || message.session === current
}
