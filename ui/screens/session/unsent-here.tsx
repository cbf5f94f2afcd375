import { useApp, useWords } from "../../context.ts"
import { Icon } from "../../parts/icon.tsx"

/** What lies unsent on this tablet, whoever made it; nothing when all is on the hub. */
export function UnsentHere() {
  const app = useApp()
  const words = useWords().tablet
  const outbox = app.outbox.value
  const count = (outbox?.unsent.value ?? 0) + (outbox?.unsentOfOthers.value ?? 0)
  if (count === 0) return null
  return (
    <p class="unsent-here" role="status" data-testid="tablet-unsent" data-unsent={count}>
      <Icon name="cloudOff" />
      <span>{words.unsentHere(count)}</span>
    </p>
  )
}
