import { useSignal } from "@preact/signals"
import { useLocation, useRoute } from "preact-iso"
import { Device } from "#contract/fleet"
import { ModelView } from "#contract/registry"
import { RolloutView } from "#contract/rollout"
import { RecipeView } from "#contract/trainer"
import { useApp, useFormat, useKindName, useMay, useWords } from "../../context.ts"
import { Button } from "../../parts/button.tsx"
import { Confirm } from "../../parts/confirm.tsx"
import { Icon } from "../../parts/icon.tsx"
import { Loaded } from "../../parts/loaded.tsx"
import { Page, Panel } from "../../parts/page.tsx"
import { Empty } from "../../parts/states.tsx"
import { useResource } from "../../resource.ts"
import { useRecipeWords } from "../training/recipe-name.ts"
import { Checks, Comparison, Failing, PerKind } from "./gate.tsx"
import { LimitBars } from "./limits.tsx"
import { ModelTags, useModelName } from "./models.screen.tsx"

/** One model: may it go on the line, and why. */
export function ModelScreen() {
  const { api } = useApp()
  const words = useWords()
  const digest = useRoute().params.digest ?? ""
  const model = useResource(`model ${digest}`, (s) => api.get(`/api/models/${digest}`, ModelView, s), [
    "model",
    "rollout",
  ])
  const nameOf = useModelName()
  const data = model.data.value
  return (
    <Page
      title={data ? nameOf(data) : words.models.title}
      lead={
        data && (
          <span class="tags">
            <ModelTags model={data} />
          </span>
        )
      }
      back={
        <a class="icon-button" href="/models" aria-label={words.common.back}>
          <Icon name="back" />
        </a>
      }
      actions={data && <Approve model={data} />}
    >
      <Loaded resource={model}>{(model) => <Report model={model} />}</Loaded>
    </Page>
  )
}

/** Approving signs the model and starts its rollout: one decision, one press, after one question. */
function Approve({ model }: { model: ModelView }) {
  const { api } = useApp()
  const words = useWords()
  const engineer = useMay("engineer")
  const { route } = useLocation()
  const asking = useSignal(false)
  const devices = useResource("devices", (s) => api.list("/api/devices", Device, s), ["device"])
  if (model.state !== "candidate") return null
  if (!engineer) return <p class="muted">{words.models.needsEngineer}</p>
  const stations = (devices.data.value ?? []).filter((device) => device.revoked_at === undefined).length
  return (
    <>
      <Button
        look="primary"
        icon="rollouts"
        onClick={() => {
          asking.value = true
        }}
        testid="model-approve"
      >
        {words.models.approve}
      </Button>
      {asking.value && (
        <Confirm
          title={words.models.approveTitle}
          body={words.models.approveBody(stations)}
          yes={words.models.approveConfirm}
          onYes={async () => {
            await api.post(`/api/models/${model.digest}/approve`, {}, ModelView)
            await api.post("/api/rollouts", { model: model.digest }, RolloutView)
            route("/rollouts")
          }}
          onClose={() => {
            asking.value = false
          }}
          testid="model-approve-confirm"
        />
      )}
    </>
  )
}

function Report({ model }: { model: ModelView }) {
  const words = useWords()
  const { gate } = model
  return (
    <div class="model">
      {gate ? (
        <>
          <Panel
            class="model-gate"
            title={words.models.gate}
            aside={
              <span
                class={`gate-verdict gate-${gate.pass ? "pass" : "fail"}`}
                data-testid="model-gate"
                data-pass={gate.pass}
              >
                <Icon name={gate.pass ? "check" : "close"} />
                {gate.pass ? words.models.pass : words.models.fail}
              </span>
            }
          >
            <Checks checks={gate.checks} />
            <p class="muted small">
              {words.models.golden(gate.golden.ok, gate.golden.ng)} · {words.models.looks(gate.golden.looks)}
            </p>
          </Panel>
          <div class="model-side">
            <Panel title={words.models.compare}>
              <Comparison gate={gate} />
            </Panel>
            <Panel title={words.models.perKind}>
              <PerKind gate={gate} />
            </Panel>
          </div>
          <Panel title={words.models.failing} class="model-wide">
            <Failing gate={gate} />
          </Panel>
        </>
      ) : (
        <Panel class="model-wide">
          <Empty icon="clock" title={words.models.gateNone} body={words.models.gateNoneBody} />
        </Panel>
      )}
      <Panel class="model-wide" title={words.models.thresholds}>
        <LimitBars contract={model.contract} />
      </Panel>
      <Panel class="model-wide">
        <Facts model={model} />
      </Panel>
    </div>
  )
}

function Facts({ model }: { model: ModelView }) {
  const words = useWords()
  const format = useFormat()
  const { api } = useApp()
  const kindName = useKindName()
  const recipes = useResource("recipes", (s) => api.list("/api/training/recipes", RecipeView, s))
  const named = useRecipeWords(recipes.data.value)
  const { contract } = model
  const facts: [string, string][] = [
    [words.models.made, format.dateTime(model.created_at)],
    ...(model.approved_by === null ? [] : [[words.models.approve, model.approved_by] as [string, string]]),
    [words.models.recipe, named.recipe(contract.provenance.recipe)],
    [words.models.size, format.bytes(model.size)],
    [
      words.models.classes,
      words.common.and(contract.classes.filter((c) => c.verdict === "NG").map((c) => kindName(c.key))),
    ],
    [words.models.digest, model.digest.slice(0, 16)],
  ]
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd class="num">{value}</dd>
        </div>
      ))}
    </dl>
  )
}
