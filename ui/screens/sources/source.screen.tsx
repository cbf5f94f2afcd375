import { useSignal } from "@preact/signals"
import { useLocation, useRoute } from "preact-iso"
import * as v from "valibot"
import { SourceProfile, SourceView, SourceWithToken } from "#contract/source"
import { asTrouble, type Trouble } from "../../api.ts"
import { useApp, useWords } from "../../context.ts"
import { useDeskWords } from "../../desk-words.ts"
import { Button, LinkButton } from "../../parts/button.tsx"
import { Confirm } from "../../parts/confirm.tsx"
import { Loaded } from "../../parts/loaded.tsx"
import { Page, Panel } from "../../parts/page.tsx"
import { TroubleNote } from "../../parts/states.tsx"
import { type Resource, useResource } from "../../resource.ts"
import { Connect } from "./connect.tsx"
import { type Draft, draftOf, foreignOf, profileOf } from "./draft.rules.ts"
import { Messages } from "./messages.tsx"
import { ProfileForm } from "./profile.form.tsx"
import { Quarantine } from "./quarantine.tsx"
import { Sample } from "./sample.tsx"
import { SourceTag } from "./sources.screen.tsx"
import { useSourceWords } from "./words.ts"

/** One source: its last messages beside the profile that reads them. */
export function SourceScreen() {
  const { api } = useApp()
  const texts = useDeskWords().sources
  const say = useSourceWords()
  const id = useRoute().params.id ?? ""
  const source = useResource(`source ${id}`, (s) => api.get(`/api/sources/${id}`, SourceView, s), ["source"])
  const known = source.data.value
  return (
    <Page
      title={known?.name ?? id}
      back={
        <LinkButton href="/sources" look="quiet" icon="back">
          {texts.title}
        </LinkButton>
      }
      lead={
        known && (
          <span class="source-lead">
            <SourceTag source={known} /> {known.id} · {say.preset(known.preset)}
          </span>
        )
      }
    >
      <Loaded resource={source}>{(found) => <Source source={found} resource={source} />}</Loaded>
    </Page>
  )
}

function Source({ source, resource }: { source: SourceView; resource: Resource<SourceView> }) {
  const { api } = useApp()
  const { route } = useLocation()
  const words = useWords()
  const texts = useDeskWords().sources
  const draft = useSignal<Draft>(draftOf(source.profile, source.foreign_topics))
  const busy = useSignal(false)
  const saved = useSignal(false)
  const trouble = useSignal<Trouble | undefined>(undefined)
  const token = useSignal<string | undefined>(undefined)
  const asking = useSignal<"token" | "off" | "remove" | null>(null)

  async function change(patch: object) {
    busy.value = true
    trouble.value = undefined
    try {
      await api.patch(`/api/sources/${source.id}`, patch, SourceView)
      resource.reload()
      saved.value = true
    } catch (error) {
      trouble.value = asTrouble(error)
    } finally {
      busy.value = false
    }
  }

  async function save() {
    const profile = v.safeParse(SourceProfile, profileOf(draft.value))
    if (profile.success) return change({ profile: profile.output, foreign_topics: foreignOf(draft.value) })
    const path = v.getDotPath(profile.issues[0]) ?? ""
    trouble.value = { code: "invalid", key: "input", params: { path } }
  }

  return (
    <div class="source">
      <div class="source-side">
        <Panel title={texts.last} aside={<span class="muted">{texts.lastHint}</span>}>
          <Messages id={source.id} />
        </Panel>
        <Panel title={texts.quarantineTitle}>
          <Quarantine id={source.id} />
        </Panel>
      </div>
      <div class="source-side">
        <Panel
          title={texts.connect}
          aside={
            <div class="page-actions">
              {source.enabled ? (
                <Button
                  look="quiet"
                  icon="pause"
                  onClick={() => {
                    asking.value = "off"
                  }}
                >
                  {texts.turnOff}
                </Button>
              ) : (
                <Button icon="play" onClick={() => void change({ enabled: true })}>
                  {texts.turnOn}
                </Button>
              )}
              {source.profile.kind !== "folder" && (
                <Button
                  icon="key"
                  onClick={() => {
                    asking.value = "token"
                  }}
                  testid="source-renew"
                >
                  {texts.renew}
                </Button>
              )}
            </div>
          }
        >
          {token.value !== undefined && <p class="muted">{texts.tokenOnce}</p>}
          <Connect source={source} {...(token.value !== undefined && { token: token.value })} />
        </Panel>
        <Panel title={texts.profile}>
          <form
            onSubmit={(event) => {
              event.preventDefault()
              void save()
            }}
          >
            <ProfileForm
              draft={draft.value}
              onDraft={(next) => {
                draft.value = next
                saved.value = false
              }}
            >
              {trouble.value && <TroubleNote trouble={trouble.value} />}
              <Button look="primary" type="submit" icon="check" busy={busy.value} testid="source-save">
                {saved.value ? texts.saved : words.common.save}
              </Button>
            </ProfileForm>
          </form>
        </Panel>
        <Panel title={texts.sampleTitle} aside={<span class="muted">{texts.sampleHint}</span>}>
          <Sample id={source.id} draft={draft.value} />
        </Panel>
        <div class="page-actions">
          <Button
            look="quiet"
            onClick={() => {
              asking.value = "remove"
            }}
            testid="source-remove"
          >
            {words.devices.remove.open}
          </Button>
        </div>
      </div>
      {asking.value === "token" && (
        <Confirm
          title={texts.renewTitle}
          body={texts.renewBody}
          yes={texts.renew}
          danger
          testid="source-renew-confirm"
          onYes={async () => {
            const made = await api.post(`/api/sources/${source.id}/token`, undefined, SourceWithToken)
            token.value = made.token
          }}
          onClose={() => {
            asking.value = null
          }}
        />
      )}
      {asking.value === "remove" && (
        <Confirm
          title={words.devices.remove.title(source.name)}
          body={
            <>
              {words.devices.remove.body} {source.waiting > 0 && words.devices.remove.halves(source.waiting)}
            </>
          }
          yes={words.devices.remove.yes}
          danger
          testid="source-remove-confirm"
          onYes={async () => {
            await api.run("DELETE", `/api/sources/${source.id}`)
            route("/sources")
          }}
          onClose={() => {
            asking.value = null
          }}
        />
      )}
      {asking.value === "off" && (
        <Confirm
          title={texts.offTitle}
          body={texts.offBody}
          yes={texts.turnOff}
          danger
          testid="source-off-confirm"
          onYes={async () => {
            await api.patch(`/api/sources/${source.id}`, { enabled: false }, SourceView)
            resource.reload()
          }}
          onClose={() => {
            asking.value = null
          }}
        />
      )}
    </div>
  )
}
