import { useSignal } from "@preact/signals"
import { Presence } from "#contract/review"
import { useApp, useWords } from "../../context.ts"
import { Button } from "../../parts/button.tsx"
import { Icon } from "../../parts/icon.tsx"
import { useResource } from "../../resource.ts"
import type { Labelling } from "./labelling.ts"

/** Of fifty people somebody takes up a part many times a second, and the tablet has a part to show. */
const everyMs = 2_500

/** The other people: who is on this part too, what a reviewer says of it, and whom the last verdict met. */
export function Neighbours({ work }: { work: Labelling }) {
  const { api, session, now, outbox } = useApp()
  const words = useWords()
  const presence = useResource(
    "presence",
    (s) => api.list("/api/labelling/presence", Presence, s),
    ["presence", "label"],
    everyMs,
  )
  const task = work.held.value?.task
  const own = session.value?.user.id
  const others = (presence.data.value ?? []).filter(({ by, until }) => by.id !== own && until > now.value)
  const here = others.filter(({ inspection_id }) => inspection_id === task?.inspection.id)
  const busy = new Set(others.filter(({ doing }) => doing === "labelling").map(({ by }) => by.id)).size
  const dismissed = useSignal("")
  const last = [...(outbox.value?.receipts.value.values() ?? [])].findLast((receipt) => receipt.met)
  const met = last && last.id !== dismissed.value ? last.met : undefined
  return (
    <div class="neighbours" role="status">
      {task?.returned && (
        <p class="neighbour neighbour-strong" data-testid="label-returned">
          <Icon name="undo" />
          <span>{words.together.returnedBy(task.returned.by, task.returned.reason)}</span>
        </p>
      )}
      {here.map(({ by, doing }) => (
        <p key={by.id} class="neighbour neighbour-strong" data-testid="label-others">
          <Icon name="people" />
          <span>
            {doing === "labelling"
              ? words.together.labellingHereBy(by.name)
              : words.together.alsoHereBy(by.name)}
          </span>
        </p>
      ))}
      {here.length === 0 && busy > 0 && (
        <p class="neighbour">
          <Icon name="people" size={18} />
          <span>{words.together.working(busy)}</span>
        </p>
      )}
      {met && (
        <div class="neighbour neighbour-strong" data-testid="label-met" data-outcome={met.outcome}>
          <Icon name={met.outcome === "disputed" ? "warning" : "check"} />
          <span>
            {met.outcome === "agreed" && words.together.met.agreedBy(met.by)}
            {met.outcome === "merged" && words.together.met.mergedBy(met.by)}
            {met.outcome === "disputed" && words.together.met.disputedBy(met.by, words.verdict[met.verdict])}
          </span>
          <Button
            onClick={() => {
              dismissed.value = last?.id ?? ""
            }}
          >
            {words.together.dismiss}
          </Button>
        </div>
      )}
    </div>
  )
}
