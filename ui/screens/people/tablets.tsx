import { useSignal } from "@preact/signals"
import { Tablet, TabletSettings } from "#contract/tablets"
import { asTrouble, type Trouble } from "../../api.ts"
import { useApp, useFormat, useMay, useWords } from "../../context.ts"
import { Button } from "../../parts/button.tsx"
import { Confirm } from "../../parts/confirm.tsx"
import { Segmented } from "../../parts/field.tsx"
import { Loaded } from "../../parts/loaded.tsx"
import { Panel } from "../../parts/page.tsx"
import { Empty, TroubleNote } from "../../parts/states.tsx"
import { Tag } from "../../parts/tag.tsx"
import { useResource } from "../../resource.ts"
import { TabletCodeDialog } from "./tablet-code.dialog.tsx"

const lockAfter = ["0", "1", "3", "5", "10"] as const

/** The tablets people share, and what holds on all of them. */
export function TabletsPanel() {
  const { api, now } = useApp()
  const words = useWords()
  const format = useFormat()
  const tablets = useResource("tablets", (s) => api.list("/api/tablets", Tablet, s))
  const enrolling = useSignal(false)
  const revoking = useSignal<Tablet | null>(null)
  return (
    <>
      <Panel
        title={words.tablet.tablets}
        aside={
          <Button
            icon="plus"
            onClick={() => {
              enrolling.value = true
            }}
            testid="tablets-enrol"
          >
            {words.tablet.enrol}
          </Button>
        }
      >
        <Loaded resource={tablets}>
          {(list) =>
            list.length === 0 ? (
              <Empty icon="stations" title={words.tablet.none} body={words.tablet.noneBody} />
            ) : (
              <ul class="rows">
                {list.map((tablet) => (
                  <li key={tablet.id} class="row" data-testid="tablet-item">
                    <div class="row-main">
                      <span class="row-title">{tablet.name}</span>
                      <span class="muted small">
                        {words.tablet.enrolledBy(tablet.enrolled_by, format.dateTime(tablet.enrolled_at))}
                      </span>
                    </div>
                    {tablet.revoked ? (
                      <Tag>{words.tablet.revoked}</Tag>
                    ) : (
                      <>
                        <span class="muted">{format.ago(tablet.seen_at, now.value)}</span>
                        <Button
                          onClick={() => {
                            revoking.value = tablet
                          }}
                          testid="tablet-revoke"
                        >
                          {words.tablet.revoke}
                        </Button>
                      </>
                    )}
                  </li>
                ))}
              </ul>
            )
          }
        </Loaded>
      </Panel>
      <Rules />
      {enrolling.value && (
        <TabletCodeDialog
          onClose={() => {
            enrolling.value = false
            tablets.reload()
          }}
        />
      )}
      {revoking.value && (
        <Confirm
          title={words.tablet.revokeTitle(revoking.value.name)}
          body={words.tablet.revokeBody}
          yes={words.tablet.revoke}
          danger
          onYes={async () => {
            await api.run("DELETE", `/api/tablets/${revoking.value?.id}`)
            tablets.reload()
          }}
          onClose={() => {
            revoking.value = null
          }}
          testid="tablet-revoke-yes"
        />
      )}
    </>
  )
}

function Rules() {
  const { api } = useApp()
  const words = useWords()
  const admin = useMay("admin")
  const settings = useResource("tablet-settings", (s) => api.get("/api/tablets/settings", TabletSettings, s))
  const trouble = useSignal<Trouble | undefined>(undefined)

  async function change(next: TabletSettings) {
    trouble.value = undefined
    try {
      settings.data.value = await api.put("/api/tablets/settings", next, TabletSettings)
    } catch (error) {
      trouble.value = asTrouble(error)
    }
  }

  return (
    <Panel title={words.tablet.rules}>
      {trouble.value && <TroubleNote trouble={trouble.value} />}
      <Loaded resource={settings}>
        {(now) => (
          <div class="form">
            <Segmented
              label={words.tablet.lockAfter}
              value={String(now.idle_lock_minutes)}
              options={[...new Set([...lockAfter, String(now.idle_lock_minutes)])].map((value) => ({
                value,
                text: value === "0" ? words.tablet.lockNever : words.tablet.minutes(Number(value)),
              }))}
              onValue={(value) => void change({ ...now, idle_lock_minutes: Number(value) })}
              testid="tablet-lock-after"
            />
            <Segmented
              label={words.tablet.pinUpTo}
              value={now.pin_up_to}
              options={(["worker", "reviewer", ...(admin ? (["engineer"] as const) : [])] as const).map(
                (role) => ({
                  value: role,
                  text: words.tablet.upTo(words.role[role]),
                }),
              )}
              onValue={(pin_up_to) => void change({ ...now, pin_up_to })}
            />
            <p class="muted small">{words.tablet.pinUpToHint}</p>
          </div>
        )}
      </Loaded>
    </Panel>
  )
}
