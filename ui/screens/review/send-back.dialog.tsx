import { useSignal } from "@preact/signals"
import { useWords } from "../../context.ts"
import { Button } from "../../parts/button.tsx"
import { Dialog } from "../../parts/dialog.tsx"
import { Field } from "../../parts/field.tsx"

/** Asks what the author of a label is to look at again; the usual reasons are one tap. */
export function SendBackDialog({
  onSend,
  onClose,
}: {
  onSend: (reason: string) => void
  onClose: () => void
}) {
  const words = useWords()
  const reason = useSignal("")
  return (
    <Dialog title={words.together.sendBackTitle} onClose={onClose}>
      <p class="muted">{words.together.sendBackHint}</p>
      <div class="review-reasons">
        {words.together.reasons.map((text) => (
          <Button
            key={text}
            onClick={() => {
              reason.value = text
            }}
          >
            {text}
          </Button>
        ))}
      </div>
      <Field
        label={words.together.reason}
        value={reason.value}
        onValue={(value) => {
          reason.value = value
        }}
        maxLength={500}
        testid="review-reason"
      />
      <Button
        look="primary"
        disabled={reason.value.trim() === ""}
        onClick={() => onSend(reason.value.trim())}
        testid="review-send"
      >
        {words.together.sendBack}
      </Button>
    </Dialog>
  )
}
