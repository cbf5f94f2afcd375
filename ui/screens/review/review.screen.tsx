import { useSignal } from "@preact/signals"
import { ReviewItem, SuspectReport } from "#contract/review"
import { thumbUrl } from "../../api.ts"
import { useApp, useFormat, useKindName, useMay, useWords } from "../../context.ts"
import { Button, LinkButton } from "../../parts/button.tsx"
import { Segmented } from "../../parts/field.tsx"
import { Loaded } from "../../parts/loaded.tsx"
import { Page } from "../../parts/page.tsx"
import { Empty } from "../../parts/states.tsx"
import { VerdictTag } from "../../parts/tag.tsx"
import { useResource } from "../../resource.ts"
import { ChecksDialog } from "./checks.dialog.tsx"
import { DoubtLine } from "./doubt.tsx"

/** Labels that somebody should look at once more, the longest first. */
export function ReviewScreen() {
  const { api } = useApp()
  const words = useWords()
  const engineer = useMay("engineer")
  const which = useSignal<"waiting" | "sent_back">("waiting")
  const checking = useSignal(false)
  const items = useResource(
    `reviews ${which.value}`,
    (s) => api.list(`/api/reviews?which=${which.value}`, ReviewItem, s),
    ["review", "label"],
  )
  const empty = which.value === "waiting" ? "waiting" : "sent_back"
  return (
    <Page
      title={words.together.title}
      lead={words.together.lead}
      actions={
        <>
          <LinkButton href="/known" icon="star" testid="review-known-parts">
            {words.station.known.title}
          </LinkButton>
          <LinkButton href="/msa" icon="training">
            {words.together.openMsa}
          </LinkButton>
          {engineer && (
            <Button
              icon="settings"
              onClick={() => {
                checking.value = true
              }}
              testid="review-checks"
            >
              {words.together.checks}
            </Button>
          )}
        </>
      }
    >
      <Segmented
        label={words.together.whichName}
        value={which.value}
        options={[
          { value: "waiting", text: words.together.which.waiting },
          { value: "sent_back", text: words.together.which.sent_back },
        ]}
        onValue={(value) => {
          which.value = value
        }}
      />
      <Suspects />
      <Loaded resource={items}>
        {(list) =>
          list.length > 0 ? (
            <ul class="review-list">
              {list.map((item) => (
                <Item key={item.inspection.id} item={item} />
              ))}
            </ul>
          ) : (
            <Empty
              icon="check"
              title={empty === "waiting" ? words.together.emptyTitle : words.together.sentBackEmptyTitle}
              body={empty === "waiting" ? words.together.emptyBody : words.together.sentBackEmptyBody}
            />
          )
        }
      </Loaded>
      {checking.value && (
        <ChecksDialog
          onClose={() => {
            checking.value = false
          }}
        />
      )}
    </Page>
  )
}

/** Whether the trainer's doubts are worth the look, once there were any. */
function Suspects() {
  const { api } = useApp()
  const { learning } = useWords()
  const report = useResource("suspects", (s) => api.get("/api/msa/suspects", SuspectReport, s), ["review"])
  const found = report.data.value
  if (!found || (found.waiting === 0 && found.wrong.of === 0)) return null
  const { n, of, low, high } = found.wrong
  return (
    <p class="small" data-testid="review-suspects">
      <strong>{learning.suspects}</strong> · {learning.suspectsWaiting(found.waiting)} ·{" "}
      {of === 0 ? learning.suspectsNone : learning.suspectsLooked(n, of)}
      {low !== null && high !== null && of > 0 && (
        <span class="muted"> ({learning.suspectsInterval(low, high)})</span>
      )}
    </p>
  )
}

function Item({ item }: { item: ReviewItem }) {
  const { now } = useApp()
  const words = useWords()
  const format = useFormat()
  const kindName = useKindName()
  const { inspection, why, state, label_by, since, doubt } = item
  return (
    <li>
      <a class="review-item" href={`/review/${inspection.id}`} data-testid="review-item">
        <div class="thumb">
          {inspection.image && <img src={thumbUrl(inspection.image.sha256, 320)} alt="" />}
        </div>
        <span class="review-item-why">{why ? words.together.why[why] : words.together.state[state]}</span>
        {doubt && inspection.label && <DoubtLine doubt={doubt} label={inspection.label} />}
        <span class="opinion-head">
          {inspection.label && <VerdictTag verdict={inspection.label.verdict} />}
          <span>{words.common.and((inspection.label?.kinds ?? []).map(kindName))}</span>
        </span>
        <span class="muted small">
          {words.together.labelledBy(label_by.name)} · {inspection.part_id ?? inspection.id.slice(-8)} ·{" "}
          {format.ago(since, now.value)}
        </span>
      </a>
    </li>
  )
}
