import { ModelView } from "#contract/registry"
import { useApp, useFormat, useKindName, useMay, useWords } from "../../context.ts"
import { useDeskWords } from "../../desk-words.ts"
import { LinkButton } from "../../parts/button.tsx"
import { DefectIcon, Icon } from "../../parts/icon.tsx"
import { Loaded } from "../../parts/loaded.tsx"
import { Page } from "../../parts/page.tsx"
import { Empty } from "../../parts/states.tsx"
import { Tag, type Tone } from "../../parts/tag.tsx"
import { useResource } from "../../resource.ts"

const tones: Record<ModelView["state"], Tone> = {
  proving: "neutral",
  candidate: "unsure",
  refused: "ng",
  released: "ok",
}

export function ModelTags({ model }: { model: ModelView }) {
  const words = useWords()
  return (
    <>
      {model.champion && (
        <Tag tone="strong" icon="star">
          {words.models.champion}
        </Tag>
      )}
      {!(model.champion && model.state === "released") && (
        <Tag tone={tones[model.state]}>{words.models.state[model.state]}</Tag>
      )}
    </>
  )
}

export const useModelName = (): ((model: ModelView) => string) => {
  const words = useWords()
  return (model) => (model.release === null ? words.models.candidate : words.models.release(model.release))
}

export function ModelsScreen() {
  const { api } = useApp()
  const words = useWords()
  const format = useFormat()
  const kindName = useKindName()
  const nameOf = useModelName()
  const desk = useDeskWords()
  const engineer = useMay("engineer")
  const models = useResource("models", (s) => api.list("/api/models", ModelView, s), ["model", "rollout"])
  return (
    <Page
      title={words.models.title}
      actions={
        engineer && (
          <>
            <LinkButton href="/assist" icon="label" testid="models-assist">
              {words.assist.title}
            </LinkButton>
            <LinkButton href="/models/add" look="primary" icon="plus" testid="models-add">
              {desk.wizard.add}
            </LinkButton>
          </>
        )
      }
    >
      <Loaded resource={models}>
        {(list) =>
          list.length === 0 ? (
            <Empty icon="models" title={words.models.empty} body={words.models.emptyBody} />
          ) : (
            <ul class="rows">
              {list.map((model) => (
                <li key={model.digest}>
                  <a
                    class={`row row-link ${model.champion ? "row-strong" : ""}`}
                    href={`/models/${model.digest}`}
                    data-testid="models-item"
                    data-state={model.state}
                  >
                    <div class="row-main">
                      <span class="row-title">
                        {nameOf(model)} <ModelTags model={model} />
                      </span>
                      <span class="muted num">{format.dateTime(model.created_at)}</span>
                    </div>
                    <ul class="model-kinds" aria-label={words.models.classes}>
                      {model.contract.classes
                        .filter((c) => c.verdict === "NG")
                        .map((c) => (
                          <li key={c.key} title={kindName(c.key)}>
                            <DefectIcon kind={c.key} size={22} />
                            <span class="visually-hidden">{kindName(c.key)}</span>
                          </li>
                        ))}
                    </ul>
                    {model.gate && (
                      <dl class="model-rates num">
                        <div>
                          <dt>{words.models.escape}</dt>
                          <dd>{format.percent(model.gate.challenger.escape)}</dd>
                        </div>
                        <div>
                          <dt>{words.models.overkill}</dt>
                          <dd>{format.percent(model.gate.challenger.overkill)}</dd>
                        </div>
                      </dl>
                    )}
                    <Icon name="next" />
                  </a>
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
    </Page>
  )
}
