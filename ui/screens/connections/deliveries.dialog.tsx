import { useSignal } from "@preact/signals"
import { type Webhook, WebhookDelivery } from "#contract/webhook"
import { asTrouble, type Trouble } from "../../api.ts"
import { useApp, useFormat } from "../../context.ts"
import { useDeskWords } from "../../desk-words.ts"
import { Button } from "../../parts/button.tsx"
import { Dialog } from "../../parts/dialog.tsx"
import { Loaded } from "../../parts/loaded.tsx"
import { TroubleNote } from "../../parts/states.tsx"
import { Tag, type Tone } from "../../parts/tag.tsx"
import { useResource } from "../../resource.ts"
import { WhyNot } from "./why-not.tsx"

const tones: Record<WebhookDelivery["state"], Tone> = { due: "unsure", delivered: "ok", dead: "ng" }

/** What was sent to one address, what waits, and what was given up. */
export function Deliveries({ hook, onClose }: { hook: Webhook; onClose: () => void }) {
  const { api } = useApp()
  const format = useFormat()
  const w = useDeskWords().connections
  const trouble = useSignal<Trouble | undefined>(undefined)
  const sent = useResource(`deliveries ${hook.id}`, (s) =>
    api.list(`/api/webhooks/${hook.id}/deliveries?limit=50`, WebhookDelivery, s),
  )
  async function again(id: string) {
    trouble.value = undefined
    try {
      await api.run("POST", `/api/webhook-deliveries/${id}/again`)
    } catch (error) {
      trouble.value = asTrouble(error)
    }
    sent.reload()
  }
  return (
    <Dialog
      title={w.deliveries}
      onClose={onClose}
      wide
      actions={<Button onClick={sent.reload}>{w.look}</Button>}
    >
      <p class="muted connections-url">{hook.url}</p>
      {trouble.value && <TroubleNote trouble={trouble.value} />}
      <Loaded resource={sent}>
        {(list) =>
          list.length === 0 ? (
            <p class="muted">{w.deliveriesNone}</p>
          ) : (
            <ul class="rows">
              {list.map((one) => (
                <li key={one.id} class="row" data-testid="connections-delivery" data-state={one.state}>
                  <Tag tone={tones[one.state]}>{w.states[one.state]}</Tag>
                  <div class="row-main">
                    <span class="row-title">{w.events[one.event as keyof typeof w.events] ?? one.event}</span>
                    <span class="muted small num">
                      {format.dateTime(one.created_at)} · {w.attempts(one.attempts)}
                      {one.next_at !== null && one.attempts > 0 && ` · ${w.next(format.clock(one.next_at))}`}
                    </span>
                    {one.last_error !== null && <WhyNot error={one.last_error} />}
                  </div>
                  {one.state === "dead" && (
                    <Button onClick={() => void again(one.id)} testid="connections-again">
                      {w.again}
                    </Button>
                  )}
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
    </Dialog>
  )
}
