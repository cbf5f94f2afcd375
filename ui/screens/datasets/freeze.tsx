import type { FreezeState } from "#contract/dataset"
import { thumbUrl } from "../../api.ts"
import { useFormat, useWords } from "../../context.ts"
import { Button } from "../../parts/button.tsx"
import { Progress } from "../../parts/progress.tsx"

const shown = 24

/** How far a version on its way is. */
export function FreezeProgress({ state }: { state: FreezeState }) {
  const words = useWords()
  const format = useFormat()
  const { done, total } = state
  const working = state.step === "pictures" ? words.exports.looking : words.freeze.working
  return (
    <div role="status" data-testid="freeze-progress">
      <Progress
        value={total === 0 ? null : done / total}
        label={total === 0 ? words.freeze.reading : working(format.number(done), format.number(total))}
      />
    </div>
  )
}

/** Pictures that would prove what they have taught, side by side, and the two ways on. */
export function NearPairs({
  state,
  busy,
  onDecide,
}: {
  state: FreezeState
  busy: boolean
  onDecide: (near: "leave_out" | "allow") => void
}) {
  const words = useWords()
  return (
    <section class="panel" aria-label={words.freeze.nearTitle(state.pairs.length)} data-testid="freeze-near">
      <h2>{words.freeze.nearTitle(state.pairs.length)}</h2>
      <p class="muted">{words.freeze.nearBody}</p>
      <ul class="near-pairs">
        {state.pairs.slice(0, shown).map(({ golden, other, similarity }) => (
          <li key={`${golden}${other}`}>
            <figure>
              <img src={thumbUrl(golden, 320)} alt={words.freeze.golden} loading="lazy" />
              <figcaption>{words.freeze.golden}</figcaption>
            </figure>
            <figure>
              <img src={thumbUrl(other, 320)} alt={words.freeze.training} loading="lazy" />
              <figcaption class="num">
                {words.freeze.training} · {words.common.percent(similarity)}
              </figcaption>
            </figure>
          </li>
        ))}
      </ul>
      <div class="near-ways">
        <Button look="primary" busy={busy} onClick={() => onDecide("leave_out")} testid="freeze-leave-out">
          {words.freeze.leaveOut}
        </Button>
        <Button disabled={busy} onClick={() => onDecide("allow")}>
          {words.freeze.allow}
        </Button>
      </div>
    </section>
  )
}
