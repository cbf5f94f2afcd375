import { useSignal } from "@preact/signals"
import { TrainerToken, TrainerView } from "#contract/trainer"
import { asTrouble, type Trouble } from "../../api.ts"
import { useApp, useFormat, useMay, useWords } from "../../context.ts"
import { Button } from "../../parts/button.tsx"
import { Confirm } from "../../parts/confirm.tsx"
import { Dialog } from "../../parts/dialog.tsx"
import { Field } from "../../parts/field.tsx"
import { Loaded } from "../../parts/loaded.tsx"
import { Panel } from "../../parts/page.tsx"
import { TroubleNote } from "../../parts/states.tsx"
import { Tag } from "../../parts/tag.tsx"
import { useResource } from "../../resource.ts"

/** Machines that train for the hub: what they have, whether they are there, what they are at. */
export function TrainersPanel() {
  const { api } = useApp()
  const words = useWords()
  const engineer = useMay("engineer")
  const trainers = useResource("trainers", (s) => api.list("/api/trainers", TrainerView, s), [
    "trainer",
    "job",
  ])
  const connecting = useSignal(false)
  const revoking = useSignal<TrainerView | null>(null)
  return (
    <Panel
      title={words.trainers.title}
      aside={
        engineer && (
          <Button
            icon="plus"
            onClick={() => {
              connecting.value = true
            }}
            testid="trainer-connect"
          >
            {words.trainers.connect}
          </Button>
        )
      }
    >
      <p class="muted trainers-lead">{words.trainers.lead}</p>
      <Loaded resource={trainers}>
        {(list) =>
          list.length === 0 ? (
            <p class="trainers-none">
              <strong>{words.trainers.none}.</strong> {words.trainers.noneBody}
            </p>
          ) : (
            <ul class="trainers">
              {list.map((trainer) => (
                <Trainer
                  key={trainer.id}
                  trainer={trainer}
                  {...(engineer && {
                    onRevoke: () => {
                      revoking.value = trainer
                    },
                  })}
                />
              ))}
            </ul>
          )
        }
      </Loaded>
      {connecting.value && (
        <ConnectDialog
          onClose={() => {
            connecting.value = false
            trainers.reload()
          }}
        />
      )}
      {revoking.value && (
        <Confirm
          title={words.trainers.revokeTitle(revoking.value.name)}
          body={words.trainers.revokeBody}
          yes={words.trainers.revoke}
          danger
          onYes={async () => {
            await api.run("DELETE", `/api/trainers/${revoking.value?.id}`)
            trainers.reload()
          }}
          onClose={() => {
            revoking.value = null
          }}
          testid="trainer-revoke-yes"
        />
      )}
    </Panel>
  )
}

function Trainer({ trainer, onRevoke }: { trainer: TrainerView; onRevoke?: () => void }) {
  const { now } = useApp()
  const words = useWords()
  const format = useFormat()
  const { said } = trainer
  const gpus = (said?.gpus ?? []).map((gpu) => words.trainers.gpu(gpu.name, format.number(gpu.mem_gb)))
  const hardware = said && [
    ...(gpus.length > 0 ? gpus : [words.trainers.noGpu]),
    ...(said.mem_gb === undefined ? [] : [words.trainers.memory(format.number(said.mem_gb))]),
  ]
  const busy = trainer.busy.length > 0
  return (
    <li class="trainer" data-testid="trainer-item">
      <div class="row-main">
        <span class="row-title">
          {trainer.name}
          {trainer.revoked_at !== null ? (
            <Tag>{words.trainers.ended}</Tag>
          ) : trainer.online ? (
            <Tag tone={busy ? "strong" : "ok"} icon={busy ? "training" : "check"}>
              {busy ? words.trainers.busy : words.trainers.online}
            </Tag>
          ) : (
            <Tag>{trainer.seen_at === null ? words.trainers.never : words.trainers.away}</Tag>
          )}
        </span>
        <span class="muted">
          {[
            ...(hardware ?? []),
            ...(trainer.seen_at === null
              ? []
              : [words.trainers.seen(format.ago(trainer.seen_at, now.value))]),
          ].join(" · ")}
        </span>
      </div>
      {onRevoke && trainer.revoked_at === null && (
        <Button onClick={onRevoke} testid="trainer-revoke">
          {words.trainers.revoke}
        </Button>
      )}
    </li>
  )
}

/** Two steps: name the trainer, then carry its token there. */
function ConnectDialog({ onClose }: { onClose: () => void }) {
  const { api } = useApp()
  const words = useWords()
  const id = useSignal("")
  const busy = useSignal(false)
  const made = useSignal<TrainerToken | null>(null)
  const trouble = useSignal<Trouble | undefined>(undefined)

  async function make() {
    busy.value = true
    trouble.value = undefined
    try {
      made.value = await api.post("/api/trainers", { id: id.value }, TrainerToken)
    } catch (error) {
      trouble.value = asTrouble(error)
    } finally {
      busy.value = false
    }
  }

  if (made.value)
    return (
      <Dialog title={made.value.trainer.name} onClose={onClose} wide>
        <h3>{words.trainers.token}</h3>
        <p class="trainer-token" data-testid="trainer-token">
          {made.value.token}
        </p>
        <p class="muted">{words.trainers.tokenOnce}</p>
        <h3>{words.trainers.command}</h3>
        <p class="trainer-token">
          crux-trainer --hub {location.origin} --token {made.value.token}
        </p>
      </Dialog>
    )
  return (
    <Dialog title={words.trainers.connect} onClose={onClose}>
      {trouble.value && <TroubleNote trouble={trouble.value} />}
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault()
          void make()
        }}
      >
        <p>{words.trainers.connectLead}</p>
        <Field
          label={words.trainers.id}
          hint={words.trainers.idHint}
          value={id.value}
          onValue={(value) => {
            id.value = value
          }}
          autocapitalize="none"
          spellcheck={false}
          required
          pattern="[a-z0-9][a-z0-9\-]*"
          maxLength={32}
          testid="trainer-id"
        />
        <Button look="primary" type="submit" busy={busy.value} testid="trainer-make">
          {words.trainers.make}
        </Button>
      </form>
    </Dialog>
  )
}
