import { useSignal } from "@preact/signals"
import { SourceView } from "#contract/source"
import { useApp, useFormat, useWords } from "../../context.ts"
import { useDeskWords } from "../../desk-words.ts"
import { Button } from "../../parts/button.tsx"
import { Icon } from "../../parts/icon.tsx"
import { Loaded } from "../../parts/loaded.tsx"
import { Page } from "../../parts/page.tsx"
import { Empty } from "../../parts/states.tsx"
import { Tag } from "../../parts/tag.tsx"
import { useResource } from "../../resource.ts"
import { AddDialog } from "./add.dialog.tsx"
import { useSourceWords } from "./words.ts"

const tones = { new: "neutral", ok: "ok", trouble: "ng", off: "neutral" } as const

/** Cameras and systems of other makers: which are understood, and which are not. */
export function SourcesScreen() {
  const { api } = useApp()
  const texts = useDeskWords().sources
  const adding = useSignal(false)
  const sources = useResource("sources", (s) => api.list("/api/sources", SourceView, s), ["source"])
  return (
    <Page
      title={texts.title}
      lead={texts.lead}
      actions={
        <Button
          look="primary"
          icon="plus"
          onClick={() => {
            adding.value = true
          }}
          testid="source-add"
        >
          {texts.add}
        </Button>
      }
    >
      <Loaded resource={sources}>
        {(list) =>
          list.length === 0 ? (
            <Empty icon="sources" title={texts.empty} body={texts.emptyBody} />
          ) : (
            <ul class="rows">
              {list.map((source) => (
                <li key={source.id}>
                  <SourceRow source={source} />
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
      {adding.value && (
        <AddDialog
          onClose={() => {
            adding.value = false
            sources.reload()
          }}
        />
      )}
    </Page>
  )
}

export function SourceTag({ source }: { source: SourceView }) {
  const texts = useDeskWords().sources
  return (
    <Tag
      tone={tones[source.state]}
      {...(source.state === "trouble" && { icon: "warning" as const })}
      {...(source.state === "ok" && { icon: "check" as const })}
    >
      {texts.state[source.state]}
    </Tag>
  )
}

function SourceRow({ source }: { source: SourceView }) {
  const { now } = useApp()
  const words = useWords()
  const texts = useDeskWords().sources
  const format = useFormat()
  const { preset, reason } = useSourceWords()
  const facts: [string, string][] = [
    [texts.rate, format.number(source.per_minute)],
    [texts.stored, format.number(source.counts.stored)],
    [texts.quarantined, format.number(source.counts.quarantined)],
    [texts.seen, source.seen_at === undefined ? words.time.never : format.ago(source.seen_at, now.value)],
  ]
  return (
    <a
      class="row row-link station"
      href={`/sources/${source.id}`}
      data-testid="source-item"
      data-source={source.id}
    >
      <div class="row-main">
        <span class="row-title">{source.name}</span>
        <span class="muted">
          {source.id} · {preset(source.preset)}
        </span>
        {source.trouble && source.state === "trouble" && (
          <span class="source-trouble">{reason(source.trouble.code)}</span>
        )}
      </div>
      <SourceTag source={source} />
      <dl class="station-facts num">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <Icon name="next" />
    </a>
  )
}
