import { useSignal } from "@preact/signals"
import { DatasetFrozen, DatasetVersion } from "#contract/dataset"
import { asTrouble, type Trouble } from "../../api.ts"
import { useApp, useMay, useWords } from "../../context.ts"
import { Button } from "../../parts/button.tsx"
import { Page } from "../../parts/page.tsx"
import { TroubleNote } from "../../parts/states.tsx"
import { useResource } from "../../resource.ts"
import { ExportPanel } from "./export-panel.tsx"
import { ImportPanel } from "./import-panel.tsx"
import { Versions } from "./versions.tsx"

/** What models learn from and are proven on, and labels on their way to other programs and back. */
export function DatasetsScreen() {
  const { api } = useApp()
  const words = useWords()
  const engineer = useMay("engineer")
  const versions = useResource("datasets", (s) => api.list("/api/datasets", DatasetVersion, s), ["job"])
  const freezing = useSignal(false)
  const note = useSignal<string | undefined>(undefined)
  const trouble = useSignal<Trouble | undefined>(undefined)

  async function freeze() {
    freezing.value = true
    trouble.value = undefined
    try {
      const { training, golden } = await api.post("/api/datasets", undefined, DatasetFrozen)
      note.value = training.fresh || golden.fresh ? words.datasets.frozen : words.datasets.frozenSame
      versions.reload()
    } catch (error) {
      trouble.value = asTrouble(error)
    } finally {
      freezing.value = false
    }
  }

  return (
    <Page
      title={words.datasets.title}
      lead={words.datasets.lead}
      actions={
        engineer && (
          <Button
            look="primary"
            icon="datasets"
            busy={freezing.value}
            onClick={() => void freeze()}
            testid="datasets-freeze"
          >
            {words.datasets.freeze}
          </Button>
        )
      }
    >
      {trouble.value && <TroubleNote trouble={trouble.value} />}
      {note.value !== undefined && (
        <p class="note" role="status">
          {note.value}
        </p>
      )}
      <Versions versions={versions} />
      {engineer && (
        <div class="exchange">
          <ExportPanel newest={versions.data.value?.find(({ role }) => role === "training")?.digest} />
          <ImportPanel />
        </div>
      )}
    </Page>
  )
}
