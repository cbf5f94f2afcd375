import { useSignal } from "@preact/signals"
import { useEffect } from "preact/hooks"
import { useLocation, useRoute } from "preact-iso"
import { uuidv7 } from "uuidv7"
import { ReviewCase, ReviewItem } from "#contract/review"
import { asTrouble, imageUrl, type Trouble } from "../../api.ts"
import { useApp, useFormat, useKindName, useWords } from "../../context.ts"
import { Button, LinkButton } from "../../parts/button.tsx"
import { Icon } from "../../parts/icon.tsx"
import { Loaded } from "../../parts/loaded.tsx"
import { Page, Panel } from "../../parts/page.tsx"
import { PartImage } from "../../parts/part-image.tsx"
import { Empty, TroubleNote } from "../../parts/states.tsx"
import { Tag, VerdictTag } from "../../parts/tag.tsx"
import { useResource } from "../../resource.ts"
import { DoubtLine } from "./doubt.tsx"
import { labelOf, type Opinion, opinionsOf } from "./opinions.rules.ts"
import { SendBackDialog } from "./send-back.dialog.tsx"

const sayAgainMs = 20_000

/** Says that this screen shows the part, for as long as it does. */
function useWatching(id: string): void {
  const { api } = useApp()
  useEffect(() => {
    const say = (inspection_id: string | null) =>
      api.run("POST", "/api/labelling/presence", { inspection_id }).catch((error: unknown) => {
        // Others do not see us; nothing else depends on it.
        console.info("presence", error)
      })
    void say(id)
    const timer = setInterval(() => void say(id), sayAgainMs)
    return () => {
      clearInterval(timer)
      void say(null)
    }
  }, [api, id])
}

/** One label that waits for a reviewer: the picture, everybody's judgement beside it, and the decision. */
export function CaseScreen() {
  const { api } = useApp()
  const words = useWords()
  const id = useRoute().params.id ?? ""
  useWatching(id)
  const found = useResource(`review ${id}`, (s) => api.get(`/api/reviews/${id}`, ReviewCase, s), [
    "review",
    "label",
    "presence",
  ])
  const known = found.data.value
  return (
    <Page
      title={known?.inspection.part_id ?? id.slice(-8)}
      back={
        <LinkButton href="/review" look="quiet" icon="back">
          {words.together.title}
        </LinkButton>
      }
      lead={
        known && (
          <span class="opinion-head">
            <Tag tone={known.state === "unreviewed" ? "unsure" : "neutral"}>
              {words.together.state[known.state]}
            </Tag>
            {known.why && <span>{words.together.why[known.why]}</span>}
          </span>
        )
      }
    >
      <Loaded resource={found}>{(one) => <Case key={one.inspection.id} found={one} />}</Loaded>
    </Page>
  )
}

type Label = NonNullable<ReturnType<typeof labelOf>>

