import { useSignal } from "@preact/signals"
import { PersonAccess } from "#contract/tablets"
import { User } from "#contract/users"
import { asTrouble, type Trouble } from "../../api.ts"
import { useApp, useMay, useWords } from "../../context.ts"
import { languageNames } from "../../i18n/format.ts"
import { Button } from "../../parts/button.tsx"
import { Loaded } from "../../parts/loaded.tsx"
import { Page } from "../../parts/page.tsx"
import { TroubleNote } from "../../parts/states.tsx"
import { Tag } from "../../parts/tag.tsx"
import { useResource } from "../../resource.ts"
import { AccessDialog } from "./access.dialog.tsx"
import { AddDialog } from "./add.dialog.tsx"
import { BadgesDialog } from "./badges.dialog.tsx"
import { TabletsPanel } from "./tablets.tsx"

type Open = { show: "none" } | { show: "add" } | { show: "access"; user: User } | { show: "badges" }

export function PeopleScreen() {
  const { api, session } = useApp()
  const words = useWords()
  const admin = useMay("admin")
  const open = useSignal<Open>({ show: "none" })
  const trouble = useSignal<Trouble | undefined>(undefined)
  const people = useResource("people", (s) => api.list("/api/users", User, s))
  const access = useResource("access", (s) => api.list("/api/tablets/people", PersonAccess, s))
  const accessOf = (id: string) => access.data.value?.find((row) => row.user_id === id)
  const close = () => {
    open.value = { show: "none" }
    people.reload()
    access.reload()
  }

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
      {...(admin ? {} : { lead: words.tablet.engineerPeople })}
      actions={
        <>
          <Button
            icon="key"
            onClick={() => {
              open.value = { show: "badges" }
            }}
            testid="badges-print"
          >
            {words.tablet.badges}
          </Button>
          {admin && (
            <Button
              look="primary"
              icon="plus"
              onClick={() => {
                open.value = { show: "add" }
              }}
              testid="people-add"
            >
              {words.people.add}
            </Button>
          )}
        </>
      }
    >
      {trouble.value && <TroubleNote trouble={trouble.value} />}
      <Loaded resource={people}>
        {(list) => (
          <ul class="rows">
            {list.map((user) => {
              const has = accessOf(user.id)
              return (
                <li key={user.id} class="row" data-testid="people-item">
                  <div class="row-main">
                    <span class="row-title">{user.name}</span>
                    <span class="muted">{user.login}</span>
                  </div>
                  {user.disabled && <Tag>{words.people.disabled}</Tag>}
                  {has?.locked && (
                    <Tag tone="unsure" icon="warning">
                      {words.tablet.pinLocked}
                    </Tag>
                  )}
                  {has?.pin && !has.locked && <Tag icon="check">{words.tablet.pin}</Tag>}
                  {has?.badge && <Tag icon="check">{words.tablet.badge}</Tag>}
                  <Tag>{words.role[user.role]}</Tag>
                  <span class="muted">{languageNames[user.language]}</span>
                  {!user.disabled && (
                    <Button
                      onClick={() => {
                        open.value = { show: "access", user }
                      }}
                      testid="people-access"
                    >
                      {words.tablet.access}
                    </Button>
                  )}
                  {admin && user.id !== session.value?.user.id && (
                    <Button onClick={() => void setDisabled(user, !user.disabled)}>
                      {user.disabled ? words.people.enable : words.people.disable}
                    </Button>
                  )}
                </li>
              )
            })}
          </ul>
        )}
      </Loaded>
      <TabletsPanel />
      {open.value.show === "add" && <AddDialog onClose={close} />}
      {open.value.show === "badges" && (
        <BadgesDialog
          people={(people.data.value ?? []).filter((user) => !user.disabled && !accessOf(user.id)?.badge)}
          onClose={close}
        />
      )}
      {open.value.show === "access" && (
        <AccessDialog user={open.value.user} access={accessOf(open.value.user.id)} onClose={close} />
      )}
    </Page>
  )
}
