import { useSignal } from "@preact/signals"
import type { InspectionView } from "#contract/labelling"
import { asTrouble, type Trouble } from "../../api.ts"
import { useApp, useMay, useWords } from "../../context.ts"
import { Button } from "../../parts/button.tsx"
import { Field } from "../../parts/field.tsx"
import { TroubleNote } from "../../parts/states.tsx"
import { Tag } from "../../parts/tag.tsx"

/** Keeps a part's pictures when room is made; an engineer says why. Others see that they are kept. */
export function Hold({ inspection }: { inspection: InspectionView }) {
  const { api } = useApp()
  const words = useWords()
  const engineer = useMay("engineer")
  const held = useSignal(inspection.held === true)
  const asking = useSignal(false)
  const reason = useSignal("")
  const busy = useSignal(false)
  const trouble = useSignal<Trouble | undefined>(undefined)
  const path = `/api/inspections/${inspection.id}/hold`

  async function change(to: boolean) {
    busy.value = true
    trouble.value = undefined
    try {
      await (to ? api.run("POST", path, { reason: reason.value }) : api.run("DELETE", path))
      held.value = to
      asking.value = false
    } catch (error) {
      trouble.value = asTrouble(error)
    } finally {
      busy.value = false
    }
  }

  if (!engineer || (inspection.image === null && !held.value))
    return held.value ? <Tag icon="key">{words.arrivals.held}</Tag> : null
  return (
    <div class="hold">
      {trouble.value && <TroubleNote trouble={trouble.value} />}
      {held.value ? (
        <div class="tags">
          <Tag icon="key">{words.arrivals.held}</Tag>
          <Button busy={busy.value} onClick={() => void change(false)} testid="release">
            {words.arrivals.release}
          </Button>
        </div>
      ) : asking.value ? (
        <form
          class="form"
          onSubmit={(event) => {
            event.preventDefault()
            void change(true)
          }}
        >
          <Field
            label={words.arrivals.holdReason}
            hint={words.arrivals.holdHint}
            value={reason.value}
            onValue={(value) => {
              reason.value = value
            }}
            maxLength={300}
            required
            testid="hold-reason"
          />
          <Button look="primary" type="submit" busy={busy.value} testid="hold">
            {words.arrivals.hold}
          </Button>
        </form>
      ) : (
        <Button
          icon="key"
          onClick={() => {
            asking.value = true
          }}
          testid="hold-ask"
        >
          {words.arrivals.hold}
        </Button>
      )}
    </div>
  )
}
