import { Prelabel } from "#contract/assist"
import { useApp, useKindName, useWords } from "../../context.ts"
import { VerdictTag } from "../../parts/tag.tsx"
import { useResource } from "../../resource.ts"

/** What other models say of a part, beside the station's; nothing where none has looked. */
export function Prelabels({ id }: { id: string }) {
  const { api } = useApp()
  const words = useWords()
  const kindName = useKindName()
  const said = useResource(
    `prelabels ${id}`,
    (signal) => api.list(`/api/inspections/${id}/prelabels`, Prelabel, signal),
    ["label"],
  )
  return (
    <>
      {(said.data.value ?? []).map(({ role, model, verdict, findings }) => (
        <div key={`${role} ${model}`} data-testid="prelabel">
          <dt>
            {words.assist.role[role]}
            {role === "server" && ` ${model}`}
          </dt>
          <dd>
            <VerdictTag verdict={verdict.eval} />{" "}
            {words.common.and([...new Set(findings.map(({ kind }) => kindName(kind)))])}
          </dd>
        </div>
      ))}
    </>
  )
}
