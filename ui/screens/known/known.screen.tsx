import { useSignal } from "@preact/signals"
import { KnownPart } from "#contract/review"
import { asTrouble, type Trouble, thumbUrl } from "../../api.ts"
import { useApp, useFormat, useKindName, useWords } from "../../context.ts"
import { Button, LinkButton } from "../../parts/button.tsx"
import { Confirm } from "../../parts/confirm.tsx"
import { Loaded } from "../../parts/loaded.tsx"
import { Page } from "../../parts/page.tsx"
import { Empty, TroubleNote } from "../../parts/states.tsx"
import { Tag, VerdictTag } from "../../parts/tag.tsx"
import { useResource } from "../../resource.ts"
import { AddKnownDialog } from "./add.dialog.tsx"

/** Parts whose answer is known, mixed into people's work: which they are, and how people did on them. */
export function KnownScreen() {
  const { api } = useApp()
  const words = useWords()
  const text = words.station.known
  const known = useResource("known", (s) => api.list("/api/known-parts", KnownPart, s), ["label", "review"])
  const adding = useSignal(false)
  const removing = useSignal<KnownPart | null>(null)
  const trouble = useSignal<Trouble | undefined>(undefined)

  async function handOut({ inspection, verdict, kinds, boxes, handed_out }: KnownPart): Promise<void> {
    trouble.value = undefined
    try {
      const asked = { verdict, kinds, boxes, handed_out: !handed_out }
      await api.run("PUT", `/api/known-parts/${inspection.id}`, asked)
      known.reload()
    } catch (error) {
      trouble.value = asTrouble(error)
    }
  }

  return (
    <Page
      title={text.title}
      lead={text.lead}
      back={
        <LinkButton href="/review" look="quiet" icon="back">
          {words.together.nav}
        </LinkButton>
      }
      actions={
        <Button
          look="primary"
          icon="plus"
          onClick={() => {
            adding.value = true
          }}
          testid="known-add"
        >
          {text.add}
        </Button>
      }
    >
      {trouble.value && <TroubleNote trouble={trouble.value} />}
      <Loaded resource={known}>
        {(list) =>
          list.length === 0 ? (
            <Empty icon="star" title={text.empty} body={text.emptyBody} />
          ) : (
            <ul class="rows">
              {list.map((part) => (
                <Row
                  key={part.inspection.id}
                  part={part}
                  onHandOut={() => void handOut(part)}
                  onRemove={() => {
                    removing.value = part
                  }}
                />
              ))}
            </ul>
          )
        }
      </Loaded>
      {adding.value && (
        <AddKnownDialog
          known={(known.data.value ?? []).map(({ inspection }) => inspection.id)}
          onClose={() => {
            adding.value = false
            known.reload()
          }}
        />
      )}
      {removing.value && (
        <Confirm
          title={text.removeTitle}
          body={text.removeBody}
          yes={text.remove}
          testid="known-remove-yes"
          onYes={async () => {
            await api.run("DELETE", `/api/known-parts/${removing.value?.inspection.id}`)
            known.reload()
          }}
          onClose={() => {
            removing.value = null
          }}
        />
      )}
    </Page>
  )
}

function Row({
  part,
  onHandOut,
  onRemove,
}: {
  part: KnownPart
  onHandOut: () => void
  onRemove: () => void
}) {
  const { now } = useApp()
  const words = useWords()
  const format = useFormat()
  const kindName = useKindName()
  const text = words.station.known
  const { inspection, verdict, kinds, handed_out, by, at, asked, right } = part
  return (
    <li class="row" data-testid="known-part" data-part={inspection.id}>
      <div class="thumb known-thumb">
        {inspection.image && <img src={thumbUrl(inspection.image.sha256, 160)} alt="" />}
      </div>
      <div class="row-main">
        <span class="row-title">
          <VerdictTag verdict={verdict} />
          {words.common.and(kinds.map(kindName))}
          {!handed_out && <Tag>{text.resting}</Tag>}
        </span>
        <span class="muted small">
          {inspection.part_id ?? inspection.id.slice(-8)} · {by} · {format.ago(at, now.value)}
        </span>
      </div>
      <span class="known-result" data-testid="known-result">
        {asked === 0 ? (
          <span class="muted">{text.notAsked}</span>
        ) : (
          <>
            <strong>{words.common.percent(right / asked)}</strong>{" "}
            <span class="muted small">{words.msa.of(right, asked)}</span>
          </>
        )}
      </span>
      <Button onClick={onHandOut} testid="known-hand-out">
        {handed_out ? text.rest : text.handOut}
      </Button>
      <Button look="quiet" icon="trash" onClick={onRemove} testid="known-remove">
        {text.remove}
      </Button>
    </li>
  )
}
