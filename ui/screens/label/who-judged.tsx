import { LabelRevision } from "#contract/labelling"
import { useApp, useFormat, useWords } from "../../context.ts"
import { Loaded } from "../../parts/loaded.tsx"
import { Tag, VerdictTag } from "../../parts/tag.tsx"
import { useResource } from "../../resource.ts"

/** Everything people ever said of a part: who, when, on which tablet, how long. Nothing is ever overwritten. */
export function WhoJudged({ inspection }: { inspection: string }) {
  const { api } = useApp()
  const words = useWords()
  const format = useFormat()
  const revisions = useResource(
    `revisions-${inspection}`,
    (s) => api.list(`/api/inspections/${inspection}/labels`, LabelRevision, s),
    ["label"],
  )
  return (
    <Loaded resource={revisions}>
      {(list) => (
        <ol class="revisions" data-testid="label-revisions">
          {list.map((revision) => (
            <li key={revision.id} class="revision">
              <span class="muted num">{revision.revision}</span>
              {revision.verdict === "withdrawn" ? (
                <Tag icon="undo">{words.tablet.withdrawn}</Tag>
              ) : (
                <VerdictTag verdict={revision.verdict} />
              )}
              <span>
                {revision.by.name}
                <span class="muted small revision-facts">
                  {[
                    format.dateTime(revision.decided_at),
                    revision.tablet?.name,
                    words.tablet.tookTime(format.duration(revision.active_ms / 1000)),
                  ]
                    .filter((fact) => fact !== undefined)
                    .join(" · ")}
                </span>
              </span>
              {revision.unseen !== undefined && (
                <Tag tone="unsure" icon="clock">
                  {words.tablet.late}
                </Tag>
              )}
            </li>
          ))}
        </ol>
      )}
    </Loaded>
  )
}
