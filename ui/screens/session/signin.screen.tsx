import { useSignal } from "@preact/signals"
import { Session } from "#contract/users"
import { asTrouble, type Trouble } from "../../api.ts"
import { useApp, useWords } from "../../context.ts"
import { Button } from "../../parts/button.tsx"
import { Field } from "../../parts/field.tsx"
import { split } from "../../parts/split.tsx"
import { TroubleNote } from "../../parts/states.tsx"
import { GateFrame } from "./gate.tsx"
import { UnsentHere } from "./unsent-here.tsx"

const EnrolTabletDialog = split(() => import("./enrol-tablet.dialog.tsx").then((m) => m.EnrolTabletDialog))

export function SignInScreen({ trouble, expired }: { trouble?: Trouble; expired: boolean }) {
  const app = useApp()
  const words = useWords()
  const login = useSignal("")
  const password = useSignal("")
  const visible = useSignal(false)
  const busy = useSignal(false)
  const failed = useSignal<Trouble | undefined>(trouble)
  const enrolling = useSignal(false)

  async function signIn() {
    busy.value = true
    failed.value = undefined
    try {
      const body = { login: login.value.trim(), password: password.value }
      app.session.value = await app.api.post("/api/session", body, Session)
    } catch (error) {
      failed.value = asTrouble(error)
    } finally {
      busy.value = false
    }
  }

  return (
    <GateFrame title={words.session.title} {...(expired ? { lead: words.session.expired } : {})}>
      {failed.value && <TroubleNote trouble={failed.value} />}
      <UnsentHere />
      <form
        onSubmit={(event) => {
          event.preventDefault()
          void signIn()
        }}
      >
        <Field
          label={words.session.login}
          value={login.value}
          onValue={(value) => {
            login.value = value
          }}
          autocomplete="username"
          autocapitalize="none"
          spellcheck={false}
          required
          testid="signin-login"
        />
        <Field
          label={words.session.password}
          type={visible.value ? "text" : "password"}
          value={password.value}
          onValue={(value) => {
            password.value = value
          }}
          autocomplete="current-password"
          required
          testid="signin-password"
          after={
            <Button
              onClick={() => {
                visible.value = !visible.value
              }}
            >
              {visible.value ? words.session.hide : words.session.show}
            </Button>
          }
        />
        <Button look="primary" type="submit" busy={busy.value} testid="signin-submit">
          {busy.value ? words.session.signingIn : words.session.signIn}
        </Button>
      </form>
      <Button
        look="quiet"
        onClick={() => {
          enrolling.value = true
        }}
        testid="tablet-enrol"
      >
        {words.tablet.enrolThis}
      </Button>
      {enrolling.value && (
        <EnrolTabletDialog
          onClose={() => {
            enrolling.value = false
          }}
        />
      )}
    </GateFrame>
  )
}
