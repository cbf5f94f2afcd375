import { useSignal } from "@preact/signals"
import { useEffect, useRef } from "preact/hooks"
import { TabletPerson } from "#contract/tablets"
import { Session, type User } from "#contract/users"
import { asTrouble, type Trouble } from "../../api.ts"
import { useApp, useWords } from "../../context.ts"
import { Button } from "../../parts/button.tsx"
import { Field } from "../../parts/field.tsx"
import { Icon } from "../../parts/icon.tsx"
import { split } from "../../parts/split.tsx"
import { TroubleNote } from "../../parts/states.tsx"
import { createBadgeReader } from "./badge-reader.ts"
import { PinPad } from "./pin-pad.tsx"

const ScanDialog = split(() => import("./scan.dialog.tsx").then((m) => m.ScanDialog))

type Step =
  | { at: "tiles" }
  /** `badge`: named by a badge, which is then part of the proof. */
  | { at: "pin"; person: Pick<TabletPerson, "id" | "name" | "language">; badge?: string }
  | { at: "password"; login: string }

/**
 * The way in on an enrolled tablet: a name or a badge, then the PIN. With `current` the tablet is locked: that person
 * goes on where they were, anybody else takes over.
 */
export function TabletEntry({
  current,
  trouble,
  onDone,
}: {
  current?: User
  trouble?: Trouble
  onDone?: () => void
}) {
  const app = useApp()
  const words = useWords()
  const people = app.tablet.face.value?.people ?? []
  const hasPin = (id: string) => people.some((person) => person.id === id)
  const start = (): Step =>
    !current
      ? { at: "tiles" }
      : hasPin(current.id)
        ? { at: "pin", person: current }
        : { at: "password", login: current.login }
  const step = useSignal<Step>(start())
  const busy = useSignal(false)
  const failed = useSignal<Trouble | undefined>(trouble)
  const scanning = useSignal(false)
  const login = useSignal("")
  const password = useSignal("")

  async function attempt(work: () => Promise<void>): Promise<boolean> {
    busy.value = true
    failed.value = undefined
    try {
      await work()
      onDone?.()
      return true
    } catch (error) {
      failed.value = asTrouble(error)
      return false
    } finally {
      busy.value = false
    }
  }

  const enter = (proof: object) =>
    attempt(async () => {
      app.session.value = await app.api.post("/api/session", proof, Session)
      app.tablet.setLocked(false)
    })
  const unlock = (proof: object) =>
    attempt(async () => {
      await app.api.run("POST", "/api/session/unlock", proof)
      app.tablet.setLocked(false)
    })

  function choose(person: Pick<TabletPerson, "id" | "name" | "language">, badge?: string): void {
    failed.value = undefined
    // The pad speaks the person's language already.
    app.prefs.language.value = person.language
    step.value = { at: "pin", person, ...(badge !== undefined && { badge }) }
  }

  async function onBadge(badge: string): Promise<void> {
    scanning.value = false
    failed.value = undefined
    try {
      choose(await app.api.post("/api/tablet/badge", { badge }, TabletPerson), badge)
    } catch (error) {
      failed.value = asTrouble(error)
    }
  }
  const latest = useRef(onBadge)
  latest.current = onBadge

  useEffect(() => {
    const reader = createBadgeReader()
    const onKey = (event: KeyboardEvent) => {
      const badge = reader.feed(event.code, event.timeStamp)
      if (badge === undefined) return
      event.preventDefault()
      event.stopPropagation()
      void latest.current(badge)
    }
    // Before the pad, which would take the reader's Enter for a finished PIN.
    addEventListener("keydown", onKey, { capture: true })
    return () => removeEventListener("keydown", onKey, { capture: true })
  }, [])

  const now = step.value
  const canScan = navigator.mediaDevices !== undefined
  return (
    <>
      {failed.value && <TroubleNote trouble={failed.value} />}
      {current && failed.value?.code === "network" && (
        <div class="note">
          <div class="note-text">
            <p>{words.tablet.lockedAway(current.name)}</p>
          </div>
          <Button
            onClick={() => {
              app.tablet.setLocked(false)
              onDone?.()
            }}
            testid="lock-away"
          >
            {words.tablet.goOnAs(current.name)}
          </Button>
        </div>
      )}
      {now.at === "tiles" && (
        <>
          {people.length === 0 && <p class="muted">{words.tablet.nobody}</p>}
          <ul class="tiles">
            {people.map((person) => (
              <li key={person.id}>
                <button
                  type="button"
                  class="tile"
                  lang={person.language}
                  onClick={() => choose(person)}
                  data-testid="tablet-tile"
                >
                  <span class="tile-sign" aria-hidden="true">
                    {[...person.name.trim()].slice(0, 1)}
                  </span>
                  <span class="tile-name">{person.name}</span>
                </button>
              </li>
            ))}
          </ul>
          <p class="muted tablet-badge-hint">
            <Icon name="key" />
            {words.tablet.badgeHint}
          </p>
        </>
      )}
      {now.at === "pin" && (
        <>
          <h2 class="pin-name">{now.person.name}</h2>
          <PinPad
            key={now.person.id}
            busy={busy.value}
            onPin={(pin) => {
              if (current?.id === now.person.id) return unlock({ pin })
              return enter(now.badge === undefined ? { user: now.person.id, pin } : { badge: now.badge, pin })
            }}
          />
        </>
      )}
      {now.at === "password" && (
        <form
          onSubmit={(event) => {
            event.preventDefault()
            const own = current !== undefined && now.login === current.login
            void (own
              ? unlock({ password: password.value })
              : enter({ login: login.value.trim(), password: password.value }))
          }}
        >
          {now.login === "" ? (
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
          ) : (
            <h2 class="pin-name">{current?.name}</h2>
          )}
          <Field
            label={words.session.password}
            type="password"
            value={password.value}
            onValue={(value) => {
              password.value = value
            }}
            autocomplete="current-password"
            required
            testid="signin-password"
          />
          <Button look="primary" type="submit" busy={busy.value} testid="signin-submit">
            {busy.value ? words.session.signingIn : words.session.signIn}
          </Button>
        </form>
      )}
      <div class="tablet-ways">
        {now.at !== "tiles" && (
          <Button
            icon="people"
            onClick={() => {
              failed.value = undefined
              step.value = { at: "tiles" }
            }}
            testid="tablet-people"
          >
            {current ? words.tablet.somebodyElse : words.tablet.allPeople}
          </Button>
        )}
        {canScan && (
          <Button
            icon="image"
            onClick={() => {
              scanning.value = true
            }}
            testid="tablet-scan"
          >
            {words.tablet.scan}
          </Button>
        )}
        {now.at !== "password" && (
          <Button
            icon="key"
            onClick={() => {
              failed.value = undefined
              step.value = { at: "password", login: "" }
            }}
            testid="tablet-password"
          >
            {words.tablet.byPassword}
          </Button>
        )}
      </div>
      {scanning.value && (
        <ScanDialog
          onCode={(code) => void onBadge(code)}
          onClose={() => {
            scanning.value = false
          }}
        />
      )}
    </>
  )
}
