import { DatasetDiff } from "#contract/dataset"
import { JobView, ModelView } from "#contract/registry"
import type { RecipeView } from "#contract/trainer"
import type { Api } from "../../api.ts"
import { useApp, useFormat, useMay, useWords } from "../../context.ts"
import { Loaded } from "../../parts/loaded.tsx"
import { Panel } from "../../parts/page.tsx"
import { useResource } from "../../resource.ts"
import { figureText } from "./job.tsx"
import { useRecipeWords } from "./recipe-name.ts"

type Side = { job: JobView; model: ModelView | null }
type Both = { sides: [Side, Side]; diff: DatasetDiff | null }

async function readSide(api: Api, id: string, signal: AbortSignal): Promise<Side> {
  const job = await api.get(`/api/training/jobs/${id}`, JobView, signal)
  const model = job.model === null ? null : await api.get(`/api/models/${job.model}`, ModelView, signal)
  return { job, model }
}

/** Two runs side by side: what was asked, what they learned from, what came out. What differs stands out. */
export function Compare({ ids, recipes }: { ids: [string, string]; recipes: RecipeView[] | undefined }) {
  const { api } = useApp()
  const words = useWords()
  const format = useFormat()
  const engineer = useMay("engineer")
  const named = useRecipeWords(recipes)
  const both = useResource(`compare ${ids.join(" ")}`, async (signal): Promise<Both> => {
    const sides: [Side, Side] = [await readSide(api, ids[0], signal), await readSide(api, ids[1], signal)]
    const [one, other] = [sides[0].job.dataset.digest, sides[1].job.dataset.digest]
    const diff =
      one === null || other === null || one === other || !engineer
        ? null
        : await api.get(`/api/datasets/${other}/diff/${one}`, DatasetDiff, signal)
    return { sides, diff }
  })
  const rowsOf = ({ sides: [a, b], diff }: Both): [name: string, left: string, right: string][] => {
    const of = (read: (side: Side) => string): [string, string] => [read(a), read(b)]
    const keys = [...new Set([a, b].flatMap(({ job }) => Object.keys(job.recipe.params)))].sort()
    const paramName = (key: string) => {
      const [own, theirs] = [named.param(a.job.recipe.id, key), named.param(b.job.recipe.id, key)]
      return own === key ? theirs : own
    }
    const atGate = (name: string | undefined) => `${words.trainers.gate}: ${name ?? ""}`
    const figures = [...new Set([a, b].flatMap(({ job }) => Object.keys(job.figures)))].sort()
    const gate = (read: (model: ModelView) => string | undefined) =>
      of(({ model }) => (model ? (read(model) ?? "–") : "–"))
    return [
      [words.trainers.recipe, ...of(({ job }) => named.recipe(job.recipe.id))],
      ...keys.map((key): [string, string, string] => [
        paramName(key),
        ...of(({ job }) => {
          const value = job.recipe.params[key]
          return value === undefined ? "–" : named.value(value)
        }),
      ]),
      [words.trainers.seed, ...of(({ job }) => String(job.seed))],
      [
        words.training.dataset,
        ...of(
          ({ job }) =>
            `${words.verdict.ok} ${format.number(job.dataset.ok)} · ${words.verdict.ng} ${format.number(job.dataset.ng)}`,
        ),
      ],
      ...(diff
        ? [
            [
              "",
              "",
              words.trainers.dataChange(
                format.number(diff.added),
                format.number(diff.removed),
                format.number(diff.relabelled),
              ),
            ] as [string, string, string],
          ]
        : []),
      ...figures.map((name): [string, string, string] => [
        words.training.metric[name] ?? name,
        ...of(({ job }) => {
          const value = job.figures[name]
          return value === undefined ? "–" : figureText(format, name, value)
        }),
      ]),
      [
        words.trainers.gate,
        ...of(({ job }) =>
          job.gate_pass === null ? "–" : job.gate_pass ? words.training.gatePass : words.training.gateFail,
        ),
      ],
      [
        atGate(words.training.metric.oof_escape),
        ...gate(({ gate }) => (gate ? format.percent(gate.challenger.escape) : undefined)),
      ],
      [
        atGate(words.training.metric.oof_overkill),
        ...gate(({ gate }) => (gate ? format.percent(gate.challenger.overkill) : undefined)),
      ],
      [
        words.trainers.time,
        ...of(({ job }) =>
          job.started_at !== null && job.finished_at !== null
            ? format.duration((job.finished_at - job.started_at) / 1000)
            : "–",
        ),
      ],
      [words.trainers.bundle, ...of(({ job }) => job.bundle?.slice(0, 12) ?? "–")],
    ]
  }
  return (
    <Panel title={words.trainers.compared}>
      <Loaded resource={both}>
        {(found) => (
          <table class="compared" data-testid="training-compared">
            <thead>
              <tr>
                <td />
                {found.sides.map(({ job }) => (
                  <th key={job.id} scope="col" class="num">
                    {format.dateTime(job.created_at)}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rowsOf(found).map(([name, left, right]) => (
                <tr key={`${name} ${left} ${right}`} class={left === right ? "muted" : "differs"}>
                  <th scope="row">{name}</th>
                  <td class="num">{left}</td>
                  <td class="num">{right}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </Loaded>
    </Panel>
  )
}
