import { useSignal } from "@preact/signals"
import { useApp, useWords } from "../../context.ts"
import { Button } from "../../parts/button.tsx"
import { Icon } from "../../parts/icon.tsx"
import type { Queue } from "./queue.ts"

const dismissedKey = "crux.offline-note"

/** Says calmly how work without the network stands: cut off and going on, or not to be had on this address at all. */
export function OfflineNote({ queue }: { queue: Queue }) {
  const { live, tablet } = useApp()
  const words = useWords().tablet.offline
  const dismissed = useSignal(sessionStorage.getItem(dismissedKey) === "yes")
  const cut = !live.connected.value
  const parts = queue.stocked.value
  if (cut && parts > 0)
    return (
      <p class="offline-note banner-late" role="status" data-testid="label-offline">
        <Icon name="cloudOff" />
        {words.working(parts)}
      </p>
    )
  if (tablet.offline.value !== "insecure" || dismissed.value) return null
  return (
    <div class="offline-note" role="note" data-testid="label-insecure">
      <Icon name="cloudOff" />
      <span>{words.insecure}</span>
      <Button
        look="quiet"
        onClick={() => {
          sessionStorage.setItem(dismissedKey, "yes")
          dismissed.value = true
        }}
      >
        {words.understood}
      </Button>
    </div>
  )
}
