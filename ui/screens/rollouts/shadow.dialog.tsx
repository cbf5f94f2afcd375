import { useSignal } from "@preact/signals"
import type { Device } from "#contract/fleet"
import { ModelView } from "#contract/registry"
import { ShadowView } from "#contract/shadow"
import { asTrouble, type Trouble } from "../../api.ts"
import { useApp, useFormat, useWords } from "../../context.ts"
import { Button } from "../../parts/button.tsx"
import { Dialog } from "../../parts/dialog.tsx"
import { Segmented } from "../../parts/field.tsx"
import { TroubleNote } from "../../parts/states.tsx"
import { useResource } from "../../resource.ts"

const shares = ["1", "0.5", "0.1"] as const

/** Which model looks on, where, and at how much. One that only passed the gate is approved with it: only signed models run. */
export function ShadowDialog({ devices, onClose }: { devices: readonly Device[]; onClose: () => void }) {
  const { api } = useApp()
  const words = useWords()
  const format = useFormat()
  const models = useResource("models", (s) => api.list("/api/models", ModelView, s), ["model"])
  const model = useSignal("")
  const share = useSignal<(typeof shares)[number]>("1")
  const chosen = useSignal<ReadonlySet<string>>(new Set())
  const busy = useSignal(false)
  const trouble = useSignal<Trouble | undefined>(undefined)
  const usable = (models.data.value ?? []).filter(
    (one) => !one.champion && (one.state === "released" || (one.state === "candidate" && one.gate?.pass)),
  )

  async function assign() {
    const found = usable.find((one) => one.digest === model.value)
    if (!found || chosen.value.size === 0) return
    busy.value = true
    trouble.value = undefined
    try {
      if (found.state === "candidate") await api.post(`/api/models/${found.digest}/approve`, {}, ModelView)
      for (const device of chosen.value)
        await api.maybe(
          "PUT",
          `/api/devices/${device}/shadow`,
          { model: found.digest, share: Number(share.value) },
          ShadowView,
        )
      onClose()
    } catch (error) {
      trouble.value = asTrouble(error)
    } finally {
      busy.value = false
    }
  }

  return (
    <Dialog title={words.shadows.assign} onClose={onClose}>
      {trouble.value && <TroubleNote trouble={trouble.value} />}
      {models.data.value && usable.length === 0 && <p class="muted">{words.shadows.noModel}</p>}
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault()
          void assign()
        }}
      >
        <fieldset class="field" data-testid="shadow-models">
          <legend>{words.shadows.model}</legend>
          {usable.map((one) => (
            <label class="check" key={one.digest}>
              <input
                type="radio"
                name="shadow-model"
                checked={model.value === one.digest}
                onChange={() => {
                  model.value = one.digest
                }}
              />
              <span>
                {one.release === null ? words.shadows.unreleased : words.home.release(one.release)}
                <span class="muted num"> · {format.dateTime(one.created_at)}</span>
              </span>
            </label>
          ))}
        </fieldset>
        <fieldset class="field" data-testid="shadow-stations">
          <legend>{words.shadows.stations}</legend>
          {devices.map((device) => (
            <label class="check" key={device.id}>
              <input
                type="checkbox"
                checked={chosen.value.has(device.id)}
                onChange={(event) => {
                  const next = new Set(chosen.value)
                  if (event.currentTarget.checked) next.add(device.id)
                  else next.delete(device.id)
                  chosen.value = next
                }}
              />
              <span>{device.name}</span>
            </label>
          ))}
        </fieldset>
        <Segmented
          label={words.shadows.shareOf}
          value={share.value}
          options={shares.map((value) => ({ value, text: format.percent(Number(value)) }))}
          onValue={(value) => {
            share.value = value
          }}
          testid="shadow-share"
        />
        <Button
          look="primary"
          type="submit"
          icon="check"
          busy={busy.value}
          disabled={model.value === "" || chosen.value.size === 0}
          testid="shadow-assign-yes"
        >
          {words.shadows.assign}
        </Button>
      </form>
    </Dialog>
  )
}
