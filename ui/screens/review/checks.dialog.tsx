import { useSignal } from "@preact/signals"
import { CheckPlan } from "#contract/review"
import { asTrouble, type Trouble } from "../../api.ts"
import { useApp, useWords } from "../../context.ts"
import { Button } from "../../parts/button.tsx"
import { Dialog } from "../../parts/dialog.tsx"
import { Segmented } from "../../parts/field.tsx"
import { Loaded } from "../../parts/loaded.tsx"
import { TroubleNote } from "../../parts/states.tsx"
import { useResource } from "../../resource.ts"

const shares = {
  review: [0, 0.05, 0.1, 0.25, 1],
  second: [0, 0.05, 0.1, 0.25, 1],
  known: [0, 0.02, 0.05, 0.1],
  repeat: [0, 0.02, 0.05, 0.1],
} as const
type ShareName = keyof typeof shares
const names = Object.keys(shares) as ShareName[]

/** How often labels are looked at once more, and which of them models learn from. */
export function ChecksDialog({ onClose }: { onClose: () => void }) {
  const { api } = useApp()
  const words = useWords()
  const plan = useResource("checks", (s) => api.get("/api/labelling/checks", CheckPlan, s))
  return (
    <Dialog title={words.together.checks} onClose={onClose} wide>
      <p class="muted">{words.together.checksLead}</p>
      <Loaded resource={plan}>{(known) => <Form known={known} onClose={onClose} />}</Loaded>
    </Dialog>
  )
}

function Form({ known, onClose }: { known: CheckPlan; onClose: () => void }) {
  const { api } = useApp()
  const words = useWords()
  const draft = useSignal(known)
  const busy = useSignal(false)
  const trouble = useSignal<Trouble | undefined>(undefined)
  const check = words.together.check

  async function save() {
    busy.value = true
    trouble.value = undefined
    try {
      await api.run("PUT", "/api/labelling/checks", draft.value)
      onClose()
    } catch (error) {
      trouble.value = asTrouble(error)
    } finally {
      busy.value = false
    }
  }

  const options = (name: ShareName) =>
    [...new Set([...shares[name], known[name]])]
      .sort((a, b) => a - b)
      .map((value) => ({
        value: String(value),
        text: value === 0 ? check.none : words.common.percent(value),
      }))
  return (
    <div class="form">
      {trouble.value && <TroubleNote trouble={trouble.value} />}
      {names.map((name) => (
        <div key={name}>
          <Segmented
            label={check[name]}
            value={String(draft.value[name])}
            options={options(name)}
            onValue={(value) => {
              draft.value = { ...draft.value, [name]: Number(value) }
            }}
          />
          <p class="small muted">{check[`${name}Hint`]}</p>
        </div>
      ))}
      <Segmented
        label={check.blind}
        value={draft.value.blind_to_model ? "yes" : "no"}
        options={[
          { value: "yes", text: check.blindYes },
          { value: "no", text: check.blindNo },
        ]}
        onValue={(value) => {
          draft.value = { ...draft.value, blind_to_model: value === "yes" }
        }}
      />
      <Segmented
        label={check.counts}
        value={draft.value.counts}
        options={(["latest", "reviewed", "consensus"] as const).map((value) => ({
          value,
          text: check.countsName[value],
        }))}
        onValue={(counts) => {
          draft.value = { ...draft.value, counts }
        }}
      />
      <Button look="primary" busy={busy.value} onClick={() => void save()} testid="review-checks-save">
        {words.common.save}
      </Button>
    </div>
  )
}
