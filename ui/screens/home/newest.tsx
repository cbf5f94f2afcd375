import { thumbUrl } from "../../api.ts"
import { useWords } from "../../context.ts"
import { Icon, VerdictMark } from "../../parts/icon.tsx"
import { Panel } from "../../parts/page.tsx"
import { useStream } from "../live/stream.ts"

/** What the line sees this moment, as pictures; the rest is one press away. */
export function Newest() {
  const words = useWords()
  const items = useStream()
    .items.value.filter((inspection) => inspection.image !== null)
    .slice(0, 16)
  if (items.length === 0) return null
  return (
    <Panel class="home-newest" title={words.live.stream}>
      <a class="newest" href="/live">
        <span class="visually-hidden">{words.nav.live}</span>
        {items.map((inspection) => (
          <span key={inspection.id} class="newest-item">
            <span class="thumb newest-thumb">
              {inspection.image ? (
                <img src={thumbUrl(inspection.image.sha256, 320)} alt="" />
              ) : (
                <Icon name="image" size={32} />
              )}
            </span>
            <span class="newest-verdict">
              <VerdictMark verdict={inspection.verdict.eval} size={18} />
              {words.verdict[inspection.verdict.eval]}
            </span>
          </span>
        ))}
      </a>
    </Panel>
  )
}
