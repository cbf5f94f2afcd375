import { useSignal } from "@preact/signals"
import { TabletCode } from "#contract/tablets"
import { asTrouble, type Trouble } from "../../api.ts"
import { useApp, useFormat, useWords } from "../../context.ts"
import { Button } from "../../parts/button.tsx"
import { Dialog } from "../../parts/dialog.tsx"
import { Field } from "../../parts/field.tsx"
import { QrCode } from "../../parts/qr.tsx"
import { TroubleNote } from "../../parts/states.tsx"

/** Two steps: name the tablet, then show it the code. */
export function TabletCodeDialog({ onClose }: { onClose: () => void }) {
  const { api } = useApp()
  const words = useWords().tablet
  const format = useFormat()
  const name = useSignal("")
  const busy = useSignal(false)
  const made = useSignal<TabletCode | null>(null)
  const trouble = useSignal<Trouble | undefined>(undefined)

  async function make() {
    busy.value = true
    trouble.value = undefined
    try {
      made.value = await api.post("/api/tablets/codes", { name: name.value }, TabletCode)
    } catch (error) {
      trouble.value = asTrouble(error)
    } finally {
      busy.value = false
    }
  }

  if (made.value)
    return (
      <Dialog title={words.showTablet} onClose={onClose}>
        <p>{words.showTabletBody}</p>
        {/* After the #, so that it is in nobody's log. */}
        <QrCode text={`${location.origin}/#tablet=${made.value.code}`} name={words.qr} />
        <p class="muted">{words.orType(location.origin)}</p>
        <p class="enrol-code num" data-testid="tablet-made-code">
          {made.value.code}
        </p>
        <p class="muted">{words.codeOnce(format.clock(made.value.expires_at))}</p>
      </Dialog>
    )
  return (
    <Dialog title={words.enrol} onClose={onClose}>
      {trouble.value && <TroubleNote trouble={trouble.value} />}
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault()
          void make()
        }}
      >
        <Field
          label={words.name}
          hint={words.nameHint}
          value={name.value}
          onValue={(value) => {
            name.value = value
          }}
          maxLength={32}
          required
          testid="tablet-name"
        />
        <Button look="primary" type="submit" icon="key" busy={busy.value} testid="tablet-make-code">
          {words.makeCode}
        </Button>
      </form>
    </Dialog>
  )
}
