import { useSignal } from "@preact/signals"
import * as v from "valibot"
import { DefectClass } from "#contract/catalogue"
import { asTrouble, type Trouble } from "../../api.ts"
import { useApp, useWords } from "../../context.ts"
import { Button } from "../../parts/button.tsx"
import { Dialog } from "../../parts/dialog.tsx"
import { Field } from "../../parts/field.tsx"
import { defectIcons, Icon, type IconName } from "../../parts/icon.tsx"
import { TroubleNote } from "../../parts/states.tsx"
import { keyForKind } from "./label.rules.ts"

/** A defect nobody has seen before gets a name on the spot: that is where a loop begins. */
export function NewKindDialog({ onClose, onMade }: { onClose: () => void; onMade: (key: string) => void }) {
  const app = useApp()
  const words = useWords()
  const name = useSignal("")
  const other = useSignal("")
  const icon = useSignal<IconName>("unknown")
  const busy = useSignal(false)
  const trouble = useSignal<Trouble | undefined>(undefined)

  async function make() {
    const own = name.value.trim()
    const foreign = other.value.trim() || own
    busy.value = true
    trouble.value = undefined
    const ko = app.prefs.language.value === "ko"
    const names = ko ? { ko: own, en: foreign } : { ko: foreign, en: own }
    const key = keyForKind(
      own,
      other.value,
      app.kinds.value.map((kind) => kind.key),
    )
    try {
      await app.api.post("/api/defect-classes", { key, names, icon: icon.value }, v.unknown())
      app.kinds.value = await app.api.list("/api/defect-classes", DefectClass)
      onMade(key)
    } catch (error) {
      trouble.value = asTrouble(error)
    } finally {
      busy.value = false
    }
  }

  return (
    <Dialog title={words.label.newKindTitle} onClose={onClose}>
      {trouble.value && <TroubleNote trouble={trouble.value} />}
      <form
        class="new-kind"
        onSubmit={(event) => {
          event.preventDefault()
          void make()
        }}
      >
        <Field
          label={words.label.newKindName}
          value={name.value}
          onValue={(value) => {
            name.value = value
          }}
          required
          maxLength={64}
          autocomplete="off"
          testid="label-new-kind-name"
        />
        <Field
          label={`${words.label.newKindOther} (${words.common.optional})`}
          value={other.value}
          onValue={(value) => {
            other.value = value
          }}
          maxLength={64}
          autocomplete="off"
          testid="label-new-kind-other"
        />
        <fieldset class="field">
          <legend>{words.label.newKindIcon}</legend>
          <div class="icon-choice">
            {defectIcons.map((option) => (
              <button
                key={option}
                type="button"
                class="icon-option"
                aria-pressed={icon.value === option}
                aria-label={option}
                onClick={() => {
                  icon.value = option
                }}
              >
                <Icon name={option} size={28} />
              </button>
            ))}
          </div>
        </fieldset>
        <p class="muted">{words.label.newKindHint}</p>
        <Button look="primary" type="submit" busy={busy.value} testid="label-new-kind-create">
          {words.label.newKindCreate}
        </Button>
      </form>
    </Dialog>
  )
}
