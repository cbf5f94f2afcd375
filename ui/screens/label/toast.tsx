import { useEffect } from "preact/hooks"
import { useApp, useWords } from "../../context.ts"
import { Button } from "../../parts/button.tsx"
import type { Labelling } from "./labelling.ts"

const shownMs = 5_000

/** What was just stored, and the way back, for five seconds; the history keeps it longer. */
export function Toast({ work }: { work: Labelling }) {
  const words = useWords()
  const { outbox } = useApp()
  const last = work.last.value
  const receipt = [...(outbox.value?.receipts.value.values() ?? [])].at(-1)
  // Whom it met is said where it stays until somebody has read it.
  const late = receipt?.met ? undefined : receipt?.unseen
  useEffect(() => {
    if (!last) return
    const timer = setTimeout(work.forget, shownMs)
    return () => clearTimeout(timer)
  }, [last?.seq])
  return (
    <div class="toast-place" role="status">
      {last && (
        <div class="toast" data-testid="label-toast" data-verdict={last.verdict}>
          <span>{words.label.stored(words.verdict[last.verdict])}</span>
          <Button look="quiet" icon="undo" onClick={() => void work.undo()} testid="label-undo">
            {words.label.undo}
          </Button>
        </div>
      )}
      {late && (
        <div class="toast" data-testid="label-late">
          {words.tablet.lateStored(late.by)}
        </div>
      )}
    </div>
  )
}
