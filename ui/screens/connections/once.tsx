import { useSignal } from "@preact/signals"
import { useWords } from "../../context.ts"
import { useDeskWords } from "../../desk-words.ts"
import { Button } from "../../parts/button.tsx"
import { Dialog } from "../../parts/dialog.tsx"

/** Something secret, shown now and never again. */
export function Once({
  title,
  text,
  use,
  onClose,
}: {
  title: string
  text: string
  /** How a program is told of it. */
  use: string
  onClose: () => void
}) {
  const words = useWords()
  const w = useDeskWords().connections
  const copied = useSignal(false)
  return (
    <Dialog
      title={title}
      onClose={onClose}
      actions={
        <>
          {/* Browsers give the clipboard to secure pages only; elsewhere the text is selected by hand. */}
          {"clipboard" in navigator && (
            <Button
              icon="copy"
              onClick={() =>
                void navigator.clipboard.writeText(text).then(() => {
                  copied.value = true
                })
              }
            >
              {copied.value ? words.common.copied : words.common.copy}
            </Button>
          )}
          <Button look="primary" onClick={onClose} testid="connections-once-done">
            {words.common.close}
          </Button>
        </>
      }
    >
      <p>{w.once}</p>
      <p class="connections-secret" data-testid="connections-once">
        {text}
      </p>
      <pre class="small connections-use">{use}</pre>
    </Dialog>
  )
}
