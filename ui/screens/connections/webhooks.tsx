import { useSignal } from "@preact/signals"
import type * as v from "valibot"
import { Webhook, type WebhookEvent, WebhookWithSecret, webhookEvents } from "#contract/webhook"
import { asTrouble, type Trouble } from "../../api.ts"
import { useApp } from "../../context.ts"
import { useDeskWords } from "../../desk-words.ts"
import { Button } from "../../parts/button.tsx"
import { Confirm } from "../../parts/confirm.tsx"
import { Field } from "../../parts/field.tsx"
import { Icon } from "../../parts/icon.tsx"
import { Loaded } from "../../parts/loaded.tsx"
import { Panel } from "../../parts/page.tsx"
import { TroubleNote } from "../../parts/states.tsx"
import { Tag } from "../../parts/tag.tsx"
import { useResource } from "../../resource.ts"
import { Deliveries } from "./deliveries.dialog.tsx"
import { Once } from "./once.tsx"

type Made = v.InferOutput<typeof WebhookWithSecret>

/** Addresses that are told what happens here, ours and those that programs of Label Studio have made. */
export function Webhooks() {
  const { api } = useApp()
  const w = useDeskWords().connections
  const hooks = useResource("webhooks", (s) => api.list("/api/webhooks", Webhook, s))
  const trouble = useSignal<Trouble | undefined>(undefined)
  const made = useSignal<Made | null>(null)
  const ending = useSignal<Webhook | null>(null)
  const looking = useSignal<Webhook | null>(null)

  async function attempt(work: () => Promise<unknown>): Promise<boolean> {
    trouble.value = undefined
    try {
      await work()
      return true
    } catch (error) {
      trouble.value = asTrouble(error)
      return false
    } finally {
      hooks.reload()
    }
  }
  const outside = trouble.value?.key === "webhook_url"
  return (
    <Panel title={w.webhooks}>
      <div class="form">
        <p class="muted">{w.webhooksLead}</p>
        <Loaded resource={hooks}>
          {(list) =>
            list.length === 0 ? (
              <p class="muted">{w.webhooksNone}</p>
            ) : (
              <ul class="rows">
                {list.map((hook) => (
                  <li key={hook.id} class="row" data-testid="connections-webhook" data-active={hook.active}>
                    <div class="row-main">
                      <span class="row-title connections-url">{hook.url}</span>
                      <span class="tags">
                        <Tag>{w.shapes[hook.shape]}</Tag>
                        {!hook.active && (
                          <Tag tone="unsure" icon="pause">
                            {w.paused}
                          </Tag>
                        )}
                        {hook.due > 0 && <Tag>{w.due(hook.due)}</Tag>}
                        {hook.dead > 0 && (
                          <Tag tone="ng" icon="warning">
                            {w.dead(hook.dead)}
                          </Tag>
                        )}
                      </span>
                      <span class="muted small">
                        {hook.events === null
                          ? w.everything
                          : hook.events.map((event) => w.events[event as WebhookEvent] ?? event).join(", ")}
                      </span>
                    </div>
                    <div class="wizard-actions">
                      <Button
                        onClick={() => {
                          looking.value = hook
                        }}
                        testid="connections-deliveries"
                      >
                        {w.deliveries}
                      </Button>
                      <Button
                        icon={hook.active ? "pause" : "play"}
                        onClick={() =>
                          void attempt(() =>
                            api.patch(`/api/webhooks/${hook.id}`, { active: !hook.active }, Webhook),
                          )
                        }
                        testid="connections-webhook-pause"
                      >
                        {hook.active ? w.pause : w.resume}
                      </Button>
                      <Button
                        onClick={() => {
                          ending.value = hook
                        }}
                        testid="connections-webhook-end"
                      >
                        {w.end}
                      </Button>
                    </div>
                  </li>
                ))}
              </ul>
            )
          }
        </Loaded>
        <Add
          onAdd={(asked) =>
            attempt(async () => {
              made.value = await api.post("/api/webhooks", asked, WebhookWithSecret)
            })
          }
        />
        {trouble.value && !outside && <TroubleNote trouble={trouble.value} />}
        {outside && (
          <div class="note note-trouble" role="alert">
            <Icon name="warning" />
            <p class="note-text">{w.outside}</p>
          </div>
        )}
      </div>
      {made.value && (
        <Once
          title={w.webhookMade}
          text={made.value.secret}
          use={w.checkHint}
          onClose={() => {
            made.value = null
          }}
        />
      )}
      {looking.value && (
        <Deliveries
          hook={looking.value}
          onClose={() => {
            looking.value = null
            hooks.reload()
          }}
        />
      )}
      {ending.value && (
        <Confirm
          title={w.endWebhook}
          body={w.endWebhookBody(ending.value.due)}
          yes={w.end}
          danger
          onYes={async () => {
            await api.run("DELETE", `/api/webhooks/${ending.value?.id}`)
            hooks.reload()
          }}
          onClose={() => {
            ending.value = null
          }}
          testid="connections-webhook-end-yes"
        />
      )}
    </Panel>
  )
}

function Add({ onAdd }: { onAdd: (asked: { url: string; events: WebhookEvent[] }) => Promise<boolean> }) {
  const w = useDeskWords().connections
  const url = useSignal("")
  const events = useSignal<ReadonlySet<WebhookEvent>>(new Set(["label"]))
  const busy = useSignal(false)
  async function add() {
    busy.value = true
    const chosen = webhookEvents.filter((event) => events.value.has(event))
    if (await onAdd({ url: url.value, events: chosen })) url.value = ""
    busy.value = false
  }
  return (
    <details class="assist-add">
      <summary class="button button-plain" data-testid="connections-webhook-add">
        {w.addWebhook}
      </summary>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault()
          void add()
        }}
      >
        <Field
          label={w.url}
          hint={w.urlHint}
          value={url.value}
          onValue={(text) => {
            url.value = text.trim()
          }}
          required
          maxLength={2048}
          spellcheck={false}
          autocapitalize="none"
          testid="connections-webhook-url"
        />
        <fieldset class="field">
          <legend>{w.hear}</legend>
          <div class="form-two">
            {webhookEvents.map((event) => (
              <label key={event} class="check">
                <input
                  type="checkbox"
                  checked={events.value.has(event)}
                  onChange={() => {
                    const next = new Set(events.value)
                    if (!next.delete(event)) next.add(event)
                    events.value = next
                  }}
                />
                <span>{w.events[event]}</span>
              </label>
            ))}
          </div>
        </fieldset>
        <Button
          type="submit"
          look="primary"
          busy={busy.value}
          disabled={url.value === "" || events.value.size === 0}
          testid="connections-webhook-make"
        >
          {w.addWebhook}
        </Button>
      </form>
    </details>
  )
}
