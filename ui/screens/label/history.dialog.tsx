import { useSignal } from "@preact/signals"
import { thumbUrl } from "../../api.ts"
import { useApp, useFormat, useWords } from "../../context.ts"
import { Button } from "../../parts/button.tsx"
import { Dialog } from "../../parts/dialog.tsx"
import { Empty } from "../../parts/states.tsx"
import { VerdictTag } from "../../parts/tag.tsx"
import type { Past } from "./labelling.ts"
import { WhoJudged } from "./who-judged.tsx"

/** The verdicts of this visit, newest first; any of them can be taken back. */
export function HistoryDialog({
  past,
  onUndo,
  onClose,
}: {
  past: readonly Past[]
  onUndo: (i: number) => void
  onClose: () => void
}) {
  const { now } = useApp()
  const words = useWords()
  const format = useFormat()
  const asked = useSignal<string | null>(null)
  return (
    <Dialog title={words.label.history} onClose={onClose} wide>
      {past.length === 0 ? (
        <Empty icon="history" title={words.label.historyEmpty} body="" />
      ) : (
        <ul class="past">
          {past.map((entry, i) => {
            const { inspection } = entry.held.task
            return (
              <li key={inspection.id + entry.at} class="past-item">
                <div class="thumb past-thumb">
                  {inspection.image && <img src={thumbUrl(inspection.image.sha256, 256)} alt="" />}
                </div>
                <VerdictTag verdict={entry.verdict} />
                <span class="past-part">
                  {inspection.part_id ?? inspection.device_id}
                  <span class="muted small">{format.ago(entry.at, now.value)}</span>
                </span>
                <Button
                  icon="history"
                  aria-expanded={asked.value === inspection.id}
                  onClick={() => {
                    asked.value = asked.value === inspection.id ? null : inspection.id
                  }}
                  testid="label-who"
                >
                  {words.tablet.whoJudged}
                </Button>
                <Button icon="undo" onClick={() => onUndo(i)}>
                  {words.label.undo}
                </Button>
                {asked.value === inspection.id && <WhoJudged inspection={inspection.id} />}
              </li>
            )
          })}
        </ul>
      )}
    </Dialog>
  )
}
