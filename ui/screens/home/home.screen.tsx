import { HomeView } from "#contract/rollout"
import { useApp, useFormat, useKindName, useMay, useWords } from "../../context.ts"
import { LinkButton } from "../../parts/button.tsx"
import { Icon } from "../../parts/icon.tsx"
import { Loaded } from "../../parts/loaded.tsx"
import { Figure, Page, Panel } from "../../parts/page.tsx"
import { useResource } from "../../resource.ts"
import { RunningLoop } from "./loop.tsx"
import { Newest } from "./newest.tsx"

function QuietLoop() {
  const words = useWords()
  return (
    <Panel class="loop">
      <div class="loop-quiet">
        <Icon name="check" size={40} />
        <div>
          <h2>{words.home.noLoop}</h2>
          <p class="muted">{words.home.noLoopBody}</p>
        </div>
      </div>
    </Panel>
  )
}

/** Before anything sends pictures there is nothing to judge: what to do first. */
function FirstSteps() {
  const words = useWords()
  const admin = useMay("admin")
  const engineer = useMay("engineer")
  return (
    <Panel class="loop">
      <div class="loop-quiet" data-testid="home-first">
        <Icon name="stations" size={40} />
        <div>
          <h2>{words.home.first}</h2>
          <p class="muted">{words.home.firstBody}</p>
          {engineer && (
            <p class="home-first">
              {admin && <LinkButton href="/stations">{words.home.addStation}</LinkButton>}
              <LinkButton href="/sources">{words.home.addCamera}</LinkButton>
            </p>
          )}
        </div>
      </div>
    </Panel>
  )
}

/** Nothing has ever come in, as far as this page can tell. */
const isFirstDay = ({ stations, waiting, champion, last_hour }: HomeView): boolean =>
  stations.total === 0 && waiting === 0 && champion === null && last_hour.inspected === 0

export function HomeScreen() {
  const { api } = useApp()
  const words = useWords()
  const format = useFormat()
  const kindName = useKindName()
  const home = useResource("home", (s) => api.get("/api/home", HomeView, s), [
    "inspection",
    "label",
    "device",
    "job",
    "model",
    "rollout",
    "loop",
  ])
  return (
    <Page title={words.home.title}>
      <Loaded resource={home}>
        {(data) => (
          <div class="home">
            {data.loop ? <RunningLoop loop={data.loop} /> : isFirstDay(data) ? <FirstSteps /> : <QuietLoop />}
            <a class="home-label" href="/label" data-testid="home-label">
              <span class="home-label-name">{words.home.waiting}</span>
              <span class="home-label-count" data-testid="home-waiting">
                {format.number(data.waiting)}
                <span class="home-label-unit">{words.home.waitingUnit}</span>
              </span>
              <span class="home-label-go">
                <Icon name="label" size={32} />
                {data.waiting > 0 ? words.home.labelNow : words.home.nothingWaiting}
              </span>
              <span class="home-label-note">{words.home.labelledToday(data.labelled_today)}</span>
            </a>
            <Panel title={words.home.lastHour} class="home-hour">
              <div class="figures">
                <Figure name={words.home.inspected} value={format.number(data.last_hour.inspected)} />
                <Figure
                  name={words.home.ng}
                  value={format.number(data.last_hour.ng)}
                  {...(data.last_hour.ng > 0 ? { tone: "ng" as const } : {})}
                />
                <Figure
                  name={words.home.undecidable}
                  value={format.number(data.last_hour.undecidable)}
                  {...(data.last_hour.undecidable > 0 ? { tone: "unsure" as const } : {})}
                />
              </div>
            </Panel>
            <Panel title={words.home.lastClosed}>
              {data.last_closed?.loop_seconds != null ? (
                <Figure
                  name={kindName(data.last_closed.kind)}
                  value={format.duration(data.last_closed.loop_seconds)}
                  {...(data.last_closed.closed_at
                    ? { note: format.dateTime(data.last_closed.closed_at) }
                    : {})}
                />
              ) : (
                <p class="muted">{words.common.none}</p>
              )}
            </Panel>
            <a class="panel home-stations" href="/stations">
              <Figure
                name={words.home.stations}
                value={words.home.stationsOnline(data.stations.online, data.stations.total)}
                {...(data.stations.online < data.stations.total ? { tone: "unsure" as const } : {})}
              />
              <Figure
                name={words.home.champion}
                value={data.champion ? words.home.release(data.champion.release) : words.home.noChampion}
              />
            </a>
            <Newest />
          </div>
        )}
      </Loaded>
    </Page>
  )
}
