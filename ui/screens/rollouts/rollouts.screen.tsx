import { useSignal } from "@preact/signals"
import { Device } from "#contract/fleet"
import { RolloutView } from "#contract/rollout"
import { asTrouble, type Trouble } from "../../api.ts"
import { useApp, useFormat, useMay, useWords } from "../../context.ts"
import { Button, LinkButton } from "../../parts/button.tsx"
import { Confirm } from "../../parts/confirm.tsx"
import { Icon, type IconName } from "../../parts/icon.tsx"
import { Loaded } from "../../parts/loaded.tsx"
import { Page, Panel } from "../../parts/page.tsx"
import { Progress } from "../../parts/progress.tsx"
import { Empty, TroubleNote } from "../../parts/states.tsx"
import { Tag, type Tone } from "../../parts/tag.tsx"
import { useResource } from "../../resource.ts"
import { Shadows } from "./shadows.tsx"

const tones: Record<RolloutView["state"], Tone> = {
  running: "strong",
  paused: "unsure",
  finished: "ok",
  halted: "ng",
  rolled_back: "unsure",
  superseded: "neutral",
}
const isOpen = (rollout: RolloutView) => rollout.state === "running" || rollout.state === "paused"

export function RolloutsScreen() {
  const { api } = useApp()
  const words = useWords()
  const rollouts = useResource("rollouts", (s) => api.list("/api/rollouts", RolloutView, s), [
    "rollout",
    "device",
  ])
  const trouble = useSignal<Trouble | undefined>(undefined)
  const returning = useSignal<RolloutView | null>(null)
  const devices = useStations()
  const nameOf = (id: string) => devices.find((device) => device.id === id)?.name ?? id

  async function order(rollout: RolloutView, verb: "pause" | "resume") {
    trouble.value = undefined
    try {
      await api.run("POST", `/api/rollouts/${rollout.id}/${verb}`)
      rollouts.reload()
    } catch (error) {
      trouble.value = asTrouble(error)
    }
  }

  return (
    <Page title={words.rollouts.title}>
      {trouble.value && <TroubleNote trouble={trouble.value} />}
      <Loaded resource={rollouts}>
        {(list) => {
          if (list.length === 0)
            return <Empty icon="rollouts" title={words.rollouts.empty} body={words.rollouts.emptyBody} />
          const newest = list[0]
          // The newest stays open also when finished: it is the one that can be rolled back.
          const large = list.filter((rollout) => rollout === newest || isOpen(rollout))
          const past = list.filter((rollout) => !large.includes(rollout))
          return (
            <>
              {large.map((rollout) => (
                <OpenRollout
                  key={rollout.id}
                  rollout={rollout}
                  nameOf={nameOf}
                  onOrder={(verb) => void order(rollout, verb)}
                  onReturn={() => {
                    returning.value = rollout
                  }}
                />
              ))}
              <Shadows devices={devices} />
              {past.length > 0 && <h2>{words.rollouts.past}</h2>}
              <ul class="rows">
                {past.map((rollout) => (
                  <PastRollout key={rollout.id} rollout={rollout} nameOf={nameOf} />
                ))}
              </ul>
            </>
          )
        }}
      </Loaded>
      {returning.value && (
        <Confirm
          title={words.rollouts.rollbackTitle}
          body={words.rollouts.rollbackBody}
          yes={words.rollouts.rollbackConfirm}
          danger
          onYes={async () => {
            await api.run("POST", `/api/rollouts/${returning.value?.id}/rollback`)
            rollouts.reload()
          }}
          onClose={() => {
            returning.value = null
          }}
          testid="rollout-rollback-confirm"
        />
      )}
    </Page>
  )
}

/** Stations, for the names people gave them; a name that has not come yet, or is gone, stays an id. */
function useStations(): readonly Device[] {
  const { api } = useApp()
  const devices = useResource("devices", (s) => api.list("/api/devices", Device, s), ["device"])
  return devices.data.value ?? []
}

function useHaltText(nameOf: (id: string) => string): (rollout: RolloutView) => string | null {
  const words = useWords()
  return ({ halt_reason: halt }) =>
    halt && words.rollouts.halted(nameOf(halt.device), words.rollouts.reason[halt.reason] ?? halt.reason)
}

