import { useApp, useWords } from "../../context.ts"
import { Button } from "../../parts/button.tsx"
import { Panel } from "../../parts/page.tsx"
import { Tag } from "../../parts/tag.tsx"

/** What this tablet is, whether it works without the network, and what lies on it. */
export function TabletPanel() {
  const { tablet, outbox } = useApp()
  const words = useWords().tablet
  const name = tablet.face.value?.tablet?.name
  const state = tablet.offline.value
  const box = outbox.value
  const unsent = (box?.unsent.value ?? 0) + (box?.unsentOfOthers.value ?? 0)
  return (
    <Panel title={words.thisTablet}>
      <div class="tablet-facts">
        <p>{name === undefined ? words.notEnrolled : words.enrolledAs(name)}</p>
        <p data-testid="tablet-offline-state" data-state={state}>
          <Tag tone={state === "ready" ? "ok" : "neutral"} icon={state === "ready" ? "check" : "cloudOff"}>
            {words.offlineState[state]}
          </Tag>
        </p>
        {state === "insecure" && <p class="muted">{words.offline.insecure}</p>}
        <p>{unsent === 0 ? words.nothingUnsent : words.unsentHere(unsent)}</p>
        {tablet.outdated.value && (
          <Button look="primary" onClick={tablet.renew} testid="tablet-renew">
            {words.renew}
          </Button>
        )}
      </div>
    </Panel>
  )
}
