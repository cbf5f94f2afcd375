import { useSignal } from "@preact/signals"
import type * as v from "valibot"
import { type KeyScope, ProgramKey, ProgramKeyWithToken } from "#contract/label-studio"
import { asTrouble, type Trouble } from "../../api.ts"
import { useApp, useFormat } from "../../context.ts"
import { useDeskWords } from "../../desk-words.ts"
import { Button } from "../../parts/button.tsx"
import { Confirm } from "../../parts/confirm.tsx"
import { Segmented } from "../../parts/field.tsx"
import { Loaded } from "../../parts/loaded.tsx"
import { Panel } from "../../parts/page.tsx"
import { TroubleNote } from "../../parts/states.tsx"
import { Tag } from "../../parts/tag.tsx"
import { useResource } from "../../resource.ts"
import { Once } from "./once.tsx"

type Made = v.InferOutput<typeof ProgramKeyWithToken>
const example = (token: string) =>
  `from label_studio_sdk import LabelStudio\n\nLabelStudio(\n  base_url="${location.origin}/label-studio",\n  api_key="${token.slice(0, 6)}…",\n)`

const scopes: readonly KeyScope[] = ["read", "label", "train", "full"]
const daysUntil = (at: number) => Math.max(0, Math.ceil((at - Date.now()) / 86_400_000))

/** A person's own keys for programs: made, shown once, ended. */
export function Keys() {
  const { api } = useApp()
  const format = useFormat()
  const w = useDeskWords().connections
  const keys = useResource("program keys", (s) => api.list("/api/label-studio/keys", ProgramKey, s))
  const kind = useSignal<ProgramKey["kind"]>("refresh")
  const scope = useSignal<KeyScope>("label")
  const busy = useSignal(false)
  const made = useSignal<Made | null>(null)
  const ending = useSignal<ProgramKey | null>(null)
  const trouble = useSignal<Trouble | undefined>(undefined)

  async function make() {
    busy.value = true
    trouble.value = undefined
    try {
      made.value = await api.post(
        "/api/label-studio/keys",
        { kind: kind.value, scope: scope.value },
        ProgramKeyWithToken,
      )
      keys.reload()
    } catch (error) {
      trouble.value = asTrouble(error)
    } finally {
      busy.value = false
    }
  }
  return (
    <Panel title={w.keys}>
      <div class="form">
        <p class="muted">{w.keysLead}</p>
        <Loaded resource={keys}>
          {(list) =>
            list.length === 0 ? (
              <p class="muted">{w.keysNone}</p>
            ) : (
              <ul class="rows">
                {list.map((key) => (
                  <li key={key.id} class="row" data-testid="connections-key">
                    <div class="row-main">
                      <span class="row-title">
                        {w.kinds[key.kind]} <Tag>{key.id.slice(0, 8)}</Tag> <Tag>{w.scopes[key.scope]}</Tag>
                      </span>
                      <span class="muted num">
                        {w.made(format.dateTime(key.created_at))} ·{" "}
                        {key.ends_at === null ? w.endless : w.ends(daysUntil(key.ends_at))} ·{" "}
                        {key.used_at === null ? w.unused : w.used(format.dateTime(key.used_at))}
                      </span>
                    </div>
                    <Button
                      onClick={() => {
                        ending.value = key
                      }}
                      testid="connections-key-end"
                    >
                      {w.end}
                    </Button>
                  </li>
                ))}
              </ul>
            )
          }
        </Loaded>
        <Segmented
          label={w.kind}
          value={kind.value}
          options={(["refresh", "legacy"] as const).map((value) => ({ value, text: w.kinds[value] }))}
          onValue={(value) => {
            kind.value = value
          }}
        />
        <p class="small muted">{w.kindHints[kind.value]}</p>
        <Segmented
          label={w.scope}
          value={scope.value}
          options={scopes.map((value) => ({ value, text: w.scopes[value] }))}
          onValue={(value) => {
            scope.value = value
          }}
          testid="connections-key-scope"
        />
        <p class="small muted">{w.scopeHints[scope.value]}</p>
        {trouble.value && <TroubleNote trouble={trouble.value} />}
        <div class="wizard-actions">
          <Button icon="key" busy={busy.value} onClick={() => void make()} testid="connections-key-make">
            {w.makeKey}
          </Button>
        </div>
      </div>
      {made.value && (
        <Once
          title={w.keyMade}
          text={made.value.token}
          use={example(made.value.token)}
          onClose={() => {
            made.value = null
          }}
        />
      )}
      {ending.value && (
        <Confirm
          title={w.endKey}
          body={w.endKeyBody}
          yes={w.end}
          danger
          onYes={async () => {
            await api.run("DELETE", `/api/label-studio/keys/${ending.value?.id}`)
            keys.reload()
          }}
          onClose={() => {
            ending.value = null
          }}
          testid="connections-key-end-yes"
        />
      )}
    </Panel>
  )
}
