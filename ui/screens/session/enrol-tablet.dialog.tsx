import { useSignal } from "@preact/signals"
import { ThisTablet } from "#contract/tablets"
import { asTrouble, type Trouble } from "../../api.ts"
import { useApp, useWords } from "../../context.ts"
import { Button } from "../../parts/button.tsx"
import { Dialog } from "../../parts/dialog.tsx"
import { Field } from "../../parts/field.tsx"
import { TroubleNote } from "../../parts/states.tsx"

/** For tablets whose camera does not open links: the code is typed. */
export function EnrolTabletDialog({ onClose }: { onClose: () => void }) {
  const { api, tablet } = useApp()
  const words = useWords()
  const code = useSignal("")
  const busy = useSignal(false)
  const trouble = useSignal<Trouble | undefined>(undefined)

  async function enrol() {
    busy.value = true
    trouble.value = undefined
    try {
      const face = await api.post("/api/tablet", { code: code.value.trim() }, ThisTablet)
      onClose()
      tablet.face.value = face
    } catch (error) {
      trouble.value = asTrouble(error)
    } finally {
      busy.value = false
    }
  }

  return (
    <Dialog title={words.tablet.enrolThis} onClose={onClose}>
      <p>{words.tablet.enrolThisBody}</p>
      {trouble.value && <TroubleNote trouble={trouble.value} />}
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault()
          void enrol()
        }}
      >
        <Field
          label={words.tablet.code}
          value={code.value}
          onValue={(value) => {
            code.value = value
          }}
          autocapitalize="none"
          autocomplete="off"
          spellcheck={false}
          maxLength={64}
          required
          testid="tablet-code"
        />
        <Button look="primary" type="submit" busy={busy.value} testid="tablet-enrol-go">
          {words.tablet.enrolGo}
        </Button>
      </form>
    </Dialog>
  )
}
