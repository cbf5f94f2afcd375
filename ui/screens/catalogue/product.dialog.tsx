import { useSignal } from "@preact/signals"
import { Product } from "#contract/catalogue"
import { asTrouble, type Trouble } from "../../api.ts"
import { useApp, useWords } from "../../context.ts"
import { Button } from "../../parts/button.tsx"
import { Dialog } from "../../parts/dialog.tsx"
import { Field, Segmented } from "../../parts/field.tsx"
import { TroubleNote } from "../../parts/states.tsx"

/** Makes a product, or names it otherwise and takes it out of use. */
export function ProductDialog({ entry, onClose }: { entry: Product | null; onClose: () => void }) {
  const { api } = useApp()
  const words = useWords()
  const text = words.flow.catalogue
  const form = useSignal({
    key: entry?.key ?? "",
    ko: entry?.names.ko ?? "",
    en: entry?.names.en ?? "",
    active: entry?.active ?? true,
  })
  const busy = useSignal(false)
  const trouble = useSignal<Trouble | undefined>(undefined)
  const { key, ko, en, active } = form.value
  const set = (change: Partial<typeof form.value>) => {
    form.value = { ...form.value, ...change }
  }

  async function save() {
    busy.value = true
    trouble.value = undefined
    const names = { ko: ko.trim(), en: en.trim() }
    try {
      if (entry) await api.patch(`/api/products/${entry.key}`, { names, active }, Product)
      else await api.post("/api/products", { key: key.trim(), names }, Product)
      onClose()
    } catch (error) {
      trouble.value = asTrouble(error)
    } finally {
      busy.value = false
    }
  }

  return (
    <Dialog title={entry ? text.editProduct : text.addProduct} onClose={onClose}>
      {trouble.value && <TroubleNote trouble={trouble.value} />}
      <form
        class="form"
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
        {entry ? (
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
        ) : (
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
        <Button look="primary" type="submit" busy={busy.value} testid="catalogue-product-save">
          {words.common.save}
        </Button>
      </form>
    </Dialog>
  )
}
