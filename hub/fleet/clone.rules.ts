import type { CloneAlarm } from "#contract/fleet"

/** One session of a device. `boot` is the random name of the start of its program, if it told one. */
export type Sighting = { at: number; boot: string | undefined; address: string }

/** Sessions remembered per device: enough for a few boxes taking turns. */
export const keptSightings = 16

const flapWindowMs = 60_000
/** One box behind a bad cable is cut off by time-outs, not by itself: that many take-overs in a minute are two boxes. */
const flaps = 5

/**
 * Whether the newest session shows that two boxes share one identity. A start that comes back after another one has
 * spoken is proof: a program that has started again cannot go back. Sessions that push each other out many times a
 * minute are the same from boxes that do not tell their start, or were copied while running.
 */
export function cloneOf(
  sightings: readonly Sighting[],
  takeovers: readonly number[],
  now: number,
): CloneAlarm["why"] | undefined {
  const boots = sightings.flatMap(({ boot }) => (boot === undefined ? [] : [boot]))
  const newest = boots.at(-1)
  if (newest !== undefined) {
    const earlier = boots.slice(0, -1).lastIndexOf(newest)
    if (earlier >= 0 && boots.slice(earlier).some((boot) => boot !== newest)) return "returned"
  }
  return takeovers.filter((at) => at > now - flapWindowMs).length >= flaps ? "flapping" : undefined
}
