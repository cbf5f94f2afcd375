import { useSignal } from "@preact/signals"
import { useEffect } from "preact/hooks"
import { CoverageStatus } from "#contract/assist"
import { SkipCount } from "#contract/flow"
import { valueParts } from "#contract/labelling"
import { listOf } from "#contract/list"
import { PreviewItem, type QueueFloors, QueueView, type QueueWeights } from "#contract/queue"
import { asTrouble, type Trouble, thumbUrl } from "../../api.ts"
import { useApp, useMay, useWords } from "../../context.ts"
import { whyText } from "../../i18n/why.ts"
import { Button } from "../../parts/button.tsx"
import { Select } from "../../parts/field.tsx"
import { VerdictMark } from "../../parts/icon.tsx"
import { Loaded } from "../../parts/loaded.tsx"
import { Page, Panel } from "../../parts/page.tsx"
import { TroubleNote } from "../../parts/states.tsx"
import { Tag } from "../../parts/tag.tsx"
import { useResource } from "../../resource.ts"

const previewAnswer = listOf(PreviewItem)
const previewed = 12

/** Which parts people see first, in plain words, and what that would mean right now. */
export function OrderScreen() {
  const { api } = useApp()
  const words = useWords()
  const engineer = useMay("engineer")
  const text = words.flow.order
  const queue = useResource("queue", (s) => api.get("/api/queue", QueueView, s))
  const skips = useResource("skips", (s) => api.list("/api/labelling/skips", SkipCount, s))
  return (
    <Page title={text.title} lead={engineer ? text.lead : text.readOnly}>
      <Loaded resource={queue}>
        {(view) => <Order view={view} mayChange={engineer} onSaved={queue.reload} />}
      </Loaded>
      <Panel title={text.skips}>
        <Loaded resource={skips}>
          {(list) =>
            list.length === 0 ? (
              <p class="muted">{text.skipsNone}</p>
            ) : (
              <ul class="entries">
                {list.map(({ reason, skips: count }) => (
                  <li key={reason} class="entry-past entry-line">
                    <strong>{words.flow.skip.reason[reason]}</strong>
                    <span class="num">{text.times(count)}</span>
                  </li>
                ))}
              </ul>
            )
          }
        </Loaded>
      </Panel>
    </Page>
  )
}

