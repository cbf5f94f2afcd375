import type { ComponentChildren } from "preact"
import { useLocation, useRoute } from "preact-iso"
import { type LabelRevision, takenAt } from "#contract/labelling"
import { PartHistory, type PartLookBack } from "#contract/parts"
import { imageUrl, thumbUrl } from "../../api.ts"
import { useApp, useFormat, useKindName, useWords } from "../../context.ts"
import { LinkButton } from "../../parts/button.tsx"
import { Loaded } from "../../parts/loaded.tsx"
import { Page, Panel } from "../../parts/page.tsx"
import { PartImage } from "../../parts/part-image.tsx"
import { Empty } from "../../parts/states.tsx"
import { Tag, VerdictTag } from "../../parts/tag.tsx"
import { useResource } from "../../resource.ts"
import { useProductName } from "../catalogue/product-name.ts"
import { Similar } from "../live/similar.tsx"
import { useStationName } from "../stations/station-name.ts"

/** Where one part comes from and what became of it, on one page. */
export function PartScreen() {
  const { api } = useApp()
  const words = useWords()
  const id = useRoute().params.id ?? ""
  const found = useResource(`part ${id}`, (s) => api.get(`/api/parts/${id}`, PartHistory, s), [
    "label",
    "review",
  ])
  const known = found.data.value
  const asked = known?.looks.find(({ inspection }) => inspection.id === id)
  return (
    <Page
      title={known?.part_id ?? id.slice(-8)}
      lead={
        known && (known.more ? words.parts.only(known.looks.length) : words.parts.times(known.looks.length))
      }
      back={
        <LinkButton href="/parts" look="quiet" icon="back">
          {words.parts.nav}
        </LinkButton>
      }
      actions={
        <>
          {asked && asked.labels.length > 0 && (
            <LinkButton href={`/review/${id}`} icon="check">
              {words.parts.review}
            </LinkButton>
          )}
          <a class="button button-plain" href={`/api/parts/${id}`} target="_blank" rel="noreferrer">
            <span>{words.parts.json}</span>
          </a>
        </>
      }
    >
      <Loaded resource={found}>{(history) => <History id={id} history={history} />}</Loaded>
    </Page>
  )
}

function History({ id, history }: { id: string; history: PartHistory }) {
  const words = useWords()
  const { route } = useLocation()
  const { looks, judged_by, split, left_out } = history
  const shown = looks.find(({ inspection }) => inspection.id === id) ?? looks[0]
  return (
    <div class="part-history" data-testid="part-history">
      {looks.length > 1 && (
        <ul class="parts-chips">
          {looks.map((look) => (
            <li key={look.inspection.id}>
              <LookTab look={look} isShown={look === shown} />
            </li>
          ))}
        </ul>
      )}
      {shown && <Look key={shown.inspection.id} look={shown} />}
      <Panel title={words.parts.split}>
        <p>
          <Tag tone={split === "golden" ? "strong" : "neutral"}>
            {split ? words.parts.splits[split] : words.parts.noSplit}
          </Tag>{" "}
          {left_out && <Tag>{words.parts.leftOut}</Tag>}
        </p>
        <Facts title={words.parts.judgedBy} empty={judged_by.length === 0}>
          {judged_by.map((model) => (
            <Model key={model.digest} model={model} />
          ))}
        </Facts>
        <Facts title={words.parts.taught} empty={(shown?.taught.length ?? 0) === 0}>
          {shown?.taught.map((model) => (
            <Model key={model.digest} model={model} />
          ))}
        </Facts>
        <Facts title={words.parts.setsIn} empty={(shown?.datasets.length ?? 0) === 0}>
          {shown?.datasets.map((set) => (
            <li key={set.digest}>
              <a class="parts-fact" href={`/parts?filter=${encodeURIComponent(`dataset:${set.name}`)}`}>
                <b>{set.name}</b> {words.parts.splits[set.split]}{" "}
                <code class="muted">{set.digest.slice(0, 12)}</code>
              </a>
            </li>
          ))}
        </Facts>
      </Panel>
      <Panel>
        <Similar id={id} onOpen={(part) => route(`/parts/${part.id}`)} />
      </Panel>
    </div>
  )
}

function LookTab({ look, isShown }: { look: PartLookBack; isShown: boolean }) {
  const format = useFormat()
  const { inspection } = look
  return (
    <a
      class="parts-chip"
      href={`/parts/${inspection.id}`}
      aria-current={isShown ? "page" : undefined}
      data-testid="part-look"
    >
      <span class="num">{format.dateTime(takenAt(inspection))}</span>
      <VerdictTag verdict={inspection.verdict.eval} />
    </a>
  )
}

function Model({ model }: { model: PartHistory["judged_by"][number] }) {
  const words = useWords()
  const name = model.release === null ? model.digest.slice(0, 12) : words.home.release(model.release)
  return (
    <li>
      {model.state === null ? (
        <span class="parts-fact">
          <code>{name}</code>
        </span>
      ) : (
        <a class="parts-fact" href={`/models/${model.digest}`}>
          <b>{name}</b> <span class="muted">{model.line}</span>{" "}
          <code class="muted">{model.digest.slice(0, 12)}</code>
        </a>
      )}
    </li>
  )
}

