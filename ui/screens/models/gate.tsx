import type { Confusion, GateCheck, GateReport } from "#contract/registry"
import { thumbUrl } from "../../api.ts"
import { useFormat, useKindName, useWords } from "../../context.ts"
import { gateSentence } from "../../i18n/format.ts"
import { DefectIcon, Icon, type IconName } from "../../parts/icon.tsx"
import { VerdictTag } from "../../parts/tag.tsx"

const signs: Record<GateCheck["status"], IconName> = {
  pass: "check",
  fail: "close",
  warn: "warning",
  skip: "minus",
}

/** Each gate as a sentence: the failed ones first, because they are why one reads this. */
export function Checks({ checks }: { checks: readonly GateCheck[] }) {
  const words = useWords()
  const kindName = useKindName()
  const order: GateCheck["status"][] = ["fail", "warn", "pass", "skip"]
  const sorted = [...checks].sort((a, b) => order.indexOf(a.status) - order.indexOf(b.status))
  return (
    <ul class="gate-checks">
      {sorted.map((check) => {
        const kind = check.params.kind
        const params = typeof kind === "string" ? { ...check.params, kind: kindName(kind) } : check.params
        return (
          <li
            key={check.id}
            class={`gate-check gate-check-${check.status}`}
            data-testid="model-check"
            data-status={check.status}
          >
            <span class="gate-check-sign">
              <Icon name={signs[check.status]} />
            </span>
            <div>
              <p class="gate-check-name">
                {words.gate.check[check.id]}
                <span class="muted small">
                  {" "}
                  {words.models[check.status]}
                  {check.hard && ` · ${words.models.required}`}
                </span>
              </p>
              <p>{gateSentence(words, { ...check, params })}</p>
            </div>
          </li>
        )
      })}
    </ul>
  )
}

/** This model beside the one in use. The bar ends at the bound that is proven, not at the rate that was seen. */
export function Comparison({ gate }: { gate: GateReport }) {
  const words = useWords()
  const format = useFormat()
  const { challenger, champion } = gate
  const rows: { name: string; of: (c: Confusion) => { value: number; upper: number; note: string } }[] = [
    {
      name: words.models.escape,
      of: (c) => ({ value: c.escape, upper: c.escape_upper, note: words.models.escapesOf(c.escapes, c.ng) }),
    },
    {
      name: words.models.overkill,
      of: (c) => ({
        value: c.overkill,
        upper: c.overkill_upper,
        note: words.models.overkillsOf(c.overkills, c.ok),
      }),
    },
    {
      name: words.models.undecidable,
      of: (c) => ({ value: c.undecidable, upper: c.undecidable, note: "" }),
    },
  ]
  const sides = [
    { name: words.models.challenger, confusion: challenger },
    ...(champion ? [{ name: words.models.championCol, confusion: champion }] : []),
  ]
  const most = Math.max(0.02, ...rows.flatMap((row) => sides.map((side) => row.of(side.confusion).upper)))
  return (
    <div class="compare">
      {rows.map((row) => (
        <section key={row.name} class="compare-row">
          <h3>{row.name}</h3>
          {sides.map((side, i) => {
            const { value, upper, note } = row.of(side.confusion)
            return (
              <div key={side.name} class={`compare-side ${i === 0 ? "compare-own" : ""}`}>
                <span class="compare-name">{side.name}</span>
                <svg class="compare-bar" viewBox="0 0 100 12" preserveAspectRatio="none" aria-hidden="true">
                  <rect class="bar-ground" width="100" height="12" />
                  <rect class="bar-bound" width={(upper / most) * 100} height="12" />
                  <rect class="bar-value" width={(value / most) * 100} height="12" />
                </svg>
                <span class="compare-value num">{format.percent(value)}</span>
                <span class="compare-note muted small">
                  {note}
                  {upper > value && ` · ${words.models.upper(upper)}`}
                </span>
              </div>
            )
          })}
        </section>
      ))}
      {challenger.auroc !== null && (
        <p class="muted num">
          {words.models.auroc} {challenger.auroc.toFixed(3)}
        </p>
      )}
    </div>
  )
}

export function PerKind({ gate }: { gate: GateReport }) {
  const words = useWords()
  const kindName = useKindName()
  return (
    <ul class="kinds-found">
      {gate.per_kind.map((row) => {
        const found = row.n - row.escapes
        const before = row.champion_escapes
        return (
          <li key={row.kind}>
            <DefectIcon kind={row.kind} size={22} />
            <span class="kinds-found-name">{kindName(row.kind)}</span>
            <svg class="compare-bar" viewBox="0 0 100 12" preserveAspectRatio="none" aria-hidden="true">
              <rect class="bar-ground" width="100" height="12" />
              <rect class="bar-value" width={(found / row.n) * 100} height="12" />
              <rect
                class="bar-lack"
                x={(found / row.n) * 100}
                width={(row.escapes / row.n) * 100}
                height="12"
              />
            </svg>
            <span class="num kinds-found-count">{words.models.perKindRow(found, row.n)}</span>
            <span class="kinds-found-change small">
              {before !== null && before > row.escapes && `▲ ${words.models.better}`}
              {before !== null && before < row.escapes && `▼ ${words.models.worse}`}
            </span>
          </li>
        )
      })}
    </ul>
  )
}

/** The golden parts it gets wrong, as pictures: the quickest way to see what it does not understand. */
export function Failing({ gate }: { gate: GateReport }) {
  const words = useWords()
  const kindName = useKindName()
  if (gate.failing.length === 0) return <p class="muted">{words.models.failingNone}</p>
  return (
    <ul class="failing">
      {gate.failing.map((part) => (
        <li key={part.image} class="failing-item" data-testid="model-failing">
          <div class="thumb failing-thumb">
            <img
              src={thumbUrl(part.image, 480)}
              alt={words.common.and(part.kinds.map(kindName))}
              loading="lazy"
            />
          </div>
          <dl>
            <div>
              <dt>{words.models.truth}</dt>
              <dd>
                <VerdictTag verdict={part.truth} /> {words.common.and(part.kinds.map(kindName))}
              </dd>
            </div>
            <div>
              <dt>{words.models.modelSaid}</dt>
              <dd>
                <VerdictTag verdict={part.eval} />{" "}
                {part.score !== null && <span class="num muted">{part.score.toFixed(2)}</span>}
              </dd>
            </div>
          </dl>
        </li>
      ))}
    </ul>
  )
}
