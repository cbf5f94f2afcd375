import { useMemo } from "preact/hooks"
import type uPlot from "uplot"
import type { JobView } from "#contract/registry"
import type { RecipeView } from "#contract/trainer"
import { useApp, useFormat, useKindName, useWords } from "../../context.ts"
import { useDeskWords } from "../../desk-words.ts"
import type { Format } from "../../i18n/format.ts"
import { Button, LinkButton } from "../../parts/button.tsx"
import { Chart, type Line } from "../../parts/chart.tsx"
import { DefectIcon } from "../../parts/icon.tsx"
import { Panel } from "../../parts/page.tsx"
import { Progress } from "../../parts/progress.tsx"
import { Tag, type Tone } from "../../parts/tag.tsx"
import { useRecipeWords } from "./recipe-name.ts"
import { WhyFailed } from "./why-failed.tsx"

const tones: Record<string, Tone> = { succeeded: "ok", failed: "ng", cancelled: "neutral" }

const looks: Pick<Line, "token" | "dash">[] = [
  { token: "ink" },
  { token: "ink-3", dash: [8, 5] },
  { token: "ink-2", dash: [2, 4] },
]

/** A figure sent fewer times than this is a result, not a curve. */
const leastPoints = 4

/**
 * What the trainer sent again and again, over its own steps where it counts them, else over the seconds since the start; if
 * nothing, how far it had come.
 */
function curveOf(
  job: JobView,
  progressName: string,
): { columns: uPlot.AlignedData; names: string[]; counted: boolean } {
  const start = job.started_at ?? job.curve[0]?.at ?? 0
  const counted = job.curve.every((point) => point.step !== undefined)
  const steps = job.curve.map((point) => (counted ? (point.step ?? 0) : (point.at - start) / 1000))
  const all = [...new Set(job.curve.flatMap((point) => Object.keys(point.metrics)))]
  const names = all
    .filter((name) => job.curve.filter((point) => point.metrics[name] !== undefined).length >= leastPoints)
    .slice(0, looks.length)
  if (names.length === 0)
    return {
      columns: [steps, job.curve.map((point) => point.progress * 100)],
      names: [progressName],
      counted,
    }
  const columns: uPlot.AlignedData = [
    steps,
    ...names.map((name) => job.curve.map((p) => p.metrics[name] ?? null)),
  ]
  return { columns, names, counted }
}

const isShare = (metric: string) => /escape|overkill|undecidable|share/.test(metric)

/** A figure of a trainer as people read it. */
export const figureText = (format: Format, metric: string, value: number): string =>
  isShare(metric) ? format.percent(value) : format.figure(value)

/** The newest value of every figure that has a name people know; a trainer sends many more for its own log. */
function Figures({ job }: { job: JobView }) {
  const words = useWords()
  const format = useFormat()
  // A trainer of the plant's own choice names its figures as it likes; the hub's own sends many for its log.
  const newest = Object.entries(job.figures).filter(
    ([name]) => job.place !== "hub" || Object.hasOwn(words.training.metric, name),
  )
  if (newest.length === 0) return null
  return (
    <dl class="facts job-figures">
      {newest.slice(0, 12).map(([name, value]) => (
        <div key={name}>
          <dt>{words.training.metric[name] ?? name}</dt>
          <dd class="num">{figureText(format, name, value)}</dd>
        </div>
      ))}
    </dl>
  )
}

function Dataset({ job }: { job: JobView }) {
  const words = useWords()
  const format = useFormat()
  const kindName = useKindName()
  const { dataset } = job
  const kinds = Object.entries(dataset.by_kind).sort(([, a], [, b]) => b - a)
  return (
    <div class="dataset">
      <h3>{words.training.dataset}</h3>
      <p class="dataset-sum num">
        {words.verdict.ok} {format.number(dataset.ok)} · {words.verdict.ng} {format.number(dataset.ng)}
      </p>
      <ul class="dataset-kinds" aria-label={words.training.byKind}>
        {kinds.map(([kind, count]) => (
          <li key={kind}>
            <DefectIcon kind={kind} size={20} />
            {kindName(kind)}
            <span class="num">{format.number(count)}</span>
          </li>
        ))}
      </ul>
    </div>
  )
}