/** A list with its name; where it is empty a word says so. */
function Facts({ title, empty, children }: { title: string; empty: boolean; children: ComponentChildren }) {
  const words = useWords()
  return (
    <section class="parts-facts">
      <h3>{title}</h3>
      {empty ? <p class="muted">{words.parts.nothing}</p> : <ul>{children}</ul>}
    </section>
  )
}

function Look({ look }: { look: PartLookBack }) {
  const words = useWords()
  const format = useFormat()
  const kindName = useKindName()
  const stationName = useStationName()
  const productName = useProductName()
  const evals: Record<string, string> = words.verdict
  const { inspection, lot, recipe, step, images, waits, hold } = look
  const { image, verdict } = inspection
  const facts: [string, ComponentChildren][] = [
    [words.parts.columns.taken, format.dateTime(takenAt(inspection))],
    [words.parts.fields.station, stationName(inspection.device_id)],
    [words.parts.fields.product, inspection.product_id && productName(inspection.product_id)],
    [words.parts.fields.lot, lot],
    [words.parts.recipe, [recipe, step].filter((text) => text !== null).join(" · ")],
    [words.parts.fields.score, verdict.score?.toFixed(3)],
    [words.parts.columns.waits, waits && words.label.reason[waits]],
    [
      words.parts.is.held ?? "",
      hold && `${hold.reason} (${words.parts.byAt(hold.by, format.dateTime(hold.at))})`,
    ],
  ]
  const known = facts.filter(([, value]) => value !== null && value !== undefined && value !== "")
  return (
    <div class="part-look">
      <div>
        {image ? (
          <PartImage
            src={imageUrl(image.sha256)}
            w={image.w}
            h={image.h}
            alt={words.live.partNo}
            boxes={inspection.findings.flatMap((f) =>
              f.box ? [{ name: kindName(f.kind), box: f.box }] : [],
            )}
          />
        ) : (
          <Empty
            icon="image"
            title={words.live.imageNone}
            body={inspection.no_image === "evicted" ? words.parts.evicted : ""}
          />
        )}
        {images.length > 1 && (
          <div class="change-pictures">
            {images
              .filter(({ here }) => here)
              .map(({ sha256, name }) => (
                <a key={sha256} href={imageUrl(sha256)} target="_blank" rel="noreferrer" aria-label={name}>
                  <img src={thumbUrl(sha256, 160)} alt={name} width={72} height={72} />
                </a>
              ))}
          </div>
        )}
      </div>
      <Panel>
        <p class="parts-card-tags">
          <VerdictTag verdict={verdict.eval} />
          <span>{words.common.and([...new Set(inspection.findings.map((f) => kindName(f.kind)))])}</span>
        </p>
        <dl class="facts">
          {known.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd class="num">{value}</dd>
            </div>
          ))}
        </dl>
        <Facts title={words.parts.labels} empty={look.labels.length === 0}>
          {look.labels.map((label) => (
            <LabelFact key={label.id} label={label} />
          ))}
        </Facts>
        <Facts title={words.parts.reviews} empty={look.reviews.length === 0}>
          {look.reviews.map((review) => (
            <li key={review.id} class="parts-fact">
              <b>{words.together.state[review.outcome]}</b> {review.reason}{" "}
              <span class="muted num">{words.parts.byAt(review.by.name, format.dateTime(review.at))}</span>
            </li>
          ))}
        </Facts>
        {look.opinions.length > 0 && (
          <Facts title={words.parts.opinions} empty={false}>
            {look.opinions.map((opinion) => (
              <li key={opinion.role} class="parts-fact">
                <b>{words.assist.role[opinion.role]}</b> {evals[opinion.eval] ?? opinion.eval}{" "}
                <code class="muted">{opinion.model.slice(0, 12)}</code>
              </li>
            ))}
          </Facts>
        )}
        {look.comments.length > 0 && (
          <Facts title={words.parts.comments} empty={false}>
            {look.comments.map((comment) => (
              <li key={`${comment.at}${comment.by.id}`} class="parts-fact">
                {comment.text}{" "}
                <span class="muted num">
                  {words.parts.byAt(comment.by.name, format.dateTime(comment.at))}
                </span>
              </li>
            ))}
          </Facts>
        )}
        {look.deeds.length > 0 && (
          <Facts title={words.parts.deeds} empty={false}>
            {look.deeds.map((deed) => (
              <li key={deed.id} class="parts-fact">
                <span class={deed.undone ? "parts-undone" : ""}>
                  {words.parts.deed[deed.kind] ?? deed.kind}
                </span>{" "}
                <span class="muted num">{words.parts.byAt(deed.by, format.dateTime(deed.at))}</span>
              </li>
            ))}
          </Facts>
        )}
      </Panel>
    </div>
  )
}

function LabelFact({ label }: { label: LabelRevision }) {
  const words = useWords()
  const format = useFormat()
  const kindName = useKindName()
  const { verdict, kinds, by, tablet, stored_at } = label
  return (
    <li class="parts-fact" data-testid="part-label">
      {verdict === "withdrawn" ? <Tag icon="undo">{words.parts.undo}</Tag> : <VerdictTag verdict={verdict} />}{" "}
      <b>{words.common.and(kinds.map(kindName))}</b>{" "}
      <span class="muted num">
        {words.parts.byAt(by.name, format.dateTime(stored_at))}
        {tablet && ` · ${tablet.name}`}
      </span>
    </li>
  )
}
