import { useDeskWords } from "../../desk-words.ts"
import { LinkButton } from "../../parts/button.tsx"
import { Panel } from "../../parts/page.tsx"

/** The way to the programs that work with this hub. */
export function ConnectionsLink() {
  const w = useDeskWords().connections
  return (
    <Panel title={w.title}>
      <p class="muted">{w.lead}</p>
      <LinkButton href="/connections" icon="link" testid="settings-connections">
        {w.open}
      </LinkButton>
    </Panel>
  )
}
