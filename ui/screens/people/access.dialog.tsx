import { useSignal } from "@preact/signals"
import { Badge, type PersonAccess } from "#contract/tablets"
import type { User } from "#contract/users"
import { asTrouble, type Trouble } from "../../api.ts"
import { useApp, useWords } from "../../context.ts"
import { Button } from "../../parts/button.tsx"
import { Dialog } from "../../parts/dialog.tsx"
import { Field } from "../../parts/field.tsx"
import { TroubleNote } from "../../parts/states.tsx"
import { BadgeCard, printSheet } from "./badge-card.tsx"

/** What one person shows at a tablet: a PIN, and a badge if the plant has them. */
export function AccessDialog({
  user,
  access,
  onClose,
}: {
  user: User
  access: PersonAccess | undefined
  onClose: () => void
}) {
  const { api } = useApp()
  const words = useWords().tablet
  const pin = useSignal("")
  const badge = useSignal("")
  const made = useSignal<Badge | null>(null)
  const said = useSignal("")
  const busy = useSignal(false)
  const trouble = useSignal<Trouble | undefined>(undefined)

  async function change(work: () => Promise<string>) {
    busy.value = true
    trouble.value = undefined
    said.value = ""
    try {
      said.value = await work()
    } catch (error) {
      trouble.value = asTrouble(error)
    } finally {
      busy.value = false
    }
  }
  const setPin = () =>
    change(async () => {
      await api.run("PUT", `/api/users/${user.id}/pin`, { pin: pin.value })
      pin.value = ""
      return words.pinSet(user.name)
    })
  const setBadge = (code?: string) =>
    change(async () => {
      const body = code === undefined ? {} : { code }
      const answer = await api.put(`/api/users/${user.id}/badge`, body, Badge)
      made.value = code === undefined ? answer : null
      badge.value = ""
      return words.badgeSet(user.name)
    })

  return (
    <Dialog title={`${user.name} · ${words.access}`} onClose={onClose}>
      {trouble.value && <TroubleNote trouble={trouble.value} />}
      {said.value !== "" && <p role="status">{said.value}</p>}
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault()
          void setPin()
        }}
      >
        <Field
          label={access?.pin ? words.pinNew : words.pinFirst}
          hint={words.pinHint}
          type="password"
          value={pin.value}
          onValue={(value) => {
            pin.value = value
          }}
          pattern="[0-9]{4,6}"
          maxLength={6}
          autocomplete="off"
          required
          testid="access-pin"
        />
        <div class="form-row">
          <Button look="primary" type="submit" busy={busy.value} testid="access-pin-set">
            {words.pinSave}
          </Button>
          {access?.pin && (
            <Button
              onClick={() =>
                void change(async () => {
                  await api.run("DELETE", `/api/users/${user.id}/pin`)
                  return words.pinGone(user.name)
                })
              }
            >
              {words.pinRemove}
            </Button>
          )}
        </div>
      </form>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault()
          void setBadge(badge.value)
        }}
      >
        <Field
          label={words.badgeOwn}
          hint={words.badgeOwnHint}
          value={badge.value}
          onValue={(value) => {
            badge.value = value
          }}
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
          minLength={8}
          maxLength={128}
          required
          testid="access-badge"
        />
        <div class="form-row">
          <Button type="submit" busy={busy.value} testid="access-badge-set">
            {words.badgeSave}
          </Button>
          <Button icon="plus" onClick={() => void setBadge()} testid="access-badge-make">
            {words.badgeMake}
          </Button>
          {access?.badge && (
            <Button
              onClick={() =>
                void change(async () => {
                  await api.run("DELETE", `/api/users/${user.id}/badge`)
                  return words.badgeGone(user.name)
                })
              }
            >
              {words.badgeRemove}
            </Button>
          )}
        </div>
      </form>
      {made.value && (
        <>
          <div class="badges" data-testid="badges">
            <BadgeCard badge={made.value} />
          </div>
          <p>{words.badgeOnce}</p>
          <Button onClick={printSheet}>{words.print}</Button>
        </>
      )}
    </Dialog>
  )
}