export function RunningJob({
  job,
  recipes,
  onCancel,
  linked = false,
}: {
  job: JobView
  recipes: RecipeView[] | undefined
  onCancel?: () => void
  /** Leads to the run's own page. */
  linked?: boolean
}) {
  const { prefs } = useApp()
  const words = useWords()
  const desk = useDeskWords()
  const format = useFormat()
  const progressName = `${words.training.progress} (%)`
  const named = useRecipeWords(recipes)
  const { columns, names, counted } = useMemo(() => curveOf(job, progressName), [job, progressName])
  const progress = job.progress
  const gpuNow = ({ util, mem_gb }: NonNullable<NonNullable<typeof progress>["gpu"]>) =>
    words.trainers.gpuNow(
      util === undefined ? null : format.percent(util),
      mem_gb === undefined ? null : format.number(mem_gb),
    )
  const preparing = job.state === "preparing"
  const queued = preparing || job.state === "queued"
  const over = job.finished_at !== null
  const attempt = job.attempts.length
  const phase =
    job.state === "running" && progress
      ? { ...words.training.phase, ...words.trainers.phase }[progress.phase]
      : words.training.state[job.state]
  return (
    <Panel
      class="job"
      title={phase}
      aside={
        <div class="job-side">
          {phase !== words.training.state[job.state] && (
            <Tag tone={over ? (tones[job.state] ?? "neutral") : "strong"}>
              {words.training.state[job.state]}
            </Tag>
          )}
          {linked && (
            <LinkButton href={`/training/${job.id}`} look="quiet">
              {words.trainers.details}
            </LinkButton>
          )}
          {job.model && <LinkButton href={`/models/${job.model}`}>{words.training.openModel}</LinkButton>}
          {onCancel && (
            <Button icon="close" onClick={onCancel} testid="training-cancel">
              {words.training.cancel}
            </Button>
          )}
        </div>
      }
    >
      <div data-testid="training-job" data-state={job.state}>
        <p class="muted">
          {job.why === "manual"
            ? words.training.by(job.created_by)
            : (words.training.why[job.why] ?? job.why)}
          {` · ${named.recipe(job.recipe.id)}`}
          {job.place !== "hub" && ` · ${named.place(job)}`}
          {attempt > 1 && ` · ${words.trainers.attempt(attempt)}`}
          {!over &&
            progress?.eta_s !== undefined &&
            ` · ${words.training.eta(format.duration(progress.eta_s))}`}
          {job.state === "running" && progress?.gpu && ` · ${gpuNow(progress.gpu)}`}
        </p>
        {!over && progress?.message !== undefined && job.place !== "hub" && (
          <p class="num">{progress.message}</p>
        )}
        {!over && job.checkpoint && (
          <p class="muted small">{words.trainers.checkpoint(format.dateTime(job.checkpoint.at))}</p>
        )}
        {job.error !== null && <WhyFailed error={job.error} />}
        {job.note !== null && (
          <p class="muted">
            {desk.result.note}: {job.note}
          </p>
        )}
        {(preparing || !queued) && !over && (
          <div class="job-progress">
            <Progress value={job.state === "proving" ? null : (progress?.progress ?? null)} label={phase} />
            {progress && (preparing || job.state === "running") && (
              <span class="num job-percent">{format.percent(progress.progress)}</span>
            )}
          </div>
        )}
      </div>
      {!queued && (
        <div class="job-body">
          <div>
            <h3>{words.training.curve}</h3>
            {columns[0].length > 1 ? (
              <Chart
                columns={columns}
                lines={names.map((name, i) => ({
                  name: words.training.metric[name] ?? name,
                  ...(looks[i] ?? { token: "ink" }),
                }))}
                height={240}
                time={false}
                unit={counted ? words.trainers.step : words.training.seconds}
                locale={words.locale}
                label={words.training.curve}
                theme={prefs.shownTheme.value}
              />
            ) : job.curve.length > 0 ? null : (
              <p class="muted job-nocurve">{words.training.curveEmpty}</p>
            )}
            <Figures job={job} />
          </div>
          <Dataset job={job} />
        </div>
      )}
    </Panel>
  )
}

export function PastJob({
  job,
  recipes,
  compared,
  onCompare,
}: {
  job: JobView
  recipes: RecipeView[] | undefined
  /** Whether it is one of the two that are compared. */
  compared: boolean
  onCompare: () => void
}) {
  const words = useWords()
  const named = useRecipeWords(recipes)
  const format = useFormat()
  const took =
    job.started_at !== null && job.finished_at !== null
      ? words.training.took(format.duration((job.finished_at - job.started_at) / 1000))
      : ""
  return (
    <li class="row" data-testid="training-job" data-state={job.state}>
      <Tag
        tone={tones[job.state] ?? "neutral"}
        {...(job.state === "succeeded"
          ? { icon: "check" as const }
          : job.state === "failed"
            ? { icon: "warning" as const }
            : {})}
      >
        {words.training.state[job.state]}
      </Tag>
      <div class="row-main">
        <span class="row-title num">{format.dateTime(job.created_at)}</span>
        <span class="muted">
          {words.common.and(
            [
              named.recipe(job.recipe.id),
              words.training.why[job.why] ?? job.why,
              took,
              `${words.verdict.ok} ${format.number(job.dataset.ok)} · ${words.verdict.ng} ${format.number(job.dataset.ng)}`,
            ].filter((text) => text !== ""),
          )}
        </span>
        {job.error !== null && <WhyFailed error={job.error} />}
      </div>
      {job.gate_pass !== null && (
        <Tag tone={job.gate_pass ? "ok" : "ng"} icon={job.gate_pass ? "check" : "close"}>
          {job.gate_pass ? words.training.gatePass : words.training.gateFail}
        </Tag>
      )}
      <div class="row-actions">
        <Button icon="copy" aria-pressed={compared} onClick={onCompare} testid="training-compare">
          {words.trainers.compare}
        </Button>
        <LinkButton href={`/training/${job.id}`}>{words.trainers.details}</LinkButton>
        {job.model && <LinkButton href={`/models/${job.model}`}>{words.training.openModel}</LinkButton>}
      </div>
    </li>
  )
}
