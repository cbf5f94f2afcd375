import { useId, useLayoutEffect, useRef } from "preact/hooks"
import { useApp, useWords } from "../../context.ts"
import { TabletEntry } from "./tablet-entry.tsx"
import { UnsentHere } from "./unsent-here.tsx"

/** Over whatever was open, which stays as it was: the same person goes on with it, another one begins anew. */
export function LockScreen() {
  const { session } = useApp()
  const words = useWords()
  const ref = useRef<HTMLDialogElement>(null)
  const heading = useId()
  const user = session.value?.user
  useLayoutEffect(() => {
    const dialog = ref.current
    dialog?.showModal()
    return () => dialog?.close()
  }, [])
  return (
    <dialog
      ref={ref}
      class="lock"
      aria-labelledby={heading}
      data-testid="lock"
      onCancel={(event) => event.preventDefault()}
    >
      <h1 id={heading}>{words.tablet.locked}</h1>
      <UnsentHere />
      <TabletEntry {...(user && { current: user })} />
    </dialog>
  )
}
