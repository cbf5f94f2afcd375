import type { LoopView } from "#contract/rollout"
import { useApp, useFormat, useKindName, useWords } from "../../context.ts"
import { LinkButton } from "../../parts/button.tsx"
import { Panel } from "../../parts/page.tsx"
import { type Step, Stepper } from "../../parts/progress.tsx"

const stages = ["labelling", "training", "proving", "approval", "rollout"] as const
const stageHref = {
  labelling: "/label",
  training: "/training",
  proving: "/models",
  approval: "/models",
  rollout: "/rollouts",
  closed: "/models",
} as const

/** The one thing the plant watches: how long from a new defect to every station knowing it. `slim`: one strip above other things. */
export function RunningLoop({ loop, slim = false }: { loop: LoopView; slim?: boolean }) {
  const { now } = useApp()
  const words = useWords()
  const format = useFormat()
  const kindName = useKindName()
  const order: readonly string[] = stages
  const at = order.indexOf(loop.stage)
  const steps = stages.map(
    (stage, i): Step => ({
      name: words.home.stage[stage],
      state: at < 0 || i < at ? "done" : i === at ? "now" : "later",
    }),
  )
  const seconds = loop.loop_seconds ?? (now.value - loop.first_seen_at) / 1000
  const href = loop.stage === "approval" && loop.model ? `/models/${loop.model}` : stageHref[loop.stage]
  return (
    <Panel
      class={`loop ${slim ? "loop-slim" : ""}`}
      title={words.home.loopRunning(kindName(loop.kind))}
      aside={<span class="muted">{words.home.loopLabels(loop.labels)}</span>}
    >
      <div class="loop-time" data-testid="home-loop">
        <span class="loop-clock">{format.duration(seconds)}</span>
        <span class="muted">
          {words.home.loopTime}
          {!slim && ` · ${words.home.loopTimeHint}`}
        </span>
      </div>
      <Stepper steps={steps} label={words.home.loopTime} />
      <div class="loop-next">
        <p>{words.home.stageHint[loop.stage]}</p>
        <LinkButton href={href} icon="next">
          {words.home.open}
        </LinkButton>
      </div>
    </Panel>
  )
}
