import { useSignal } from "@preact/signals"
import { DatasetVersion } from "#contract/dataset"
import { JobView, type ParamValues } from "#contract/registry"
import { type RecipeParam, RecipeView } from "#contract/trainer"
import { asTrouble, type Trouble } from "../../api.ts"
import { useApp, useFormat, useWords } from "../../context.ts"
import { Button } from "../../parts/button.tsx"
import { Dialog } from "../../parts/dialog.tsx"
import { Field, Segmented, Select } from "../../parts/field.tsx"
import { Loaded } from "../../parts/loaded.tsx"
import { TroubleNote } from "../../parts/states.tsx"
import { useResource } from "../../resource.ts"
import { useRecipeWords } from "./recipe-name.ts"

/** Chooses what a training learns from, how, and with which settings. */
export function StartDialog({ onClose, onStarted }: { onClose: () => void; onStarted: () => void }) {
  const { api } = useApp()
  const words = useWords()
  const format = useFormat()
  const recipes = useResource("recipes", (s) => api.list("/api/training/recipes", RecipeView, s), ["trainer"])
  const sets = useResource("training-sets", (s) => api.list("/api/datasets", DatasetVersion, s))
  const named = useRecipeWords(recipes.data.value)
  const chosen = useSignal("patch")
  const set = useSignal("")
  /** As they are typed: a number that is half written is none yet. */
  const typed = useSignal<Record<string, string>>({})
  const busy = useSignal(false)
  const trouble = useSignal<Trouble | undefined>(undefined)
  const recipe = recipes.data.value?.find(({ id }) => id === chosen.value)

  async function start() {
    if (!recipe) return
    busy.value = true
    trouble.value = undefined
    try {
      const params: ParamValues = Object.fromEntries(
        recipe.params.flatMap((param) => {
          const text = typed.value[param.key]
          return text === undefined ? [] : [[param.key, valueFor(param, text)]]
        }),
      )
      const body = { recipe: { id: recipe.id, params }, ...(set.value !== "" && { dataset: set.value }) }
      await api.post("/api/training/jobs", body, JobView)
      onStarted()
      onClose()
    } catch (error) {
      trouble.value = asTrouble(error)
    } finally {
      busy.value = false
    }
  }

  return (
    <Dialog
      title={words.trainers.choose}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>{words.common.back}</Button>
          <Button
            look="primary"
            icon="training"
            busy={busy.value}
            onClick={() => void start()}
            testid="training-go"
          >
            {words.training.start}
          </Button>
        </>
      }
    >
      <Loaded resource={recipes}>
        {(list) => (
          <div class="form">
            <p class="muted">{words.trainers.chooseLead}</p>
            {trouble.value && <TroubleNote trouble={trouble.value} />}
            <Select
              label={words.trainers.set}
              value={set.value}
              options={[
                { value: "", text: words.trainers.setNow },
                ...(sets.data.value ?? [])
                  .filter(({ role }) => role === "training")
                  .map(({ digest, created_at, samples }) => ({
                    value: digest,
                    text: `${format.dateTime(created_at)} · ${format.number(samples)}`,
                  })),
              ]}
              onValue={(value) => {
                set.value = value
              }}
              testid="training-set"
            />
            <Select
              label={words.trainers.recipe}
              value={chosen.value}
              options={list.map(({ id }) => ({ value: id, text: named.recipe(id) }))}
              onValue={(value) => {
                chosen.value = value
                typed.value = {}
              }}
              testid="training-recipe"
            />
            {recipe && (
              <p class="muted">
                {[
                  recipe.embedded
                    ? words.trainers.whereHub
                    : words.trainers.where(recipe.trainers.join(", ")),
                  words.trainers.task[recipe.task] ?? recipe.task,
                ].join(" · ")}
                {recipe.about && <br />}
                {named.inLanguage(recipe.about)}
                {!recipe.online && (
                  <>
                    <br />
                    <strong>{words.trainers.offlineNow}</strong>
                  </>
                )}
              </p>
            )}
            {recipe?.params.map((param) => (
              <Param
                key={`${recipe.id} ${param.key}`}
                param={param}
                label={named.param(recipe.id, param.key)}
                help={named.inLanguage(param.help)}
                value={typed.value[param.key] ?? String(param.default)}
                onValue={(value) => {
                  typed.value = { ...typed.value, [param.key]: value }
                }}
              />
            ))}
          </div>
        )}
      </Loaded>
    </Dialog>
  )
}

function valueFor(param: RecipeParam, text: string): ParamValues[string] {
  if (param.type === "bool") return text === "true"
  if (param.type === "choice") return text
  // What is no number the hub refuses, with the setting's name.
  const number = Number(text.replace(",", "."))
  return text.trim() === "" || !Number.isFinite(number) ? text : number
}

function Param({
  param,
  label,
  help,
  value,
  onValue,
}: {
  param: RecipeParam
  label: string
  help: string | undefined
  value: string
  onValue: (value: string) => void
}) {
  const words = useWords()
  if (param.type === "bool")
    return (
      <Segmented
        label={label}
        value={value === "true" ? "true" : "false"}
        options={[
          { value: "true", text: words.trainers.yes },
          { value: "false", text: words.trainers.no },
        ]}
        onValue={onValue}
        testid="training-param"
      />
    )
  if (param.type === "choice")
    return (
      <Select
        label={label}
        value={value}
        options={param.choices.map((one) => ({ value: one, text: one }))}
        onValue={onValue}
        testid="training-param"
      />
    )
  const range = param.min !== undefined && param.max !== undefined ? `${param.min} – ${param.max}` : undefined
  const hint = [help, range].filter((one) => one !== undefined).join(" · ")
  return (
    <Field
      label={label}
      value={value}
      onValue={onValue}
      hint={hint === "" ? undefined : hint}
      maxLength={24}
      testid="training-param"
    />
  )
}
