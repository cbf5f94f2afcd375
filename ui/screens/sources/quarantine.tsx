import { useSignal } from "@preact/signals"
import { QuarantinedMessage, SourceReceipt } from "#contract/source"
import { asTrouble, type Trouble } from "../../api.ts"
import { useApp, useFormat } from "../../context.ts"
import { useDeskWords } from "../../desk-words.ts"
import { Button } from "../../parts/button.tsx"
import { Loaded } from "../../parts/loaded.tsx"
import { TroubleNote } from "../../parts/states.tsx"
import { TechnicalDetail } from "../../parts/technical-detail.tsx"
import { useResource } from "../../resource.ts"
import { useSourceWords } from "./words.ts"

/** What was not understood: kept whole, so that it is not lost once the profile is right. */
export function Quarantine({ id }: { id: string }) {
  const { api } = useApp()
  const texts = useDeskWords().sources
  const format = useFormat()
  const say = useSourceWords()
  const busy = useSignal(false)
  const trouble = useSignal<Trouble | undefined>(undefined)
  const rows = useResource(
    `quarantine ${id}`,
    (s) => api.list(`/api/sources/${id}/quarantine`, QuarantinedMessage, s),
    ["source"],
  )

  async function retry(list: readonly QuarantinedMessage[]) {
    busy.value = true
    trouble.value = undefined
    try {
      // Oldest first, so that parts come in their order.
      for (const { n, whole } of list.toReversed())
        if (whole) await api.post(`/api/sources/${id}/quarantine/${n}/retry`, undefined, SourceReceipt)
    } catch (error) {
      trouble.value = asTrouble(error)
    } finally {
      busy.value = false
      rows.reload()
    }
  }

  return (
    <Loaded resource={rows}>
      {(list) =>
        list.length === 0 ? (
          <p class="muted">{texts.quarantineEmpty}</p>
        ) : (
          <>
            <p class="muted">{texts.quarantineBody}</p>
            {trouble.value && <TroubleNote trouble={trouble.value} />}
            <ul class="source-messages">
              {list.slice(0, 20).map((row) => (
                <li key={row.n} class="source-quarantined" data-testid="source-quarantined">
                  <div>
                    <p class="source-trouble">{say.reason(row.code)}</p>
                    <p class="muted small num">
                      {format.dateTime(row.at)} · {format.bytes(row.size)} · {row.topic}
                    </p>
                    <TechnicalDetail text={row.detail} />
                  </div>
                  {row.whole && (
                    <a class="button button-quiet" href={`/api/sources/${id}/quarantine/${row.n}`} download>
                      {texts.download}
                    </a>
                  )}
                </li>
              ))}
            </ul>
            <Button icon="history" busy={busy.value} onClick={() => void retry(list)} testid="source-retry">
              {texts.retryAll}
            </Button>
          </>
        )
      }
    </Loaded>
  )
}
