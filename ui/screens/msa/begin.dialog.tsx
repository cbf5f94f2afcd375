import { useSignal } from "@preact/signals"
import { AppraiserName, Study } from "#contract/msa"
import { KnownPart } from "#contract/review"
import { asTrouble, type Trouble } from "../../api.ts"
import { useApp, useWords } from "../../context.ts"
import { Button } from "../../parts/button.tsx"
import { Dialog } from "../../parts/dialog.tsx"
import { Field, Segmented } from "../../parts/field.tsx"
import { Loaded } from "../../parts/loaded.tsx"
import { TroubleNote } from "../../parts/states.tsx"
import { useResource } from "../../resource.ts"
import { chooseParts } from "./choose.rules.ts"

const enough = 20
const most = 50

/** Starts a study: who judges, and how often. The parts are known ones, OK and NG as evenly as there are. */
export function BeginDialog({ onClose }: { onClose: () => void }) {
  const { api } = useApp()
  const words = useWords()
  const known = useResource("known", (s) => api.list("/api/known-parts", KnownPart, s))
  const people = useResource("appraisers", (s) => api.list("/api/msa/appraisers", AppraiserName, s))
  const name = useSignal("")
  const chosen = useSignal<string[]>([])
  const trials = useSignal<"1" | "2" | "3">("2")
  const busy = useSignal(false)
  const trouble = useSignal<Trouble | undefined>(undefined)

  async function begin(parts: string[]) {
    busy.value = true
    trouble.value = undefined
    try {
      const asked = { name: name.value, parts, people: chosen.value, trials: Number(trials.value) }
      await api.post("/api/msa/studies", asked, Study)
      onClose()
    } catch (error) {
      trouble.value = asTrouble(error)
    } finally {
      busy.value = false
    }
  }

  return (
    <Dialog title={words.msa.begin} onClose={onClose} wide>
      <p class="muted">{words.msa.beginLead}</p>
      {trouble.value && <TroubleNote trouble={trouble.value} />}
      <Loaded resource={known}>
        {(list) => {
          const parts = chooseParts(list, most)
          return (
            <div class="form">
              <p class={parts.length < enough ? "note" : "muted"}>
                {parts.length < enough
                  ? words.msa.fewKnown(parts.length)
                  : words.msa.partsCount(parts.length)}
              </p>
              <Field
                label={words.msa.name}
                value={name.value}
                onValue={(value) => {
                  name.value = value
                }}
                maxLength={64}
                testid="msa-begin-name"
              />
              <fieldset class="field">
                <legend>{words.msa.people2}</legend>
                <Loaded resource={people}>
                  {(everyone) => (
                    <div class="kind-choice">
                      {everyone.map(({ id, name: own }) => (
                        <button
                          key={id}
                          type="button"
                          class={`button button-${chosen.value.includes(id) ? "primary" : "plain"}`}
                          aria-pressed={chosen.value.includes(id)}
                          onClick={() => {
                            chosen.value = chosen.value.includes(id)
                              ? chosen.value.filter((other) => other !== id)
                              : [...chosen.value, id]
                          }}
                          data-testid="msa-begin-person"
                        >
                          {own}
                        </button>
                      ))}
                    </div>
                  )}
                </Loaded>
              </fieldset>
              <Segmented
                label={words.msa.trials}
                value={trials.value}
                options={(["1", "2", "3"] as const).map((value) => ({
                  value,
                  text: words.msa.trialsCount(Number(value)),
                }))}
                onValue={(value) => {
                  trials.value = value
                }}
              />
              <Button
                look="primary"
                busy={busy.value}
                disabled={name.value.trim() === "" || chosen.value.length === 0 || parts.length < 2}
                onClick={() => void begin(parts)}
                testid="msa-begin-submit"
              >
                {words.msa.begin}
              </Button>
            </div>
          )
        }}
      </Loaded>
    </Dialog>
  )
}
