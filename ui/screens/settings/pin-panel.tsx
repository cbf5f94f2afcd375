import { useSignal } from "@preact/signals"
import { asTrouble, type Trouble } from "../../api.ts"
import { useApp, useWords } from "../../context.ts"
import { Button } from "../../parts/button.tsx"
import { Field } from "../../parts/field.tsx"
import { Panel } from "../../parts/page.tsx"
import { TroubleNote } from "../../parts/states.tsx"

/** A person changes their own PIN: the one an engineer has given should not stay. */
export function PinPanel() {
  const { api } = useApp()
  const words = useWords().tablet
  const current = useSignal("")
  const pin = useSignal("")
  const busy = useSignal(false)
  const done = useSignal(false)
  const trouble = useSignal<Trouble | undefined>(undefined)

  async function change() {
    busy.value = true
    done.value = false
    trouble.value = undefined
    try {
      await api.run("PUT", "/api/session/pin", { pin: pin.value, current: current.value })
      current.value = ""
      pin.value = ""
      done.value = true
    } catch (error) {
      trouble.value = asTrouble(error)
    } finally {
      busy.value = false
    }
  }

  return (
    <Panel title={words.ownPin}>
      {trouble.value && <TroubleNote trouble={trouble.value} />}
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault()
          void change()
        }}
      >
        <Field
          label={words.pinNow}
          type="password"
          value={current.value}
          onValue={(value) => {
            current.value = value
          }}
          autocomplete="off"
          maxLength={128}
          required
        />
        <Field
          label={words.pinNew}
          hint={words.pinHint}
          type="password"
          value={pin.value}
          onValue={(value) => {
            pin.value = value
          }}
          autocomplete="off"
          pattern="[0-9]{4,6}"
          maxLength={6}
          required
        />
        <div>
          <Button type="submit" busy={busy.value}>
            {words.pinChange}
          </Button>
        </div>
        {done.value && <p role="status">{words.pinChanged}</p>}
      </form>
    </Panel>
  )
}
