import { useSignal } from "@preact/signals"
import { type Language, type Role, roles, User } from "#contract/users"
import { asTrouble, type Trouble } from "../../api.ts"
import { useApp, useMay, useWords } from "../../context.ts"
import { languages } from "../../i18n/format.ts"
import { Button } from "../../parts/button.tsx"
import { Dialog } from "../../parts/dialog.tsx"
import { Field, Segmented } from "../../parts/field.tsx"
import { Loaded } from "../../parts/loaded.tsx"
import { Page } from "../../parts/page.tsx"
import { TroubleNote } from "../../parts/states.tsx"
import { Tag } from "../../parts/tag.tsx"
import { useResource } from "../../resource.ts"

export function PeopleScreen() {
  const { api, session } = useApp()
  const words = useWords()
  const admin = useMay("admin")
  const adding = useSignal(false)
  const trouble = useSignal<Trouble | undefined>(undefined)
  const people = useResource("people", (s) => api.list("/api/users", User, s))

  async function setDisabled(user: User, disabled: boolean) {
    trouble.value = undefined
    try {
      await api.run("PATCH", `/api/users/${user.id}`, { disabled })
      people.reload()
    } catch (error) {
      trouble.value = asTrouble(error)
    }
  }

  return (
    <Page
      title={words.people.title}
      {...(admin ? {} : { lead: words.people.needsAdmin })}
      actions={
        admin && (
          <Button
            look="primary"
            icon="plus"
            onClick={() => {
              adding.value = true
            }}
            testid="people-add"
          >
            {words.people.add}
          </Button>
        )
      }
    >
      {trouble.value && <TroubleNote trouble={trouble.value} />}
      <Loaded resource={people}>
        {(list) => (
          <ul class="rows">
            {list.map((user) => (
              <li key={user.id} class="row" data-testid="people-item">
                <div class="row-main">
                  <span class="row-title">{user.name}</span>
                  <span class="muted">{user.login}</span>
                </div>
                {user.disabled && <Tag>{words.people.disabled}</Tag>}
                <Tag>{words.role[user.role]}</Tag>
                <span class="muted">{languages[user.language].languageName}</span>
                {user.id !== session.value?.user.id && (
                  <Button onClick={() => void setDisabled(user, !user.disabled)}>
                    {user.disabled ? words.people.enable : words.people.disable}
                  </Button>
                )}
              </li>
            ))}
          </ul>
        )}
      </Loaded>
      {adding.value && (
        <AddDialog
          onClose={() => {
            adding.value = false
            people.reload()
          }}
        />
      )}
    </Page>
  )
}

function AddDialog({ onClose }: { onClose: () => void }) {
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
            { value: "ko", text: languages.ko.languageName },
            { value: "en", text: languages.en.languageName },
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