function OpenRollout({
  rollout,
  nameOf,
  onOrder,
  onReturn,
}: {
  rollout: RolloutView
  nameOf: (id: string) => string
  onOrder: (verb: "pause" | "resume") => void
  onReturn: () => void
}) {
  const words = useWords()
  const format = useFormat()
  const engineer = useMay("engineer")
  const haltText = useHaltText(nameOf)(rollout)
  const groups = Array.from({ length: rollout.groups }, (_, group) => ({
    group,
    devices: rollout.devices.filter((device) => device.group === group),
  }))
  const done = rollout.devices.filter((device) => device.state === "committed").length
  return (
    <Panel
      class="rollout"
      title={
        <>
          {words.home.release(rollout.release)}{" "}
          <Tag tone={tones[rollout.state]}>{words.rollouts.state[rollout.state]}</Tag>
        </>
      }
      aside={
        engineer && (
          <div class="page-actions" data-testid="rollout-item" data-state={rollout.state}>
            {rollout.state === "running" && (
              <Button icon="pause" onClick={() => onOrder("pause")} testid="rollout-pause">
                {words.rollouts.pause}
              </Button>
            )}
            {rollout.state === "paused" && (
              <Button icon="play" look="primary" onClick={() => onOrder("resume")} testid="rollout-resume">
                {words.rollouts.resume}
              </Button>
            )}
            {rollout.state !== "rolled_back" && rollout.state !== "superseded" && (
              <Button icon="undo" onClick={onReturn} testid="rollout-rollback">
                {words.rollouts.rollback}
              </Button>
            )}
          </div>
        )
      }
    >
      <p class="muted">
        {words.rollouts.progress(done, rollout.devices.length)} ·{" "}
        {words.rollouts.startedBy(rollout.created_by)} · {format.dateTime(rollout.created_at)}
      </p>
      {haltText && (
        <div class="note note-trouble" role="alert">
          <Icon name="warning" />
          <p>{haltText}</p>
        </div>
      )}
      <ol class="groups">
        {groups.map(({ group, devices }) => (
          <li key={group} class={`group ${group > rollout.group ? "group-later" : ""}`}>
            <h3>
              {group === 0
                ? words.rollouts.canary
                : rollout.groups === 2
                  ? words.rollouts.rest
                  : words.rollouts.group(group)}
            </h3>
            <ul>
              {devices.map((device) => (
                <Station key={device.device} device={device} name={nameOf(device.device)} />
              ))}
            </ul>
          </li>
        ))}
      </ol>
      <LinkButton href={`/models/${rollout.model}`} icon="models">
        {words.training.openModel}
      </LinkButton>
    </Panel>
  )
}

const bad = ["rejected", "failed", "rolling_back", "rolled_back"]

function Station({ device, name }: { device: RolloutView["devices"][number]; name: string }) {
  const words = useWords()
  const format = useFormat()
  const isBad = bad.includes(device.state)
  const done = device.state === "committed"
  const rests = device.state === "waiting" || device.state === "idle"
  const icon: IconName = done ? "check" : isBad ? "warning" : rests ? "clock" : "rollouts"
  return (
    <li
      class={`group-station ${done ? "group-station-done" : isBad ? "group-station-bad" : ""}`}
      data-testid="rollout-station"
      data-device={device.device}
      data-state={device.state}
    >
      <span class="group-sign">
        <Icon name={icon} />
      </span>
      <div class="group-main">
        <span class="group-name">
          {name}
          {!device.online && <Tag tone="ng">{words.presence.offline}</Tag>}
        </span>
        <span class="muted">
          {words.rollouts.station[device.state]}
          {device.progress !== null && !done && ` · ${format.percent(device.progress)}`}
          {device.reason !== null && ` · ${words.rollouts.reason[device.reason] ?? device.reason}`}
        </span>
        {!rests && !isBad && (
          <Progress
            value={done ? 1 : device.progress}
            label={words.rollouts.station[device.state]}
            tone={done ? "ok" : "neutral"}
          />
        )}
      </div>
    </li>
  )
}

function PastRollout({ rollout, nameOf }: { rollout: RolloutView; nameOf: (id: string) => string }) {
  const words = useWords()
  const format = useFormat()
  const haltText = useHaltText(nameOf)(rollout)
  const done = rollout.devices.filter((device) => device.state === "committed").length
  return (
    <li class="row" data-testid="rollout-item" data-state={rollout.state}>
      <Tag tone={tones[rollout.state]}>{words.rollouts.state[rollout.state]}</Tag>
      <div class="row-main">
        <span class="row-title">{words.home.release(rollout.release)}</span>
        <span class="muted num">
          {format.dateTime(rollout.created_at)} · {words.rollouts.progress(done, rollout.devices.length)}
        </span>
        {haltText && <span class="row-error">{haltText}</span>}
      </div>
      <LinkButton href={`/models/${rollout.model}`}>{words.training.openModel}</LinkButton>
    </li>
  )
}
