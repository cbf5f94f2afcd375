import { useSignal } from "@preact/signals"
import { type Language, type Role, roles, User } from "#contract/users"
import { asTrouble, type Trouble } from "../../api.ts"
import { useApp, useWords } from "../../context.ts"
import { languageNames } from "../../i18n/format.ts"
import { Button } from "../../parts/button.tsx"
import { Dialog } from "../../parts/dialog.tsx"
import { Field, Segmented } from "../../parts/field.tsx"
import { TroubleNote } from "../../parts/states.tsx"

export function AddDialog({ onClose }: { onClose: () => void }) {
  const { api } = useApp()
  const words = useWords()
  const form = useSignal({
    name: "",
    login: "",
    password: "",
    role: "worker" as Role,
    language: "ko" as Language,
  })
  const busy = useSignal(false)
  const trouble = useSignal<Trouble | undefined>(undefined)
  const set = (change: Partial<typeof form.value>) => {
    form.value = { ...form.value, ...change }
  }

  async function add() {
    busy.value = true
    trouble.value = undefined
    try {
      await api.post("/api/users", form.value, User)
      onClose()
    } catch (error) {
      trouble.value = asTrouble(error)
    } finally {
      busy.value = false
    }
  }

  return (
    <Dialog title={words.people.add} onClose={onClose}>
      {trouble.value && <TroubleNote trouble={trouble.value} />}
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault()
          void add()
        }}
      >
        <Field
          label={words.people.name}
          value={form.value.name}
          onValue={(name) => set({ name })}
          maxLength={64}
          required
          testid="people-name"
        />
        <Field
          label={words.people.login}
          hint={words.setup.loginHint}
          value={form.value.login}
          onValue={(login) => set({ login })}
          pattern="[a-z0-9][a-z0-9._\-]{1,31}"
          autocapitalize="none"
          spellcheck={false}
          autocomplete="off"
          required
          testid="people-login"
        />
        <Field
          label={words.people.password}
          hint={words.setup.passwordHint}
          type="password"
          value={form.value.password}
          onValue={(password) => set({ password })}
          minLength={12}
          maxLength={128}
          autocomplete="new-password"
          required
          testid="people-password"
        />
        <Segmented
          label={words.people.role}
          value={form.value.role}
          options={roles.map((role) => ({ value: role, text: words.role[role] }))}
          onValue={(role) => set({ role })}
        />
        <Segmented
          label={words.people.language}
          value={form.value.language}
          options={[
            { value: "ko", text: languageNames.ko },
            { value: "en", text: languageNames.en },
          ]}
          onValue={(language) => set({ language })}
        />
        <Button look="primary" type="submit" busy={busy.value} testid="people-submit">
          {words.people.add}
        </Button>
      </form>
    </Dialog>
  )
}
