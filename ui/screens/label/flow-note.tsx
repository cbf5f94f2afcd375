import { useEffect } from "preact/hooks"
import { useWords } from "../../context.ts"
import { Button } from "../../parts/button.tsx"
import { TroubleNote } from "../../parts/states.tsx"
import type { Flow } from "./flow.ts"

const shownMs = 6_000

/** What was done beside judging, and the way back where there is one. */
export function FlowNote({ flow }: { flow: Flow }) {
  const words = useWords()
  const note = flow.note.value
  useEffect(() => {
    if (!note || note.say === "trouble") return
    const timer = setTimeout(flow.forget, shownMs)
    return () => clearTimeout(timer)
  }, [note?.seq])
  return (
    <div class="toast-place" role="status">
      {note?.say === "trouble" && <TroubleNote trouble={note.trouble} retry={flow.forget} />}
      {note && note.say !== "trouble" && (
        <div class="toast" data-testid="flow-note" data-say={note.say}>
          <span>
            {note.say === "skipped" && words.flow.skip.done}
            {note.say === "asked" && words.flow.ask.done}
            {note.say === "batch" && words.flow.batch.done(note.count)}
          </span>
          {"undo" in note && (
            <Button look="quiet" icon="undo" testid="flow-undo" onClick={() => void flow.undo()}>
              {words.label.undo}
            </Button>
          )}
        </div>
      )}
    </div>
  )
}
