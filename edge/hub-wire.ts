import type { VerdictMessage } from "#contract/topics"

/** The station's own connection to the hub's broker, lent to a trigger and an output that were made before it. */
export type HubWire = ReturnType<typeof createHubWire>

export function createHubWire() {
  let send: (verdict: VerdictMessage) => boolean = () => false
  const listeners = new Set<(payload: Uint8Array) => void>()
  return {
    /** The connection is made: this is how verdicts leave on it; false when it is down. */
    bind: (to: typeof send): void => {
      send = to
    },
    /** A trigger has come from the hub's broker. */
    deliver: (payload: Uint8Array): void => {
      for (const listener of listeners) listener(payload)
    },
    onTrigger: (listener: (payload: Uint8Array) => void): (() => void) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    publish: (verdict: VerdictMessage): boolean => send(verdict),
  }
}
