import { useSignal } from "@preact/signals"
import { useLocation, useRoute } from "preact-iso"
import { JobView } from "#contract/registry"
import { RecipeView } from "#contract/trainer"
import { asTrouble, type Trouble } from "../../api.ts"
import { useApp, useFormat, useMay, useWords } from "../../context.ts"
import { Button, LinkButton } from "../../parts/button.tsx"
import { Icon } from "../../parts/icon.tsx"
import { Loaded } from "../../parts/loaded.tsx"
import { Page, Panel } from "../../parts/page.tsx"
import { TroubleNote } from "../../parts/states.tsx"
import { useResource } from "../../resource.ts"
import { RunningJob } from "./job.tsx"
import { Log } from "./log.tsx"
import { useRecipeWords } from "./recipe-name.ts"

/** One training run: what was asked, how it went, who tried, what was written; and the same again. */
export function RunScreen() {
  const { api } = useApp()
  const words = useWords()
  const format = useFormat()
  const engineer = useMay("engineer")
  const { params } = useRoute()
  const { route } = useLocation()
  const id = params.id ?? ""
  const job = useResource(`job ${id}`, (s) => api.get(`/api/training/jobs/${id}`, JobView, s), ["job"])
  const recipes = useResource("recipes", (s) => api.list("/api/training/recipes", RecipeView, s), ["trainer"])
  const named = useRecipeWords(recipes.data.value)
  const busy = useSignal(false)
  const trouble = useSignal<Trouble | undefined>(undefined)

  async function again() {
    busy.value = true
    trouble.value = undefined
    try {
      const made = await api.post(`/api/training/jobs/${id}/reproduce`, {}, JobView)
      route(`/training/${made.id}`)
    } catch (error) {
      trouble.value = asTrouble(error)
    } finally {
      busy.value = false
    }
  }

  return (
    <Page
      title={words.trainers.run}
      back={
        <LinkButton href="/training" look="quiet" icon="back">
          {words.training.title}
        </LinkButton>
      }
      actions={
        engineer && (
          <>
            {job.data.value && job.data.value.place !== "hub" && job.data.value.finished_at === null && (
              <a class="button button-plain" href={`/api/training/jobs/${id}/bundle.tar`} download>
                <Icon name="download" />
                <span>{words.trainers.file}</span>
              </a>
            )}
            <Button icon="redo" busy={busy.value} onClick={() => void again()} testid="training-again">
              {words.trainers.again}
            </Button>
          </>
        )
      }
    >
      {trouble.value && <TroubleNote trouble={trouble.value} />}
      <Loaded resource={job}>
        {(run) => (
          <div class="run" data-testid="training-run">
            <RunningJob job={run} recipes={recipes.data.value} />
            <div class="run-facts">
              <Panel title={words.trainers.settings}>
                <dl class="facts">
                  <div>
                    <dt>{words.trainers.recipe}</dt>
                    <dd>{named.recipe(run.recipe.id)}</dd>
                  </div>
                  {Object.entries(run.recipe.params).map(([key, value]) => (
                    <div key={key}>
                      <dt>{named.param(run.recipe.id, key)}</dt>
                      <dd class="num">{named.value(value)}</dd>
                    </div>
                  ))}
                  <div>
                    <dt>{words.trainers.seed}</dt>
                    <dd class="num">{run.seed}</dd>
                  </div>
                  {run.bundle !== null && (
                    <div>
                      <dt title={words.trainers.bundleHint}>{words.trainers.bundle}</dt>
                      <dd>
                        <code class="digest">{run.bundle.slice(0, 12)}</code>
                      </dd>
                    </div>
                  )}
                  {run.reproduces !== null && (
                    <div>
                      <dt>{words.trainers.reproduces}</dt>
                      <dd>
                        <LinkButton href={`/training/${run.reproduces}`} look="quiet">
                          {words.trainers.details}
                        </LinkButton>
                      </dd>
                    </div>
                  )}
                </dl>
              </Panel>
              {run.attempts.length > 0 && (
                <Panel title={words.trainers.attempts}>
                  <ol class="attempts">
                    {run.attempts.map((attempt) => (
                      <li key={attempt.n}>
                        <span class="row-title">
                          {words.trainers.onTrainer(attempt.trainer ?? "–")}
                          {attempt.end !== null && (
                            <span class="muted">{words.trainers.end[attempt.end] ?? attempt.end}</span>
                          )}
                        </span>
                        <span class="muted num">{format.dateTime(attempt.started_at)}</span>
                        {attempt.detail !== null && attempt.end !== "lost" && <span>{attempt.detail}</span>}
                      </li>
                    ))}
                  </ol>
                </Panel>
              )}
            </div>
            {engineer && run.place === "trainer" && (
              <Panel title={words.trainers.log}>
                <Log job={run.id} />
              </Panel>
            )}
          </div>
        )}
      </Loaded>
    </Page>
  )
}
