import { useSignal } from "@preact/signals"
import type { Device } from "#contract/fleet"
import { ShadowView } from "#contract/shadow"
import { useApp, useFormat, useMay, useWords } from "../../context.ts"
import { Button } from "../../parts/button.tsx"
import { Confirm } from "../../parts/confirm.tsx"
import { Panel } from "../../parts/page.tsx"
import { Tag, type Tone } from "../../parts/tag.tsx"
import { useResource } from "../../resource.ts"
import { ShadowDialog } from "./shadow.dialog.tsx"

const tones: Record<NonNullable<ShadowView["state"]>, Tone> = {
  waiting: "neutral",
  fetching: "neutral",
  running: "strong",
  failed: "unsure",
}

/** Models that look over the shoulder of the ones on the line, station by station, and how often they differ. */
export function Shadows({ devices }: { devices: readonly Device[] }) {
  const { api } = useApp()
  const words = useWords()
  const engineer = useMay("engineer")
  const assigning = useSignal(false)
  const ending = useSignal<ShadowView | null>(null)
  const shadows = useResource("shadows", (s) => api.list("/api/shadows", ShadowView, s), [
    "rollout",
    "device",
    "inspection",
  ])
  const list = shadows.data.value ?? []
  const nameOf = (id: string) => devices.find((device) => device.id === id)?.name ?? id
  if (list.length === 0 && !engineer) return null
  return (
    <Panel
      title={words.shadows.title}
      aside={
        engineer && (
          <Button
            icon="plus"
            onClick={() => {
              assigning.value = true
            }}
            testid="shadow-assign"
          >
            {words.shadows.assign}
          </Button>
        )
      }
    >
      <p class="muted">{words.shadows.about}</p>
      <ul class="rows">
        {list.map((shadow) => (
          <Row
            key={`${shadow.device}/${shadow.line}`}
            shadow={shadow}
            name={nameOf(shadow.device)}
            onEnd={
              engineer
                ? () => {
                    ending.value = shadow
                  }
                : undefined
            }
          />
        ))}
      </ul>
      {assigning.value && (
        <ShadowDialog
          devices={devices.filter((device) => device.revoked_at === undefined)}
          onClose={() => {
            assigning.value = false
            shadows.reload()
          }}
        />
      )}
      {ending.value && (
        <Confirm
          title={words.shadows.endTitle(nameOf(ending.value.device))}
          body={words.shadows.endBody}
          yes={words.shadows.end}
          onYes={async () => {
            await api.run("DELETE", `/api/devices/${ending.value?.device}/shadow`)
            shadows.reload()
          }}
          onClose={() => {
            ending.value = null
          }}
          testid="shadow-end-yes"
        />
      )}
    </Panel>
  )
}

function Row({ shadow, name, onEnd }: { shadow: ShadowView; name: string; onEnd: (() => void) | undefined }) {
  const words = useWords()
  const format = useFormat()
  const { compared, differed, failed, skipped, state, reason, share } = shadow
  const why = reason === null ? "" : (words.shadows.reason[reason] ?? words.rollouts.reason[reason] ?? reason)
  const facts = [
    words.shadows.share(format.percent(share)),
    compared > 0
      ? words.shadows.compared(format.number(differed), format.number(compared))
      : words.shadows.none,
    ...(failed > 0 ? [words.shadows.failed(format.number(failed))] : []),
    ...(skipped > 0 ? [words.shadows.skipped(format.number(skipped))] : []),
  ]
  return (
    <li class="row" data-testid="shadow-item" data-device={shadow.device} data-state={state ?? ""}>
      <div class="row-main">
        <span class="row-title">
          {name} · {words.home.release(shadow.release)}
        </span>
        <span class="muted num">{facts.join(" · ")}</span>
        {shadow.differences.length > 0 && (
          <span class="muted num">
            {shadow.differences
              .map((one) => {
                const said = (who: string) => words.shadows.eval[who] ?? who
                const way = words.shadows.difference(said(one.champion), said(one.shadow))
                return `${way}: ${format.number(one.parts)}`
              })
              .join(" · ")}
          </span>
        )}
      </div>
      {compared > 0 && (
        <b class="num shadow-rate" data-testid="shadow-rate">
          {format.percent(differed / compared)}
        </b>
      )}
      <Tag tone={state === null ? "neutral" : tones[state]}>
        {words.shadows.state[state ?? "none"]}
        {why !== "" && ` · ${why}`}
      </Tag>
      {onEnd && (
        <Button look="quiet" onClick={onEnd} testid="shadow-end">
          {words.shadows.end}
        </Button>
      )}
    </li>
  )
}
