import type { ComponentChildren } from "preact"
import { useEffect, useErrorBoundary } from "preact/hooks"
import { LocationProvider, Route, Router, useLocation } from "preact-iso"
import { type App, AppContext, useApp, useWords } from "./context.ts"
import { Button, LinkButton } from "./parts/button.tsx"
import { split } from "./parts/split.tsx"
import { Empty } from "./parts/states.tsx"
import { HomeScreen } from "./screens/home/home.screen.tsx"
import { Entrance } from "./screens/session/entrance.tsx"
import { Rail } from "./shell.tsx"

const LabelScreen = split(() => import("./screens/label/label.screen.tsx").then((m) => m.LabelScreen))
// Whoever opens the work screen gets it while the hub is asked who they are.
if (location.pathname.startsWith("/label")) LabelScreen.preload()
const LiveScreen = split(() => import("./screens/live/live.screen.tsx").then((m) => m.LiveScreen))
const DatasetsScreen = split(() =>
  import("./screens/datasets/datasets.screen.tsx").then((m) => m.DatasetsScreen),
)
const TrainingScreen = split(() =>
  import("./screens/training/training.screen.tsx").then((m) => m.TrainingScreen),
)
const RunScreen = split(() => import("./screens/training/run.screen.tsx").then((m) => m.RunScreen))
const ModelsScreen = split(() => import("./screens/models/models.screen.tsx").then((m) => m.ModelsScreen))
const ModelScreen = split(() => import("./screens/models/model.screen.tsx").then((m) => m.ModelScreen))
const ModelAddScreen = split(() => import("./screens/models/add.screen.tsx").then((m) => m.ModelAddScreen))
const AssistScreen = split(() => import("./screens/assist/assist.screen.tsx").then((m) => m.AssistScreen))
const RolloutsScreen = split(() =>
  import("./screens/rollouts/rollouts.screen.tsx").then((m) => m.RolloutsScreen),
)
const StationsScreen = split(() =>
  import("./screens/stations/stations.screen.tsx").then((m) => m.StationsScreen),
)
const SourcesScreen = split(() => import("./screens/sources/sources.screen.tsx").then((m) => m.SourcesScreen))
const SourceScreen = split(() => import("./screens/sources/source.screen.tsx").then((m) => m.SourceScreen))
const CatalogueScreen = split(() =>
  import("./screens/catalogue/catalogue.screen.tsx").then((m) => m.CatalogueScreen),
)
const OrderScreen = split(() => import("./screens/order/order.screen.tsx").then((m) => m.OrderScreen))
const ReviewScreen = split(() => import("./screens/review/review.screen.tsx").then((m) => m.ReviewScreen))
const CaseScreen = split(() => import("./screens/review/case.screen.tsx").then((m) => m.CaseScreen))
const DrawScreen = split(() => import("./screens/review/draw.screen.tsx").then((m) => m.DrawScreen))
const KnownScreen = split(() => import("./screens/known/known.screen.tsx").then((m) => m.KnownScreen))
const MsaScreen = split(() => import("./screens/msa/msa.screen.tsx").then((m) => m.MsaScreen))
const StudyScreen = split(() => import("./screens/msa/study.screen.tsx").then((m) => m.StudyScreen))
const PartsScreen = split(() => import("./screens/parts/parts.screen.tsx").then((m) => m.PartsScreen))
const PartScreen = split(() => import("./screens/parts/part.screen.tsx").then((m) => m.PartScreen))
const PeopleScreen = split(() => import("./screens/people/people.screen.tsx").then((m) => m.PeopleScreen))
const ConnectionsScreen = split(() =>
  import("./screens/connections/connections.screen.tsx").then((m) => m.ConnectionsScreen),
)
const SettingsScreen = split(() =>
  import("./screens/settings/settings.screen.tsx").then((m) => m.SettingsScreen),
)

function NotFound() {
  const words = useWords()
  return (
    <Empty icon="unknown" title={words.common.notFoundTitle} body={words.common.notFoundBody}>
      <LinkButton href="/" look="primary" icon="home">
        {words.common.home}
      </LinkButton>
    </Empty>
  )
}

/** A screen that throws is replaced by a note, not by a white page; what was saved is not touched. */
function Guard({ children }: { children: ComponentChildren }) {
  const words = useWords()
  const { opened } = useApp()
  const [error] = useErrorBoundary((error) => {
    console.error(error)
    opened.end()
  })
  if (error === undefined) return <>{children}</>
  return (
    <Empty icon="warning" title={words.common.crashTitle} body={words.common.crashBody}>
      <Button look="primary" onClick={() => location.reload()}>
        {words.common.reload}
      </Button>
    </Empty>
  )
}

function ConnectionBanner() {
  const { live } = useApp()
  const words = useWords()
  // Shown late by CSS, so that a quick reconnect does not flash.
  return live.connected.value ? null : (
    <div class="banner banner-late" role="status">
      {words.common.reconnecting}
    </div>
  )
}

function Screens() {
  const { path } = useLocation()
  // The work screen takes the whole tablet: its thumb zones are the corners of the glass.
  const isWork = path.startsWith("/label")
  const { opened } = useApp()
  useEffect(() => {
    if (!isWork) opened.end()
  }, [isWork, opened])
  const whole = isWork || /^\/review\/[^/]+\/draw$/.test(path)
  const view = (
    <Guard key={path}>
      <Router>
        <Route path="/" component={HomeScreen} />
        <Route path="/label" component={LabelScreen} />
        <Route path="/live" component={LiveScreen} />
        <Route path="/datasets" component={DatasetsScreen} />
        <Route path="/training" component={TrainingScreen} />
        <Route path="/training/:id" component={RunScreen} />
        <Route path="/models" component={ModelsScreen} />
        <Route path="/models/add" component={ModelAddScreen} />
        <Route path="/models/:digest" component={ModelScreen} />
        <Route path="/assist" component={AssistScreen} />
        <Route path="/rollouts" component={RolloutsScreen} />
        <Route path="/stations" component={StationsScreen} />
        <Route path="/sources" component={SourcesScreen} />
        <Route path="/sources/:id" component={SourceScreen} />
        <Route path="/catalogue" component={CatalogueScreen} />
        <Route path="/order" component={OrderScreen} />
        <Route path="/review" component={ReviewScreen} />
        <Route path="/review/:id" component={CaseScreen} />
        <Route path="/review/:id/draw" component={DrawScreen} />
        <Route path="/known" component={KnownScreen} />
        <Route path="/msa" component={MsaScreen} />
        <Route path="/msa/:id" component={StudyScreen} />
        <Route path="/parts" component={PartsScreen} />
        <Route path="/parts/:id" component={PartScreen} />
        <Route path="/people" component={PeopleScreen} />
        <Route path="/connections" component={ConnectionsScreen} />
        <Route path="/settings" component={SettingsScreen} />
        <Route default component={NotFound} />
      </Router>
    </Guard>
  )
  if (whole) return view
  return (
    <div class="shell">
      <Rail onIntent={(href) => href === "/label" && LabelScreen.preload()} />
      <div class="shell-view">
        <ConnectionBanner />
        {view}
      </div>
    </div>
  )
}

export function Root({ app }: { app: App }) {
  return (
    <AppContext.Provider value={app}>
      <LocationProvider>
        <Entrance>
          <Screens />
        </Entrance>
      </LocationProvider>
    </AppContext.Provider>
  )
}
