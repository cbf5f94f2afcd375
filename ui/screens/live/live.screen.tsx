import { useSignal } from "@preact/signals"
import { useMemo } from "preact/hooks"
import { Device } from "#contract/fleet"
import { type InspectionView, takenAt } from "#contract/labelling"
import { LiveSeries, LoopView, RolloutView } from "#contract/rollout"
import { thumbUrl } from "../../api.ts"
import { useApp, useFormat, useKindName, useWords } from "../../context.ts"
import { Button } from "../../parts/button.tsx"
import { Chart, type Moment } from "../../parts/chart.tsx"
import { Icon, VerdictMark } from "../../parts/icon.tsx"
import { Loaded } from "../../parts/loaded.tsx"
import { Page, Panel } from "../../parts/page.tsx"
import { Empty } from "../../parts/states.tsx"
import { Tag } from "../../parts/tag.tsx"
import { useResource } from "../../resource.ts"
import { RunningLoop } from "../home/loop.tsx"
import { InspectionDialog } from "./inspection.dialog.tsx"
import { perMinute } from "./series.rules.ts"
import { useStream } from "./stream.ts"

const minutes = 30

/** The line now: who is connected, what they see, and whether it is getting better. */
export function LiveScreen() {
  const words = useWords()
  const shown = useSignal<InspectionView | null>(null)
  return (
    <Page title={words.live.title}>
      <Stations />
      <Loop />
      <div class="live">
        <Stream
          onOpen={(inspection) => {
            shown.value = inspection
          }}
        />
        <Trend />
      </div>
      {shown.value && (
        <InspectionDialog
          inspection={shown.value}
          onClose={() => {
            shown.value = null
          }}
        />
      )}
    </Page>
  )
}

/** What the line is learning at this moment; nothing when it knows all it has met. */
function Loop() {
  const { api } = useApp()
  const loops = useResource("loops", (s) => api.list("/api/loops", LoopView, s), [
    "loop",
    "job",
    "model",
    "rollout",
  ])
  const open = (loops.data.value ?? []).filter((loop) => loop.closed_at === null)
  const [most] = open.sort((a, b) => b.labels - a.labels)
  return most ? <RunningLoop loop={most} slim /> : null
}

const presenceTone = { online: "ok", stale: "unsure", offline: "ng", never: "neutral" } as const

function Stations() {
  const { api } = useApp()
  const words = useWords()
  const devices = useResource("devices", (s) => api.list("/api/devices", Device, s), ["device", "rollout"])
  return (
    <Loaded resource={devices}>
      {(list) => (
        <ul class="live-stations">
          {list.map((device) => {
            const current = device.reported?.slots.current
            const depth = device.reported?.queue.depth ?? 0
            return (
              <li
                key={device.id}
                class="panel live-station"
                data-testid="live-station"
                data-device={device.id}
              >
                <div class="live-station-head">
                  <span class="live-station-name">{device.name}</span>
                  <Tag tone={presenceTone[device.presence]}>
                    <span class={`lamp lamp-${device.presence}`} aria-hidden="true" />
                    {words.presence[device.presence]}
                  </Tag>
                </div>
                <div class="live-station-facts muted">
                  <span>{current ? words.home.release(current.release) : words.stations.noModel}</span>
                  {depth > 0 && <span>{words.live.queue(depth)}</span>}
                </div>
              </li>
            )
          })}
        </ul>
      )}
    </Loaded>
  )
}

function Stream({ onOpen }: { onOpen: (inspection: InspectionView) => void }) {
  const words = useWords()
  const stream = useStream()
  const held = stream.held.value
  const items = stream.items.value
  return (
    <Panel
      class="live-stream"
      title={words.live.stream}
      aside={
        <Button icon={held ? "play" : "pause"} onClick={stream.toggle} testid="live-hold">
          {held ? words.live.resumeStream : words.live.pauseStream}
        </Button>
      }
    >
      {items.length === 0 ? (
        <Empty icon="live" title={words.live.streamEmpty} body={words.live.streamEmptyBody} />
      ) : (
        <ul class="stream" data-testid="live-stream">
          {items.map((inspection) => (
            <li key={inspection.id}>
              <StreamItem inspection={inspection} onOpen={onOpen} />
            </li>
          ))}
        </ul>
      )}
    </Panel>
  )
}

function StreamItem({
  inspection,
  onOpen,
}: {
  inspection: InspectionView
  onOpen: (inspection: InspectionView) => void
}) {
  const words = useWords()
  const format = useFormat()
  const kindName = useKindName()
  const { eval: evaluation } = inspection.verdict
  const kind = inspection.findings[0]?.kind
  return (
    <button
      type="button"
      class={`stream-item stream-${evaluation}`}
      onClick={() => onOpen(inspection)}
      data-testid="live-item"
      data-eval={evaluation}
    >
      <span class="thumb stream-thumb">
        {inspection.image ? (
          <img src={thumbUrl(inspection.image.sha256, 320)} alt="" loading="lazy" />
        ) : (
          <Icon name="image" size={32} />
        )}
      </span>
      <span class="stream-line">
        <VerdictMark verdict={evaluation} size={20} />
        <span class="stream-verdict">
          {kind !== undefined && evaluation === "ng" ? kindName(kind) : words.verdict[evaluation]}
        </span>
        <span class="muted small num">{format.clock(takenAt(inspection))}</span>
      </span>
    </button>
  )
}

function Trend() {
  const { api, prefs } = useApp()
  const words = useWords()
  const series = useResource("series", (s) => api.get(`/api/live/series?minutes=${minutes}`, LiveSeries, s), [
    "inspection",
    "label",
  ])
  const rollouts = useResource("rollouts", (s) => api.list("/api/rollouts", RolloutView, s), ["rollout"])
  const columns = useMemo(() => perMinute(series.data.value), [series.data.value])
  const moments = (rollouts.data.value ?? []).map(
    (rollout): Moment => ({ at: rollout.created_at / 1000, text: words.home.release(rollout.release) }),
  )
  const empty = columns[0].length < 2
  return (
    <Panel
      class="live-trend"
      title={words.live.chart}
      aside={
        <span class="muted">
          {words.live.perMinute} · {words.live.range(minutes)}
        </span>
      }
    >
      <Loaded resource={series}>
        {() =>
          empty ? (
            <Empty icon="training" title={words.live.chartEmpty} body="" />
          ) : (
            <div data-testid="live-chart">
              <Chart
                columns={columns}
                lines={[
                  { name: words.live.series.ng, token: "ng", width: 3 },
                  { name: words.live.series.undecidable, token: "unsure-ink", dash: [8, 5] },
                  { name: words.live.series.escapes, token: "ink", points: true },
                ]}
                moments={moments}
                height={300}
                time
                counts
                locale={words.locale}
                label={words.live.chart}
                theme={prefs.shownTheme.value}
              />
            </div>
          )
        }
      </Loaded>
    </Panel>
  )
}
