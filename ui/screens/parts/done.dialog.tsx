import { useSignal } from "@preact/signals"
import { PartAction } from "#contract/parts"
import { asTrouble, type Trouble } from "../../api.ts"
import { useApp, useFormat, useWords } from "../../context.ts"
import { Button } from "../../parts/button.tsx"
import { Dialog } from "../../parts/dialog.tsx"
import { Loaded } from "../../parts/loaded.tsx"
import { TroubleNote } from "../../parts/states.tsx"
import { useResource } from "../../resource.ts"

/** What was done to many parts, by whom, and the way back. */
export function DoneDialog({ onClose }: { onClose: () => void }) {
  const { api } = useApp()
  const words = useWords()
  const format = useFormat()
  const trouble = useSignal<Trouble | undefined>(undefined)
  const actions = useResource("part actions", (s) => api.list("/api/parts/actions", PartAction, s), [
    "review",
  ])
  async function undo(id: string) {
    trouble.value = undefined
    try {
      await api.post(`/api/parts/actions/${id}/undo`, undefined, PartAction)
      actions.reload()
    } catch (error) {
      trouble.value = asTrouble(error)
    }
  }
  return (
    <Dialog title={words.parts.history} onClose={onClose} wide>
      {trouble.value && <TroubleNote trouble={trouble.value} />}
      <Loaded resource={actions}>
        {(list) =>
          list.length === 0 ? (
            <p class="muted">{words.parts.historyEmpty}</p>
          ) : (
            <ul class="rows">
              {list.map((action) => (
                <li key={action.id} class="row">
                  <div class="row-main">
                    <span class="row-title">{words.parts.deed[action.deed.kind]}</span>
                    <span class="muted num">
                      {action.state === "undone"
                        ? words.parts.undone(action.kept)
                        : words.parts.done(action.changed)}{" "}
                      · {words.parts.byAt(action.by.name, format.dateTime(action.at))}
                    </span>
                    {action.filter !== null && action.filter !== "" && (
                      <code class="small">{action.filter}</code>
                    )}
                  </div>
                  {action.state === "done" && action.changed > 0 && (
                    <Button icon="undo" onClick={() => void undo(action.id)}>
                      {words.parts.undo}
                    </Button>
                  )}
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
    </Dialog>
  )
}
