import type { ActivationState } from "#contract/release"
import type { DeviceEvent } from "#contract/topics"
import type { Target } from "./activation.rules.ts"
import type { ActivationStore } from "./activation.store.ts"

export type Why = { reason?: string; detail?: string }
export type JournalDeps = {
  store: ActivationStore
  now: () => number
  /** Called once a state is on disk; a test ends the program here. */
  reached: (state: ActivationState) => void
  /** The reported document has changed and must go out at once. */
  onChange: () => void
  onEvent: (event: DeviceEvent) => void
}

const alarming: readonly ActivationState[] = ["rejected", "failed", "rolling_back", "rolled_back"]

export type Journal = ReturnType<typeof createJournal>

/** Every step of an activation is a row on disk before it is taken, so a start always knows where it was. */
export function createJournal({ store, now, reached, onChange, onEvent }: JournalDeps) {
  function announce(state: ActivationState, target: Target | undefined, why: Why = {}) {
    reached(state)
    onChange()
    onEvent({
      v: 1,
      ts: now(),
      kind: "activation",
      level: alarming.includes(state) ? "alarm" : "info",
      detail: {
        state,
        ...(target && {
          line: target.line,
          release: target.wanted.release,
          manifest: target.wanted.manifest.sha256,
        }),
        ...why,
      },
    })
  }

  return {
    /** A start finds itself in this state again; nothing new is written. */
    reenter: (state: ActivationState): void => reached(state),
    /** Commits one row, alone or together with `also`, then tells the hub. */
    advance: (state: ActivationState, target: Target | undefined, why?: Why, also?: () => void): void => {
      store.transaction(() => {
        also?.()
        store.append(now(), state, target, why)
      })
      announce(state, target, why)
    },
  }
}
