import { EmbeddingStatus, HelpReport } from "#contract/assist"
import { useApp, useFormat, useWords } from "../../context.ts"
import { Chart } from "../../parts/chart.tsx"
import { Loaded } from "../../parts/loaded.tsx"
import { Figure, Page, Panel } from "../../parts/page.tsx"
import { Progress } from "../../parts/progress.tsx"
import { useResource } from "../../resource.ts"
import { RateBar } from "./rate-bar.tsx"
import { Segmenters } from "./segmenters.tsx"
import { Teacher } from "./teacher.tsx"

/** Help for people who judge: whether it helps, and what helps. */
export function AssistScreen() {
  const { api } = useApp()
  const words = useWords()
  const report = useResource("help", (s) => api.get("/api/assist/help", HelpReport, s), ["label"])
  return (
    <Page title={words.assist.title} lead={words.assist.lead}>
      <Loaded resource={report}>{(data) => <Measured report={data} />}</Loaded>
      <Teacher />
      <Segmenters />
      <Looking />
    </Page>
  )
}

const seconds = (ms: number) => ms / 1000

function Measured({ report }: { report: HelpReport }) {
  const { prefs } = useApp()
  const words = useWords()
  const format = useFormat()
  const { time, agreement, tools, days, blind_share } = report
  return (
    <>
      <Panel title={words.assist.time}>
        <div class="figures" data-testid="assist-time">
          <Figure
            name={words.assist.withHelp}
            value={time.helped.n === 0 ? words.common.none : format.figure(seconds(time.helped.median_ms))}
            {...(time.helped.n > 0 && { unit: words.assist.seconds })}
            note={words.assist.labels(time.helped.n)}
          />
          <Figure
            name={words.assist.withoutHelp}
            value={time.blind.n === 0 ? words.common.none : format.figure(seconds(time.blind.median_ms))}
            {...(time.blind.n > 0 && { unit: words.assist.seconds })}
            note={words.assist.labels(time.blind.n)}
          />
        </div>
        <p>
          {time.ratio === null
            ? words.assist.ratioUnknown
            : time.ratio.high < 1
              ? words.assist.faster(1 - time.ratio.value, 1 - time.ratio.high, 1 - time.ratio.low)
              : time.ratio.low > 1
                ? words.assist.slower(time.ratio.value - 1, time.ratio.low - 1, time.ratio.high - 1)
                : words.assist.ratioOpen}
        </p>
        <p class="muted small">{words.assist.blindShare(blind_share)}</p>
      </Panel>
      <Panel title={words.assist.leads}>
        <dl class="assist-rates">
          <dt>{words.assist.withHelp}</dt>
          <dd>
            <RateBar rate={agreement.helped} />
          </dd>
          <dt>{words.assist.withoutHelp}</dt>
          <dd>
            <RateBar rate={agreement.blind} />
          </dd>
        </dl>
        <p class="muted small">{words.assist.leadsNote}</p>
      </Panel>
      <Panel title={words.assist.taken}>
        {tools.length === 0 ? (
          <p class="muted">{words.assist.takenNone}</p>
        ) : (
          <dl class="assist-rates" data-testid="assist-tools">
            {tools.map(({ tool, as_is, changed, shown, taken }) => (
              <>
                <dt key={tool}>
                  {words.assist.tool[tool]}
                  <span class="muted small num">{words.assist.takenOf(as_is, changed, shown)}</span>
                </dt>
                <dd key={`${tool} rate`}>
                  <RateBar rate={taken} />
                </dd>
              </>
            ))}
          </dl>
        )}
        {days.length > 1 && (
          <Chart
            columns={[
              days.map(({ day }) => day / 1000),
              days.map(({ taken, shown }) => (shown === 0 ? null : (100 * taken) / shown)),
            ]}
            lines={[{ name: words.assist.takenPercent, token: "ink" }]}
            height={180}
            time
            locale={words.locale}
            label={words.assist.takenPercent}
            theme={prefs.shownTheme.value}
          />
        )}
      </Panel>
    </>
  )
}

/** How far the background is with looking at pictures. */
function Looking() {
  const { api } = useApp()
  const words = useWords()
  const status = useResource("embeddings", (s) => api.get("/api/assist/embeddings", EmbeddingStatus, s), [
    "inspection",
  ])
  return (
    <Panel title={words.assist.similar}>
      <Loaded resource={status}>
        {({ state, made, waiting, unreadable }) => (
          <>
            {state === "working" && (
              <Progress value={made / Math.max(1, made + waiting)} label={words.assist.similar} />
            )}
            <p>{words.assist.looking[state]}</p>
            <p class="muted num">{words.assist.looked(made, waiting, unreadable)}</p>
          </>
        )}
      </Loaded>
    </Panel>
  )
}
