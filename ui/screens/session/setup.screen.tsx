import { useSignal } from "@preact/signals"
import { Session } from "#contract/users"
import { asTrouble, type Trouble } from "../../api.ts"
import { useApp, useWords } from "../../context.ts"
import { Button } from "../../parts/button.tsx"
import { Field } from "../../parts/field.tsx"
import { TroubleNote } from "../../parts/states.tsx"
import { GateFrame } from "./gate.tsx"

/** First start: the code printed by the hub makes the first admin. */
export function SetupScreen() {
  const app = useApp()
  const words = useWords()
  const form = useSignal({ code: "", name: "", login: "", password: "" })
  const busy = useSignal(false)
  const failed = useSignal<Trouble | undefined>(undefined)
  const set = (field: keyof typeof form.value) => (value: string) => {
    form.value = { ...form.value, [field]: value }
  }

  async function create() {
    busy.value = true
    failed.value = undefined
    try {
      const body = { ...form.value, code: form.value.code.trim(), language: app.prefs.language.value }
      app.session.value = await app.api.post("/api/setup", body, Session)
    } catch (error) {
      failed.value = asTrouble(error)
    } finally {
      busy.value = false
    }
  }

  return (
    <GateFrame title={words.setup.title} lead={words.setup.lead}>
      {failed.value && <TroubleNote trouble={failed.value} />}
      <form
        onSubmit={(event) => {
          event.preventDefault()
          void create()
        }}
      >
        <Field
          label={words.setup.code}
          value={form.value.code}
          onValue={set("code")}
          autocomplete="one-time-code"
          autocapitalize="none"
          spellcheck={false}
          required
          testid="setup-code"
        />
        <Field
          label={words.setup.name}
          value={form.value.name}
          onValue={set("name")}
          autocomplete="name"
          required
          maxLength={64}
          testid="setup-name"
        />
        <Field
          label={words.setup.login}
          hint={words.setup.loginHint}
          value={form.value.login}
          onValue={set("login")}
          autocomplete="username"
          autocapitalize="none"
          spellcheck={false}
          pattern="[a-z0-9][a-z0-9._\-]{1,31}"
          required
          testid="setup-login"
        />
        <Field
          label={words.setup.password}
          hint={words.setup.passwordHint}
          type="password"
          value={form.value.password}
          onValue={set("password")}
          autocomplete="new-password"
          minLength={12}
          maxLength={128}
          required
          testid="setup-password"
        />
        <Button look="primary" type="submit" busy={busy.value} testid="setup-submit">
          {words.setup.submit}
        </Button>
      </form>
    </GateFrame>
  )
}
