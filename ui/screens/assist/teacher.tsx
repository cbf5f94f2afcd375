import { useSignal } from "@preact/signals"
import { TeacherView } from "#contract/assist"
import { ModelView } from "#contract/registry"
import { asTrouble, type Trouble } from "../../api.ts"
import { useApp, useFormat, useWords } from "../../context.ts"
import { Loaded } from "../../parts/loaded.tsx"
import { Panel } from "../../parts/page.tsx"
import { TroubleNote } from "../../parts/states.tsx"
import { useResource } from "../../resource.ts"
import { useModelName } from "../models/models.screen.tsx"

/** Which model looks at waiting parts beside the one on the line. */
export function Teacher() {
  const { api } = useApp()
  const words = useWords()
  const format = useFormat()
  const nameOf = useModelName()
  const trouble = useSignal<Trouble | undefined>(undefined)
  const teacher = useResource("teacher", (s) => api.get("/api/assist/teacher", TeacherView, s), [
    "inspection",
    "rollout",
  ])
  const models = useResource("teachers", (s) => api.list("/api/models", ModelView, s), ["model"])
  const full = (model: ModelView) => `${nameOf(model)} · ${format.dateTime(model.created_at)}`

  async function name(digest: string) {
    trouble.value = undefined
    try {
      await api.run("PUT", "/api/assist/teacher", { model: digest === "" ? null : digest })
      teacher.reload()
    } catch (error) {
      trouble.value = asTrouble(error)
    }
  }
  return (
    <Panel title={words.assist.teacher}>
      <p class="muted">{words.assist.teacherLead}</p>
      {trouble.value && <TroubleNote trouble={trouble.value} />}
      <Loaded resource={models}>
        {(list) => (
          <label class="field">
            <span>{words.assist.teacherModel}</span>
            <select
              class="input"
              data-testid="assist-teacher"
              value={teacher.data.value?.teacher ?? ""}
              onChange={(event) => void name(event.currentTarget.value)}
            >
              <option value="">{words.assist.teacherNone}</option>
              {list.map((model) => (
                <option key={model.digest} value={model.digest}>
                  {full(model)}
                </option>
              ))}
            </select>
          </label>
        )}
      </Loaded>
      <ul class="rows">
        {(teacher.data.value?.runs ?? []).map((run) => (
          <li key={run.role} class="row">
            <div class="row-main">
              <span class="row-title">{words.assist.role[run.role]}</span>
              <span class="muted num">
                {words.assist.run(run.made, run.differed, run.waiting)}
                {run.failed > 0 && ` · ${words.assist.runFailed(run.failed)}`}
              </span>
            </div>
          </li>
        ))}
      </ul>
    </Panel>
  )
}
