import { useSignal } from "@preact/signals"
import { JobView } from "#contract/registry"
import { RecipeView } from "#contract/trainer"
import { asTrouble, type Trouble } from "../../api.ts"
import { useApp, useMay, useWords } from "../../context.ts"
import { Button } from "../../parts/button.tsx"
import { Confirm } from "../../parts/confirm.tsx"
import { Loaded } from "../../parts/loaded.tsx"
import { Page } from "../../parts/page.tsx"
import { Empty, TroubleNote } from "../../parts/states.tsx"
import { useResource } from "../../resource.ts"
import { Compare } from "./compare.tsx"
import { PastJob, RunningJob } from "./job.tsx"
import { StartDialog } from "./start.dialog.tsx"
import { TrainersPanel } from "./trainers.tsx"

const isOver = (job: JobView) => ["succeeded", "failed", "cancelled"].includes(job.state)

export function TrainingScreen() {
  const { api } = useApp()
  const words = useWords()
  const engineer = useMay("engineer")
  const jobs = useResource("jobs", (s) => api.list("/api/training/jobs", JobView, s), ["job"])
  const recipes = useResource("recipes", (s) => api.list("/api/training/recipes", RecipeView, s), ["trainer"])
  const choosing = useSignal(false)
  const compared = useSignal<string[]>([])
  const starting = useSignal(false)
  const trouble = useSignal<Trouble | undefined>(undefined)
  const cancelling = useSignal<string | null>(null)

  async function start() {
    starting.value = true
    trouble.value = undefined
    try {
      await api.post("/api/training/jobs", {}, JobView)
      jobs.reload()
    } catch (error) {
      trouble.value = asTrouble(error)
    } finally {
      starting.value = false
    }
  }

  /** The two that were chosen last. */
  function compare(id: string) {
    const rest = compared.value.filter((one) => one !== id)
    compared.value = rest.length < compared.value.length ? rest : [...rest.slice(-1), id]
  }
  const [one, other] = compared.value

  return (
    <Page
      title={words.training.title}
      {...(engineer ? {} : { lead: words.training.needsEngineer })}
      actions={
        engineer && (
          <>
            <Button
              icon="settings"
              onClick={() => {
                choosing.value = true
              }}
              testid="training-choose"
            >
              {words.trainers.choose}
            </Button>
            <Button
              look="primary"
              icon="training"
              busy={starting.value}
              onClick={() => void start()}
              testid="training-start"
            >
              {starting.value ? words.training.starting : words.training.start}
            </Button>
          </>
        )
      }
    >
      {trouble.value && <TroubleNote trouble={trouble.value} />}
      <Loaded resource={jobs}>
        {(list) =>
          list.length === 0 ? (
            <Empty icon="training" title={words.training.empty} body={words.training.emptyBody} />
          ) : (
            <>
              {list
                .filter((job) => !isOver(job))
                .map((job) => (
                  <RunningJob
                    key={job.id}
                    job={job}
                    recipes={recipes.data.value}
                    linked
                    {...(engineer
                      ? {
                          onCancel: () => {
                            cancelling.value = job.id
                          },
                        }
                      : {})}
                  />
                ))}
              {list.some(isOver) && <h2>{words.training.past}</h2>}
              {one !== undefined && other === undefined && (
                <p class="muted" role="status">
                  {words.trainers.comparePick}
                </p>
              )}
              {one !== undefined && other !== undefined && (
                <Compare key={`${one} ${other}`} ids={[one, other]} recipes={recipes.data.value} />
              )}
              <ul class="rows">
                {list.filter(isOver).map((job) => (
                  <PastJob
                    key={job.id}
                    job={job}
                    recipes={recipes.data.value}
                    compared={compared.value.includes(job.id)}
                    onCompare={() => compare(job.id)}
                  />
                ))}
              </ul>
            </>
          )
        }
      </Loaded>
      <TrainersPanel />
      {choosing.value && (
        <StartDialog
          onClose={() => {
            choosing.value = false
          }}
          onStarted={jobs.reload}
        />
      )}
      {cancelling.value !== null && (
        <Confirm
          title={words.training.cancelTitle}
          body={words.training.cancelBody}
          yes={words.training.cancelConfirm}
          danger
          onYes={async () => {
            await api.run("POST", `/api/training/jobs/${cancelling.value}/cancel`)
            jobs.reload()
          }}
          onClose={() => {
            cancelling.value = null
          }}
          testid="training-cancel-confirm"
        />
      )}
    </Page>
  )
}