function Case({ found }: { found: ReviewCase }) {
  const { api, kinds: catalogue } = useApp()
  const words = useWords()
  const kindName = useKindName()
  const { route } = useLocation()
  const busy = useSignal(false)
  const trouble = useSignal<Trouble | undefined>(undefined)
  const sendingBack = useSignal(false)
  const opinions = opinionsOf(found)
  const shownKey = useSignal(opinions[0]?.key ?? "")
  const shown = opinions.find(({ key }) => key === shownKey.value) ?? opinions[0]
  const { inspection, revisions } = found
  const newest = revisions.at(-1)
  const isKnown = (kind: string) => kind === "unknown" || catalogue.value.some(({ key }) => key === kind)

  async function send(of: object): Promise<void> {
    busy.value = true
    trouble.value = undefined
    try {
      const base = { id: uuidv7(), inspection_id: inspection.id, revision: newest?.revision ?? 0 }
      await api.post("/api/reviews", { ...base, ...of }, ReviewCase)
      const next = await api.list("/api/reviews?limit=1", ReviewItem)
      route(next[0] ? `/review/${next[0].inspection.id}` : "/review")
    } catch (error) {
      trouble.value = asTrouble(error)
    } finally {
      busy.value = false
    }
  }
  const decide = (opinion: Opinion) => {
    if (opinion.what === "newest") return send({ outcome: "accepted" })
    const label = labelOf(opinion, isKnown)
    return label ? send({ outcome: "fixed", label }) : undefined
  }

  return (
    <div class="case">
      <div class="case-picture">
        {found.present.map(({ by, doing }) => (
          <p key={by.id} class="note" role="status" data-testid="review-present">
            <Icon name="people" />
            <span class="note-text">
              {doing === "labelling"
                ? words.together.labellingHereBy(by.name)
                : words.together.alsoHereBy(by.name)}
            </span>
          </p>
        ))}
        {trouble.value && <TroubleNote trouble={trouble.value} />}
        {found.doubt && inspection.label && (
          <p class="note" data-testid="review-doubt">
            <Icon name="training" />
            <span class="note-text">
              <DoubtLine doubt={found.doubt} label={inspection.label} /> {words.learning.suspectHint}
            </span>
          </p>
        )}
        {inspection.image ? (
          <PartImage
            src={imageUrl(inspection.image.sha256)}
            w={inspection.image.w}
            h={inspection.image.h}
            alt={words.live.partNo}
            boxes={(shown?.boxes ?? []).map(({ kind, box }) => ({ name: kindName(kind), box }))}
          />
        ) : (
          <Empty icon="image" title={words.live.imageNone} body="" />
        )}
        <div class="case-actions">
          {newest && newest.verdict !== "unsure" && (
            <Button
              look="primary"
              icon="check"
              busy={busy.value}
              onClick={() => void send({ outcome: "accepted" })}
              testid="review-accept"
            >
              {words.together.accept}
            </Button>
          )}
          {inspection.image && (
            <LinkButton href={`/review/${inspection.id}/draw`} icon="polygon" testid="review-draw">
              {words.station.draw.open}
            </LinkButton>
          )}
          <Button
            icon="undo"
            disabled={busy.value}
            onClick={() => {
              sendingBack.value = true
            }}
            testid="review-send-back"
          >
            {words.together.sendBack}
          </Button>
          <KnownButton found={found} />
        </div>
      </div>
      <div class="case-side">
        <Panel title={words.together.opinions}>
          <ul class="opinions">
            {opinions.map((opinion) => (
              <OpinionCard
                key={opinion.key}
                opinion={opinion}
                isShown={opinion.key === shown?.key}
                onShow={() => {
                  shownKey.value = opinion.key
                }}
                onTake={
                  opinion.what === "newest" || labelOf(opinion, isKnown) === null
                    ? undefined
                    : () => void decide(opinion)
                }
                busy={busy.value}
              />
            ))}
          </ul>
        </Panel>
        <Decide
          boxes={shown?.boxes ?? []}
          busy={busy.value}
          onDecide={(label) => void send({ outcome: "fixed", label })}
        />
        <Reviews found={found} />
      </div>
      {sendingBack.value && (
        <SendBackDialog
          onClose={() => {
            sendingBack.value = false
          }}
          onSend={(reason) => {
            sendingBack.value = false
            void send({ outcome: "sent_back", reason })
          }}
        />
      )}
    </div>
  )
}

function OpinionCard({
  opinion,
  isShown,
  onShow,
  onTake,
  busy,
}: {
  opinion: Opinion
  isShown: boolean
  onShow: () => void
  onTake: (() => void) | undefined
  busy: boolean
}) {
  const words = useWords()
  const kindName = useKindName()
  return (
    <li class="opinion" aria-current={isShown ? "true" : undefined} data-testid="review-opinion">
      <span class="opinion-head">
        <span class="opinion-name">{opinion.by ?? words.together.opinion[opinion.what]}</span>
        {opinion.by !== null && <span class="muted small">{words.together.opinion[opinion.what]}</span>}
      </span>
      <span class="opinion-head">
        <VerdictTag verdict={opinion.verdict} />
        <span>{words.common.and(opinion.kinds.map(kindName))}</span>
      </span>
      <span class="opinion-buttons">
        {opinion.boxes.length > 0 && (
          <Button look="quiet" icon="image" onClick={onShow} disabled={isShown}>
            {isShown ? words.together.shown : words.together.show}
          </Button>
        )}
        {onTake && (
          <Button icon="check" onClick={onTake} disabled={busy} testid="review-take">
            {words.together.take}
          </Button>
        )}
      </span>
    </li>
  )
}

