/** Wall clock in milliseconds since 1970, UTC. Injected, so tests can set it. */
export type Clock = { now(): number }

export const systemClock: Clock = { now: () => Date.now() }
