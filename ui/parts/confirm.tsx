import { useSignal } from "@preact/signals"
import type { ComponentChildren } from "preact"
import { asTrouble, type Trouble } from "../api.ts"
import { useWords } from "../context.ts"
import type { TestId } from "../testids.ts"
import { Button } from "./button.tsx"
import { Dialog } from "./dialog.tsx"
import { TroubleNote } from "./states.tsx"

/** Asks once before something that stations or people feel. Stays open and says why when it fails. */
export function Confirm({
  title,
  body,
  yes,
  danger = false,
  onYes,
  onClose,
  testid,
}: {
  title: string
  body: ComponentChildren
  yes: string
  danger?: boolean
  onYes: () => Promise<void>
  onClose: () => void
  testid: TestId
}) {
  const words = useWords()
  const busy = useSignal(false)
  const trouble = useSignal<Trouble | undefined>(undefined)
  async function go() {
    busy.value = true
    trouble.value = undefined
    try {
      await onYes()
      onClose()
    } catch (error) {
      trouble.value = asTrouble(error)
    } finally {
      busy.value = false
    }
  }
  return (
    <Dialog
      title={title}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>{words.common.back}</Button>
          <Button
            look={danger ? "danger" : "primary"}
            busy={busy.value}
            onClick={() => void go()}
            testid={testid}
          >
            {yes}
          </Button>
        </>
      }
    >
      <p>{body}</p>
      {trouble.value && <TroubleNote trouble={trouble.value} />}
    </Dialog>
  )
}
