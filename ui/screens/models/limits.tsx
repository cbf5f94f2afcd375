import type { ModelContract } from "#contract/model"
import { useWords } from "../../context.ts"
import { useProductName } from "../catalogue/product-name.ts"

type Limits = Pick<ModelContract["thresholds"], "t_low" | "t_high">

const within = (value: number) => Math.min(1, Math.max(0, value))

/** Where OK ends and NG begins on the way from 0 to 1, for each product that has limits of its own and for all others. */
export function LimitBars({ contract }: { contract: ModelContract }) {
  const words = useWords()
  const productName = useProductName()
  const own = Object.entries(contract.products ?? {})
  const rows: { key: string; name: string; limits: Limits; scaled: boolean }[] = [
    ...own.map(([key, limits]) => ({
      key,
      name: productName(key),
      limits,
      scaled: limits.outputs !== undefined,
    })),
    {
      key: "",
      name: own.length === 0 ? words.models.limits.all : words.models.limits.other,
      limits: contract.thresholds,
      scaled: false,
    },
  ]
  return (
    <>
      <ul class="limits" data-testid="model-limits">
        {rows.map(({ key, name, limits, scaled }) => (
          <li key={key}>
            <span class="limits-name">
              {name}
              {scaled && <span class="muted small">{words.models.limits.scaled}</span>}
            </span>
            <LimitBar limits={limits} />
            <span class="num limits-text">
              {words.models.limits.ok(limits.t_low.toFixed(2))} ·{" "}
              {words.models.limits.ng(limits.t_high.toFixed(2))}
            </span>
          </li>
        ))}
      </ul>
      <p class="muted small">{words.models.limits.note}</p>
    </>
  )
}

function LimitBar({ limits: { t_low, t_high } }: { limits: Limits }) {
  const [low, high] = [within(t_low) * 100, within(t_high) * 100]
  return (
    <svg class="limits-bar" viewBox="0 0 100 16" preserveAspectRatio="none" aria-hidden="true">
      <rect class="limits-ok" width={low} height="16" />
      <rect class="limits-open" x={low} width={high - low} height="16" />
      <rect class="limits-ng" x={high} width={100 - high} height="16" />
    </svg>
  )
}