function Order({ view, mayChange, onSaved }: { view: QueueView; mayChange: boolean; onSaved: () => void }) {
  const { api } = useApp()
  const words = useWords()
  const text = words.flow.order
  const line = useSignal<string | null>(null)
  const policyOf = (of: string | null) =>
    view.policies.find((policy) => policy.line === of) ??
    view.policies.find((policy) => policy.line === null)!
  const weights = useSignal<QueueWeights>(policyOf(null).weights)
  const audit = useSignal(policyOf(null).audit_share)
  const floors = useSignal<QueueFloors>(view.floors)
  const busy = useSignal(false)
  const saved = useSignal(false)
  const trouble = useSignal<Trouble | undefined>(undefined)
  const preview = useSignal<PreviewItem[] | undefined>(undefined)
  const lines = [...new Set([...view.policies, ...view.lines].map((entry) => entry.line))].filter(
    (one): one is string => one !== null,
  )
  const waiting = view.lines
    .filter((entry) => line.value === null || entry.line === line.value)
    .reduce((sum, entry) => sum + entry.waiting, 0)
  const isOwn = line.value !== null && view.policies.some((policy) => policy.line === line.value)

  useEffect(() => {
    let stopped = false
    // A slider that is being moved asks when it rests.
    const timer = setTimeout(() => {
      const body = { policy: { line: line.value, weights: weights.value }, limit: previewed }
      api.post("/api/queue/preview", body, previewAnswer).then(
        ({ items }) => {
          if (!stopped) preview.value = items
        },
        (error: unknown) => {
          if (!stopped) trouble.value = asTrouble(error)
        },
      )
    }, 250)
    return () => {
      stopped = true
      clearTimeout(timer)
    }
  }, [weights.value, line.value, view])

  function choose(of: string | null) {
    line.value = of
    weights.value = policyOf(of).weights
    audit.value = policyOf(of).audit_share
    floors.value = view.floors
    saved.value = false
  }
  function weigh(part: keyof QueueWeights, value: number) {
    weights.value = { ...weights.value, [part]: value }
    saved.value = false
  }

  async function save(own: QueueWeights | null) {
    busy.value = true
    trouble.value = undefined
    try {
      const body = {
        line: line.value,
        weights: own,
        audit_share: audit.value,
        ...(line.value === null && { floors: floors.value }),
      }
      const answer = await api.put("/api/queue/policy", body, QueueView)
      if (own === null) choose(null)
      weights.value = answer.policies.find((policy) => policy.line === line.value)?.weights ?? weights.value
      saved.value = true
      onSaved()
    } catch (error) {
      trouble.value = asTrouble(error)
    } finally {
      busy.value = false
    }
  }

  return (
    <div class="order">
      <Panel
        class="order-weights"
        aside={<span class="muted num">{text.waiting(waiting)}</span>}
        title={text.title}
      >
        {trouble.value && <TroubleNote trouble={trouble.value} />}
        <Select
          label={text.line}
          value={line.value ?? ""}
          options={[{ value: "", text: text.everyLine }, ...lines.map((one) => ({ value: one, text: one }))]}
          onValue={(value) => choose(value === "" ? null : value)}
          testid="order-line"
        />
        {valueParts.map((part) => (
          <Weight
            key={part}
            name={words.flow.why.part[part]}
            hint={text.hint[part]}
            value={weights.value[part]}
            min={part === "age" ? -1 : 0}
            max={part === "age" ? 1 : 2}
            disabled={!mayChange}
            onValue={(value) => weigh(part, value)}
          />
        ))}
        <Weight
          name={text.audit}
          hint={text.auditHint}
          value={audit.value}
          shown={words.common.percent(audit.value)}
          min={0}
          max={0.2}
          step={0.005}
          disabled={!mayChange}
          onValue={(value) => {
            audit.value = value
            saved.value = false
          }}
        />
        {line.value === null &&
          (["audit", "rare"] as const).map((slice) => (
            <Weight
              key={slice}
              name={slice === "audit" ? words.learning.floorAudit : words.learning.floorRare}
              hint={slice === "audit" ? words.learning.floorAuditHint : words.learning.floorRareHint}
              value={floors.value[slice]}
              shown={words.common.percent(floors.value[slice])}
              min={0}
              max={0.5}
              step={0.01}
              disabled={!mayChange}
              onValue={(value) => {
                floors.value = { ...floors.value, [slice]: value }
                saved.value = false
              }}
            />
          ))}
        {mayChange && (
          <div class="order-actions">
            {isOwn && (
              <Button onClick={() => void save(null)} testid="order-own-end">
                {text.ownEnd}
              </Button>
            )}
            <Button
              look="primary"
              busy={busy.value}
              onClick={() => void save(weights.value)}
              testid="order-save"
            >
              {text.save}
            </Button>
          </div>
        )}
        {saved.value && <p role="status">{text.saved}</p>}
      </Panel>
      <Panel title={text.preview} class="order-preview">
        <Compared line={line.value} />
        {preview.value?.length === 0 && <p class="muted">{text.previewEmpty}</p>}
        <ol class="order-parts">
          {preview.value?.map(({ inspection, why, second_look }) => (
            <li key={inspection.id} class="order-part" data-testid="order-preview">
              <div class="thumb order-thumb">
                {inspection.image && <img src={thumbUrl(inspection.image.sha256, 160)} alt="" />}
              </div>
              <div class="order-why">
                <strong class="order-id">
                  <VerdictMark verdict={inspection.verdict.eval} size={16} />
                  {inspection.part_id ?? inspection.device_id}
                  <span class="muted num">{text.value(why.value)}</span>
                </strong>
                <span class="small">{whyText(words, { why })}</span>
                {second_look && <Tag>{text.secondLook}</Tag>}
              </div>
            </li>
          ))}
        </ol>
      </Panel>
    </div>
  )
}

/** How far the comparing of pictures has come, where this hub compares any. */
function Compared({ line }: { line: string | null }) {
  const { api } = useApp()
  const { learning } = useWords()
  const status = useResource("coverage", (s) => api.get("/api/assist/coverage", CoverageStatus, s), ["label"])
  const lines = (status.data.value?.lines ?? []).filter(
    (one) => one.waiting > 0 && (line === null || one.line === line),
  )
  return (
    <>
      {lines.map(({ line: of, waiting, judged, picked }) => (
        <p key={of ?? ""} class="small muted" data-testid="order-compared">
          {of !== null && line === null && <strong>{learning.coverageLine(of)}: </strong>}
          {learning.coverage(waiting, judged, picked)}
        </p>
      ))}
    </>
  )
}

function Weight({
  name,
  hint,
  value,
  shown,
  min,
  max,
  step = 0.05,
  disabled,
  onValue,
}: {
  name: string
  hint: string
  value: number
  /** Instead of the number. */
  shown?: string
  min: number
  max: number
  step?: number
  disabled: boolean
  onValue: (value: number) => void
}) {
  const words = useWords()
  return (
    <label class="weight">
      <span class="weight-name">
        <strong>{name}</strong>
        <span class="num">{shown ?? words.common.count(value)}</span>
      </span>
      <input
        type="range"
        class="slider"
        min={min}
        max={max}
        step={step}
        value={value}
        disabled={disabled}
        onInput={(event) => onValue(Number(event.currentTarget.value))}
        data-testid="order-weight"
      />
      <span class="small muted">{hint}</span>
    </label>
  )
}
