import type { Rate } from "#contract/assist"
import { useFormat, useWords } from "../../context.ts"

/** A share as a bar with its interval as a whisker: how much is known is as visible as what is known. */
export function RateBar({ rate: { n, share, low, high } }: { rate: Rate }) {
  const words = useWords()
  const format = useFormat()
  if (n === 0) return <span class="muted">{words.assist.nothingYet}</span>
  const text = words.assist.interval(share, low, high)
  return (
    <span class="rate-bar">
      <svg
        viewBox="0 0 200 24"
        width="200"
        height="24"
        role="img"
        aria-label={text}
        preserveAspectRatio="none"
      >
        <rect x="0" y="7" width="200" height="10" class="rate-ground" />
        <rect x="0" y="7" width={200 * share} height="10" class="rate-fill" />
        <path
          d={`M${200 * low} 4v16M${200 * high} 4v16M${200 * low} 12H${200 * high}`}
          class="rate-whisker"
        />
      </svg>
      <span class="num">{format.percent(share)}</span>
      <span class="muted small num">{words.assist.range(low, high)}</span>
    </span>
  )
}
