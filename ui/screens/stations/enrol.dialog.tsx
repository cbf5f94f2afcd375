import { useSignal } from "@preact/signals"
import type * as v from "valibot"
import { EnrolmentCode } from "#contract/fleet"
import { asTrouble, type Trouble } from "../../api.ts"
import { useApp, useFormat, useWords } from "../../context.ts"
import { Button } from "../../parts/button.tsx"
import { Dialog } from "../../parts/dialog.tsx"
import { Field } from "../../parts/field.tsx"
import { QrCode } from "../../parts/qr.tsx"
import { TroubleNote } from "../../parts/states.tsx"

/** Two steps: name the station, then show it the code. The code is shown once; the hub keeps only its hash. */
export function EnrolDialog({ onClose }: { onClose: () => void }) {
  const { api } = useApp()
  const words = useWords()
  const format = useFormat()
  const device = useSignal("")
  const name = useSignal("")
  const preApproved = useSignal(false)
  const busy = useSignal(false)
  const made = useSignal<v.InferOutput<typeof EnrolmentCode> | null>(null)
  const trouble = useSignal<Trouble | undefined>(undefined)

  async function make() {
    busy.value = true
    trouble.value = undefined
    try {
      made.value = await api.post(
        "/api/enrolment-codes",
        { device: device.value, name: name.value, pre_approved: preApproved.value },
        EnrolmentCode,
      )
    } catch (error) {
      trouble.value = asTrouble(error)
    } finally {
      busy.value = false
    }
  }

  if (made.value)
    return (
      <Dialog title={words.stations.codeTitle} onClose={onClose}>
        <p class="enrol-device muted">{made.value.device}</p>
        <p class="enrol-code num" data-testid="station-code">
          {made.value.code}
        </p>
        <QrCode text={made.value.ticket} name={words.stations.qr} />
        <p class="muted">{words.stations.ticketHint}</p>
        <code class="enrol-ticket" data-testid="station-ticket">
          crux edge --enrol '{made.value.ticket}'
        </code>
        <p class="muted">{words.stations.codeOnce(format.clock(made.value.expires_at))}</p>
        {!made.value.pre_approved && <p class="muted">{words.stations.thenApprove}</p>}
      </Dialog>
    )
  return (
    <Dialog title={words.stations.enrolTitle} onClose={onClose}>
      {trouble.value && <TroubleNote trouble={trouble.value} />}
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault()
          void make()
        }}
      >
        <Field
          label={words.stations.id}
          hint={words.stations.idHint}
          value={device.value}
          onValue={(value) => {
            device.value = value
          }}
          pattern="[a-z0-9][a-z0-9\-]{0,31}"
          autocapitalize="none"
          spellcheck={false}
          required
          testid="station-id"
        />
        <Field
          label={words.stations.name}
          value={name.value}
          onValue={(value) => {
            name.value = value
          }}
          maxLength={64}
          required
          testid="station-name"
        />
        <label class="check">
          <input
            type="checkbox"
            checked={preApproved.value}
            onChange={(event) => {
              preApproved.value = event.currentTarget.checked
            }}
            data-testid="station-pre-approved"
          />
          <span>{words.stations.preApproved}</span>
        </label>
        <Button look="primary" type="submit" icon="key" busy={busy.value} testid="station-make-code">
          {words.stations.make}
        </Button>
      </form>
    </Dialog>
  )
}
