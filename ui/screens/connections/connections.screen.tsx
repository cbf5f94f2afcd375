import { useMay, useWords } from "../../context.ts"
import { useDeskWords } from "../../desk-words.ts"
import { Icon } from "../../parts/icon.tsx"
import { Page } from "../../parts/page.tsx"
import { Keys } from "./keys.tsx"
import { Servers } from "./servers.tsx"
import { Webhooks } from "./webhooks.tsx"

/** Programs that work with this hub: the keys they come in with, and the addresses that are told what happens. */
export function ConnectionsScreen() {
  const words = useWords()
  const w = useDeskWords().connections
  const admin = useMay("admin")
  const engineer = useMay("engineer")
  return (
    <Page
      title={w.title}
      lead={w.lead}
      back={
        <a class="icon-button" href="/settings" aria-label={words.common.back}>
          <Icon name="back" />
        </a>
      }
    >
      <div class="connections">
        <Keys />
        {engineer && <Servers />}
        {admin && <Webhooks />}
      </div>
    </Page>
  )
}
