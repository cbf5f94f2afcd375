import { useSignal } from "@preact/signals"
import { useEffect } from "preact/hooks"
import { ProjectName, SetupOfConfig } from "#contract/label-studio"
import { asTrouble, type Trouble } from "../../api.ts"
import { useApp } from "../../context.ts"
import { useDeskWords } from "../../desk-words.ts"
import { Button } from "../../parts/button.tsx"
import { Select, TextField } from "../../parts/field.tsx"
import { TroubleNote } from "../../parts/states.tsx"
import { TechnicalDetail } from "../../parts/technical-detail.tsx"

/** Takes tools and questions out of a labelling config of Label Studio: of a project that is here, or as it is pasted. */
export function LabelStudioSetup({ onRead }: { onRead: (setup: SetupOfConfig) => void }) {
  const { api } = useApp()
  const w = useDeskWords().labelConfig
  const projects = useSignal<ProjectName[]>([])
  const project = useSignal("")
  const config = useSignal("")
  const read = useSignal<SetupOfConfig | undefined>(undefined)
  const trouble = useSignal<Trouble | undefined>(undefined)

  useEffect(() => {
    api.list("/api/label-studio/projects", ProjectName).then(
      (list) => {
        projects.value = list
      },
      // Without them it is pasted.
      () => {},
    )
  }, [])

  async function take() {
    trouble.value = undefined
    read.value = undefined
    const asked = project.value === "" ? { config: config.value } : { project: Number(project.value) }
    try {
      const found = await api.post("/api/label-studio/setup", asked, SetupOfConfig)
      read.value = found
      if (found.faults.length === 0) onRead(found)
    } catch (error) {
      trouble.value = asTrouble(error)
    }
  }

  const found = read.value
  return (
    <details class="assist-add">
      <summary class="button button-plain" data-testid="setup-config-open">
        {w.open}
      </summary>
      <div class="form">
        <p class="muted">{w.lead}</p>
        {projects.value.length > 0 && (
          <Select
            label={w.project}
            value={project.value}
            options={[
              { value: "", text: w.pasted },
              ...projects.value.map(({ id, title }) => ({ value: String(id), text: title })),
            ]}
            onValue={(value) => {
              project.value = value
            }}
            testid="setup-config-project"
          />
        )}
        {project.value === "" && (
          <TextField
            label={w.xml}
            value={config.value}
            onValue={(text) => {
              config.value = text
            }}
            maxLength={1024 * 1024}
            testid="setup-config-text"
          />
        )}
        <div>
          <Button
            disabled={project.value === "" && config.value.trim() === ""}
            onClick={() => void take()}
            testid="setup-config-take"
          >
            {w.take}
          </Button>
        </div>
        {trouble.value && <TroubleNote trouble={trouble.value} />}
        {found && (
          <div role="status" data-testid="setup-config-read">
            {found.faults.length > 0 ? (
              <>
                <p class="row-error">{w.unreadable}</p>
                <TechnicalDetail text={found.faults.join(" ")} />
              </>
            ) : (
              <p>{w.taken(found.tools.length, found.questions.length)}</p>
            )}
            {found.left.length > 0 && (
              <p class="muted">
                {w.left}: {found.left.join(", ")}
              </p>
            )}
            {found.unknown.length > 0 && (
              <p class="muted">
                {w.unknown}: {found.unknown.join(", ")}
              </p>
            )}
          </div>
        )}
      </div>
    </details>
  )
}
