import { useSignal } from "@preact/signals"
import { useEffect } from "preact/hooks"
import { DatasetFrozen, DatasetVersion, FreezeState, type Grouping, type NearPolicy } from "#contract/dataset"
import { asTrouble, type Trouble } from "../../api.ts"
import { useApp, useMay, useWords } from "../../context.ts"
import { Button } from "../../parts/button.tsx"
import { Segmented } from "../../parts/field.tsx"
import { Page } from "../../parts/page.tsx"
import { TroubleNote } from "../../parts/states.tsx"
import { useResource } from "../../resource.ts"
import { ExportPanel } from "./export-panel.tsx"
import { FreezeProgress, NearPairs } from "./freeze.tsx"
import { ImportPanel } from "./import-panel.tsx"
import { Versions } from "./versions.tsx"

const againMs = 500

/** What models learn from and are proven on, and labels on their way to other programs and back. */
export function DatasetsScreen() {
  const { api } = useApp()
  const words = useWords()
  const engineer = useMay("engineer")
  const versions = useResource("datasets", (s) => api.list("/api/datasets", DatasetVersion, s), ["job"])
  const freezing = useSignal(false)
  const grouping = useSignal<Grouping>("part")
  const state = useSignal<FreezeState | undefined>(undefined)
  const note = useSignal<string | undefined>(undefined)
  const trouble = useSignal<Trouble | undefined>(undefined)

  const look = async () => {
    state.value = await api.get("/api/datasets/freeze", FreezeState)
  }
  useEffect(() => {
    if (!freezing.value) return
    const timer = setInterval(() => {
      look().catch((error: unknown) => console.info("freeze", error))
    }, againMs)
    return () => clearInterval(timer)
  }, [freezing.value])

  async function freeze(near: NearPolicy) {
    freezing.value = true
    trouble.value = undefined
    note.value = undefined
    state.value = undefined
    try {
      const body = { grouping: grouping.value, near }
      const { training, golden } = await api.post("/api/datasets", body, DatasetFrozen)
      note.value = training.fresh || golden.fresh ? words.datasets.frozen : words.datasets.frozenSame
      versions.reload()
    } catch (error) {
      const told = asTrouble(error)
      if (told.key === "freeze_near") await look()
      else trouble.value = told
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
          <>
            <Segmented
              label={words.freeze.together}
              value={grouping.value}
              options={(["part", "lot", "burst"] as const).map((value) => ({
                value,
                text: words.freeze.groups[value],
              }))}
              onValue={(value) => {
                grouping.value = value
              }}
              testid="freeze-group"
            />
            <Button
              look="primary"
              icon="datasets"
              busy={freezing.value}
              onClick={() => void freeze("block")}
              testid="datasets-freeze"
            >
              {words.datasets.freeze}
            </Button>
          </>
        )
      }
    >
      {trouble.value && <TroubleNote trouble={trouble.value} />}
      {note.value !== undefined && (
        <p class="note" role="status">
          {note.value}
        </p>
      )}
      {freezing.value && state.value?.state === "working" && <FreezeProgress state={state.value} />}
      {!freezing.value && state.value?.state === "blocked" && (
        <NearPairs state={state.value} busy={freezing.value} onDecide={(near) => void freeze(near)} />
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
