import type { ReadonlySignal } from "@preact/signals"
import { useEffect } from "preact/hooks"
import { useApp } from "../../context.ts"
import { isCovered } from "../../parts/dialog.tsx"
import type { Commands, Open } from "./commands.ts"
import { readKey } from "./keys.ts"
import type { Labelling } from "./labelling.ts"
import type { OwnKeys } from "./own-keys.ts"

/** The keyboard at work: every action has a key, and what is open over the work keeps them all for itself. */
export function useWorkKeys({
  work,
  commands,
  keys,
  open,
}: {
  work: Labelling
  commands: Commands
  keys: OwnKeys
  open: ReadonlySignal<Open>
}): void {
  const { prefs } = useApp()
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.isComposing || open.value !== "none" || isCovered()) return
      const target = event.target instanceof HTMLElement ? event.target : null
      // A control somebody has walked to by keyboard keeps Space for itself.
      const walked = target?.matches("button:focus-visible, a:focus-visible, input, textarea, select")
      const action = readKey(event, prefs.singleKeys.value, keys.bindings.value)
      const own = event.code === "Space" || event.code === "Enter"
      if (!action || (walked && (own || target?.matches("input, textarea, select")))) return
      // In the hand with nothing under way Enter is left to whatever has the focus.
      if (action === "done" && work.editor.value.mode === "hand") return
      event.preventDefault()
      commands[action]()
    }
    addEventListener("keydown", onKey)
    return () => removeEventListener("keydown", onKey)
  }, [commands, keys, open, prefs, work])
}
