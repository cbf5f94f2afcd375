import { useSignal } from "@preact/signals"
import { DefectClass } from "#contract/catalogue"
import { asTrouble, type Trouble } from "../../api.ts"
import { useApp, useWords } from "../../context.ts"
import { Button } from "../../parts/button.tsx"
import { Dialog } from "../../parts/dialog.tsx"
import { Field, Segmented } from "../../parts/field.tsx"
import { defectIcons, Icon } from "../../parts/icon.tsx"
import { kindColors, Sign } from "../../parts/kind-sign.tsx"
import { TroubleNote } from "../../parts/states.tsx"

const severities = ["critical", "major", "minor"] as const

/** Makes a defect class, or changes how one is shown; it is deprecated here too. */
export function ClassDialog({ entry, onClose }: { entry: DefectClass | null; onClose: () => void }) {
  const app = useApp()
  const words = useWords()
  const text = words.flow.catalogue
  const form = useSignal({
    key: entry?.key ?? "",
    ko: entry?.names.ko ?? "",
    en: entry?.names.en ?? "",
    icon: entry?.icon ?? "unknown",
    color: entry?.color ?? "c1",
    severity: entry?.severity ?? ("major" as const),
    active: entry?.active ?? true,
  })
  const busy = useSignal(false)
  const trouble = useSignal<Trouble | undefined>(undefined)
  const { key, ko, en, icon, color, severity, active } = form.value
  const set = (change: Partial<typeof form.value>) => {
    form.value = { ...form.value, ...change }
  }

  async function save() {
    busy.value = true
    trouble.value = undefined
    const names = { ko: ko.trim(), en: en.trim() }
    try {
      if (entry) {
        const change = { names, icon, color, severity, active }
        await app.api.patch(`/api/defect-classes/${entry.key}`, change, DefectClass)
      } else
        await app.api.post(
          "/api/defect-classes",
          { key: key.trim(), names, icon, color, severity },
          DefectClass,
        )
      app.kinds.value = await app.api.list("/api/defect-classes", DefectClass)
      onClose()
    } catch (error) {
      trouble.value = asTrouble(error)
    } finally {
      busy.value = false
    }
  }

  return (
    <Dialog title={entry ? text.editClass : text.addClass} onClose={onClose} wide>
      {trouble.value && <TroubleNote trouble={trouble.value} />}
      <form
        class="form-two"
        onSubmit={(event) => {
          event.preventDefault()
          void save()
        }}
      >
        <Field
          label={text.ko}
          value={ko}
          onValue={(value) => set({ ko: value })}
          maxLength={64}
          required
          autocomplete="off"
        />
        <Field
          label={text.en}
          value={en}
          onValue={(value) => set({ en: value })}
          maxLength={64}
          required
          autocomplete="off"
        />
        {!entry && (
          <Field
            label={text.key}
            hint={text.keyHint}
            value={key}
            onValue={(value) => set({ key: value })}
            pattern="[a-z0-9][a-z0-9_.\-]{0,63}"
            autocapitalize="none"
            spellcheck={false}
            autocomplete="off"
            required
          />
        )}
        <Segmented
          label={text.severity}
          value={severity}
          options={severities.map((value) => ({ value, text: text.severities[value] }))}
          onValue={(value) => set({ severity: value })}
        />
        <fieldset class="field">
          <legend>{text.icon}</legend>
          <div class="icon-choice">
            {defectIcons.map((option) => (
              <button
                key={option}
                type="button"
                class="icon-option"
                aria-pressed={icon === option}
                aria-label={option}
                onClick={() => set({ icon: option })}
              >
                <Icon name={option} size={28} />
              </button>
            ))}
          </div>
        </fieldset>
        <fieldset class="field">
          <legend>{text.color}</legend>
          <div class="icon-choice">
            {kindColors.map((option, i) => (
              <button
                key={option}
                type="button"
                class="icon-option color-option"
                aria-pressed={color === option}
                aria-label={`${text.color} ${i + 1}`}
                onClick={() => set({ color: option })}
              >
                <Sign icon={icon} color={option} kind={key} size={26} />
              </button>
            ))}
          </div>
        </fieldset>
        {entry && (
          <div class="field">
            <Segmented
              label={text.state}
              value={active ? "on" : "off"}
              options={[
                { value: "on", text: text.active },
                { value: "off", text: text.retired },
              ]}
              onValue={(value) => set({ active: value === "on" })}
            />
            <p class="small muted">{text.retireHint}</p>
          </div>
        )}
        <Button look="primary" type="submit" busy={busy.value} testid="catalogue-class-save">
          {words.common.save}
        </Button>
      </form>
    </Dialog>
  )
}