/** The reviewer's own verdict, when nobody else's is right. Boxes of the shown judgement stay with their kinds. */
function Decide({
  boxes,
  busy,
  onDecide,
}: {
  boxes: Opinion["boxes"]
  busy: boolean
  onDecide: (label: Label) => void
}) {
  const { kinds: catalogue } = useApp()
  const words = useWords()
  const kindName = useKindName()
  const picked = useSignal<string[]>([])
  const offered = [...catalogue.value.filter(({ active }) => active).map(({ key }) => key), "unknown"]
  return (
    <Panel title={words.together.decide}>
      <p class="muted small">{words.together.decideHint}</p>
      <div class="kind-choice">
        {offered.map((kind) => (
          <button
            key={kind}
            type="button"
            class={`button button-${picked.value.includes(kind) ? "primary" : "plain"}`}
            aria-pressed={picked.value.includes(kind)}
            onClick={() => {
              picked.value = picked.value.includes(kind)
                ? picked.value.filter((other) => other !== kind)
                : [...picked.value, kind]
            }}
            data-testid="review-kind"
          >
            {kindName(kind)}
          </button>
        ))}
      </div>
      <div class="case-actions">
        <Button
          disabled={busy}
          onClick={() => onDecide({ verdict: "ok", kinds: [], boxes: [] })}
          testid="review-fix-ok"
        >
          {words.together.fixOk}
        </Button>
        <Button
          disabled={busy || picked.value.length === 0}
          onClick={() =>
            onDecide({
              verdict: "ng",
              kinds: picked.value,
              boxes: boxes.filter(({ kind }) => picked.value.includes(kind)),
            })
          }
          testid="review-fix-ng"
        >
          {words.together.fixNg}
        </Button>
      </div>
    </Panel>
  )
}

/** Makes what the newest label says the known answer of the part. */
function KnownButton({ found }: { found: ReviewCase }) {
  const { api } = useApp()
  const words = useWords()
  const done = useSignal(found.reference !== null)
  const trouble = useSignal<Trouble | undefined>(undefined)
  const newest = found.revisions.at(-1)
  if (!newest || (newest.verdict !== "ok" && newest.verdict !== "ng")) return null
  const { verdict, kinds, boxes } = newest
  async function make() {
    try {
      await api.run("PUT", `/api/known-parts/${found.inspection.id}`, { verdict, kinds, boxes })
      done.value = true
    } catch (error) {
      trouble.value = asTrouble(error)
    }
  }
  return (
    <>
      <Button
        icon="star"
        look="quiet"
        disabled={done.value}
        title={words.together.knownHint}
        onClick={() => void make()}
        testid="review-known"
      >
        {done.value ? words.together.knownDone : words.together.known}
      </Button>
      {trouble.value && <TroubleNote trouble={trouble.value} />}
    </>
  )
}

function Reviews({ found }: { found: ReviewCase }) {
  const { now } = useApp()
  const words = useWords()
  const format = useFormat()
  return (
    <Panel title={words.together.history}>
      {found.reviews.length === 0 ? (
        <p class="muted">{words.together.historyEmpty}</p>
      ) : (
        <ul class="opinions">
          {[...found.reviews].reverse().map((review) => (
            <li key={review.id}>
              <span class="opinion-head">
                <span class="opinion-name">{review.by.name}</span>
                <Tag>{words.together.state[review.outcome]}</Tag>
                <span class="muted small">{format.ago(review.at, now.value)}</span>
              </span>
              {review.reason && <p>{review.reason}</p>}
            </li>
          ))}
        </ul>
      )}
    </Panel>
  )
}
