import { useSignal } from "@preact/signals"
import { EnrolmentRequest } from "#contract/fleet"
import { asTrouble, type Trouble } from "../../api.ts"
import { useApp, useFormat, useWords } from "../../context.ts"
import { Button } from "../../parts/button.tsx"
import { TroubleNote } from "../../parts/states.tsx"
import { Tag } from "../../parts/tag.tsx"
import { useResource } from "../../resource.ts"

/** Stations that have shown a code and wait for a person; nothing when there are none. */
export function WaitingStations() {
  const { api } = useApp()
  const words = useWords()
  const busy = useSignal<string | null>(null)
  const trouble = useSignal<Trouble | undefined>(undefined)
  const requests = useResource(
    "enrolment-requests",
    (s) => api.list("/api/enrolment-requests", EnrolmentRequest, s),
    ["device"],
  )
  const list = requests.data.value ?? []
  if (list.length === 0) return null

  async function decide(id: string, word: "approve" | "refuse") {
    busy.value = id
    trouble.value = undefined
    try {
      await api.run("POST", `/api/enrolment-requests/${id}/${word}`)
    } catch (error) {
      trouble.value = asTrouble(error)
    } finally {
      busy.value = null
      requests.reload()
    }
  }
  return (
    <section class="waiting-stations">
      <h2>{words.stations.waitingTitle}</h2>
      <p class="muted">{words.stations.waitingHint}</p>
      {trouble.value && <TroubleNote trouble={trouble.value} />}
      <ul class="rows">
        {list.map((request) => (
          <Waiting
            key={request.id}
            request={request}
            busy={busy.value === request.id}
            onDecide={(word) => void decide(request.id, word)}
          />
        ))}
      </ul>
    </section>
  )
}

function Waiting({
  request,
  busy,
  onDecide,
}: {
  request: EnrolmentRequest
  busy: boolean
  onDecide: (word: "approve" | "refuse") => void
}) {
  const { now } = useApp()
  const words = useWords()
  const format = useFormat()
  return (
    <li class="row row-strong" data-testid="station-waiting">
      <div class="row-main">
        <span class="row-title">{request.name}</span>
        <span class="muted">
          {request.device} · {request.address} · {format.ago(request.asked_at, now.value)}
        </span>
      </div>
      <span class="fingerprint num" data-testid="station-fingerprint">
        {request.fingerprint}
      </span>
      {request.replaces && (
        <Tag tone="unsure" icon="warning">
          {words.stations.replaces}
        </Tag>
      )}
      <Button onClick={() => onDecide("refuse")} busy={busy} testid="station-refuse">
        {words.stations.refuse}
      </Button>
      <Button
        look="primary"
        icon="check"
        onClick={() => onDecide("approve")}
        busy={busy}
        testid="station-approve"
      >
        {words.stations.approve}
      </Button>
    </li>
  )
}
