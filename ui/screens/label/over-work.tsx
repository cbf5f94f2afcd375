import type { Signal } from "@preact/signals"
import type { Mention } from "#contract/flow"
import { split } from "../../parts/split.tsx"
import type { Resource } from "../../resource.ts"
import type { Open } from "./commands.ts"
import type { Flow } from "./flow.ts"
import { HistoryDialog } from "./history.dialog.tsx"
import type { Labelling } from "./labelling.ts"
import { NewKindDialog } from "./new-kind.dialog.tsx"
import type { OwnKeys } from "./own-keys.ts"

const HelpDialog = split(() => import("./help.dialog.tsx").then((m) => m.HelpDialog))
const AskDialog = split(() => import("./flow.dialogs.tsx").then((m) => m.AskDialog))
const SkipDialog = split(() => import("./flow.dialogs.tsx").then((m) => m.SkipDialog))
const CommentsDialog = split(() => import("./flow.dialogs.tsx").then((m) => m.CommentsDialog))
const MentionsDialog = split(() => import("./flow.dialogs.tsx").then((m) => m.MentionsDialog))

/** To be fetched before the network may be away. */
export const overWork = [SkipDialog, AskDialog, CommentsDialog]

/** What is opened over the work, one at a time. */
export function OverWork({
  open,
  talked,
  work,
  flow,
  keys,
  mentions,
}: {
  open: Signal<Open>
  talked: Signal<string | null>
  work: Labelling
  flow: Flow
  keys: OwnKeys
  mentions: Resource<Mention[]>
}) {
  const held = work.held.value
  const close = () => {
    open.value = "none"
  }
  return (
    <>
      {open.value === "help" && <HelpDialog keys={keys} onClose={close} />}
      {open.value === "skip" && (
        <SkipDialog
          onClose={close}
          onSkip={(reason) => {
            close()
            void flow.skip(reason)
          }}
        />
      )}
      {open.value === "ask" && (
        <AskDialog
          onClose={close}
          onAsk={(to, note) => {
            close()
            void flow.ask(to, note)
          }}
        />
      )}
      {open.value === "comment" && (talked.value ?? held?.task.inspection.id) !== undefined && (
        <CommentsDialog
          inspection={talked.value ?? held?.task.inspection.id ?? ""}
          onClose={() => {
            talked.value = null
            close()
          }}
        />
      )}
      {open.value === "mentions" && (
        <MentionsDialog
          mentions={mentions}
          onClose={() => {
            close()
            mentions.reload()
          }}
          onOpen={(inspection) => {
            talked.value = inspection
            open.value = "comment"
            mentions.reload()
          }}
        />
      )}
      {open.value === "history" && (
        <HistoryDialog
          past={work.past.value}
          onClose={close}
          onUndo={(i) => {
            close()
            void work.undo(i)
          }}
        />
      )}
      {open.value === "new-kind" && (
        <NewKindDialog
          onClose={close}
          onMade={(key) => {
            close()
            void work.pick(key)
          }}
        />
      )}
    </>
  )
}
