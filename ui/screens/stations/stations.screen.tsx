import { useSignal } from "@preact/signals"
import { Device } from "#contract/fleet"
import { Arrival, RefusalView } from "#contract/ingest"
import { Storage } from "#contract/storage"
import { useApp, useFormat, useMay, useWords } from "../../context.ts"
import { Button } from "../../parts/button.tsx"
import { Confirm } from "../../parts/confirm.tsx"
import { Icon } from "../../parts/icon.tsx"
import { Loaded } from "../../parts/loaded.tsx"
import { Page } from "../../parts/page.tsx"
import { Empty } from "../../parts/states.tsx"
import { Tag } from "../../parts/tag.tsx"
import { useResource } from "../../resource.ts"
import { ArrivalTags, DiskNote, Refusals } from "./arrivals.tsx"
import { Broker } from "./broker.tsx"
import { Certificates } from "./certificates.tsx"
import { Doors } from "./doors.tsx"
import { EnrolDialog } from "./enrol.dialog.tsx"
import { SurroundingTags } from "./surroundings.tsx"
import { WaitingStations } from "./waiting.tsx"

const tones = { online: "ok", stale: "unsure", offline: "ng", never: "neutral" } as const

export function StationsScreen() {
  const { api } = useApp()
  const words = useWords()
  const admin = useMay("admin")
  const engineer = useMay("engineer")
  const enrolling = useSignal(false)
  const arrivals = useResource("arrivals", (s) => api.list("/api/ingest", Arrival, s), ["device", "refusal"])
  const refusals = useResource("refusals", (s) => api.list("/api/refusals?limit=10", RefusalView, s), [
    "refusal",
  ])
  const storage = useResource("storage", (s) => api.get("/api/storage", Storage, s), ["storage", "device"])
  const devices = useResource("devices", (s) => api.list("/api/devices", Device, s), ["device", "rollout"])
  return (
    <Page
      title={words.stations.title}
      actions={
        admin && (
          <Button
            look="primary"
            icon="plus"
            onClick={() => {
              enrolling.value = true
            }}
            testid="station-enrol"
          >
            {words.stations.enrol}
          </Button>
        )
      }
    >
      {storage.data.value && <DiskNote storage={storage.data.value} />}
      {engineer && <Certificates />}
      {engineer && <WaitingStations />}
      <Loaded resource={devices}>
        {(list) =>
          list.length === 0 ? (
            <Empty icon="stations" title={words.stations.empty} body={words.stations.emptyBody} />
          ) : (
            <ul class="rows">
              {list.map((device) => (
                <Station
                  key={device.id}
                  device={device}
                  arrival={arrivals.data.value?.find((one) => one.device_id === device.id)}
                  onChanged={devices.reload}
                />
              ))}
            </ul>
          )
        }
      </Loaded>
      {refusals.data.value && (
        <Refusals
          list={refusals.data.value}
          names={new Map(devices.data.value?.map(({ id, name }) => [id, name]))}
        />
      )}
      {engineer && <Broker />}
      {engineer && <Doors />}
      {enrolling.value && (
        <EnrolDialog
          onClose={() => {
            enrolling.value = false
            devices.reload()
          }}
        />
      )}
    </Page>
  )
}

/** What is wrong with a station's certificate and its clock; nothing when all is well. */
function IdentityTags({ device }: { device: Device }) {
  const words = useWords()
  const format = useFormat()
  const { clock_offset_ms: ahead, certificate_within_days: within } = device
  if (ahead === undefined && within === undefined) return null
  return (
    <div class="tags station-arrivals">
      {ahead !== undefined && (
        <Tag tone="unsure" icon="warning">
          {words.devices.clockOff[ahead > 0 ? "slow" : "fast"](format.duration(Math.abs(ahead) / 1000))}
        </Tag>
      )}
      {within !== undefined && (
        <Tag tone={within <= 7 ? "ng" : "unsure"} icon="key">
          {within === 0 ? words.devices.certificate.tagEnded : words.devices.certificate.tag(within)}
        </Tag>
      )}
    </div>
  )
}

function Station({
  device,
  arrival,
  onChanged,
}: {
  device: Device
  arrival: Arrival | undefined
  onChanged: () => void
}) {
  const { api, now } = useApp()
  const admin = useMay("admin")
  const engineer = useMay("engineer")
  const asking = useSignal<"revoke" | "clone" | null>(null)
  const words = useWords()
  const format = useFormat()
  const { reported } = device
  const current = reported?.slots.current
  const facts: [string, string][] = [
    [words.stations.model, current ? words.home.release(current.release) : words.stations.noModel],
    ...(reported
      ? ([
          [words.stations.inspected, format.number(reported.counts.inspected)],
          [words.stations.latency, format.milliseconds(reported.latency.p99_ms)],
          [
            words.stations.queue,
            reported.queue.oldest_ms < 10_000
              ? format.number(reported.queue.depth)
              : `${format.number(reported.queue.depth)} · ${format.duration(reported.queue.oldest_ms / 1000, 1)}`,
          ],
        ] as [string, string][])
      : []),
    [
      words.stations.seen,
      device.seen_at === undefined ? words.time.never : format.ago(device.seen_at, now.value),
    ],
  ]
  return (
    <li class="row station" data-testid="station-item" data-device={device.id}>
      <div class="row-main">
        <span class="row-title">{device.name}</span>
        <span class="muted">
          {device.id} · {words.stations.proofBy[device.proof]}
        </span>
      </div>
      <Tag tone={device.revoked_at === undefined ? tones[device.presence] : "neutral"}>
        {device.revoked_at === undefined ? (
          <>
            <span class={`lamp lamp-${device.presence}`} aria-hidden="true" />
            {words.presence[device.presence]}
          </>
        ) : (
          words.stations.revoked
        )}
      </Tag>
      <dl class="station-facts num">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <div class="station-more">
        <SurroundingTags surroundings={reported?.surroundings} />
        <IdentityTags device={device} />
        <ArrivalTags arrival={arrival} shed={reported?.shed ?? {}} />
        {admin && device.revoked_at === undefined && (
          <Button
            look="quiet"
            onClick={() => {
              asking.value = "revoke"
            }}
            testid="station-revoke"
          >
            {words.stations.revoke}
          </Button>
        )}
      </div>
      {device.clone && (
        <div class="note note-trouble station-clone" data-testid="station-clone">
          <Icon name="warning" />
          <p class="note-text">
            {words.stations.clone(format.dateTime(device.clone.at), device.clone.addresses.join(", "))}
          </p>
          {engineer && (
            <Button
              onClick={() => {
                asking.value = "clone"
              }}
              testid="station-clone-clear"
            >
              {words.stations.cloneClear}
            </Button>
          )}
        </div>
      )}
      {asking.value === "revoke" && (
        <Confirm
          title={words.stations.revokeTitle(device.name)}
          body={words.stations.revokeBody}
          yes={words.stations.revoke}
          danger
          onYes={async () => {
            await api.run("DELETE", `/api/devices/${device.id}`)
            onChanged()
          }}
          onClose={() => {
            asking.value = null
          }}
          testid="station-revoke-yes"
        />
      )}
      {asking.value === "clone" && (
        <Confirm
          title={words.stations.cloneClear}
          body={words.stations.cloneClearBody}
          yes={words.stations.cloneClear}
          onYes={async () => {
            await api.run("DELETE", `/api/devices/${device.id}/clone`)
            onChanged()
          }}
          onClose={() => {
            asking.value = null
          }}
          testid="station-clone-yes"
        />
      )}
    </li>
  )
}
