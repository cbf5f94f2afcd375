import { useSignal } from "@preact/signals"
import { useEffect, useRef } from "preact/hooks"
import { useLocation } from "preact-iso"
import type { ModelContract } from "#contract/model"
import { ModelLook, ModelView } from "#contract/registry"
import { asTrouble, type Trouble } from "../../api.ts"
import { useApp, useFormat, useWords } from "../../context.ts"
import { useDeskWords } from "../../desk-words.ts"
import { Button } from "../../parts/button.tsx"
import { Segmented } from "../../parts/field.tsx"
import { Icon } from "../../parts/icon.tsx"
import { Page, Panel } from "../../parts/page.tsx"
import { Progress } from "../../parts/progress.tsx"
import { TroubleNote } from "../../parts/states.tsx"
import { Tag } from "../../parts/tag.tsx"
import { ContractForm } from "./contract.form.tsx"
import { Doubts } from "./doubts.tsx"
import { Trial } from "./trial.tsx"
import { upload } from "./upload.ts"

/** A model of another maker, from its file to the registry: what it is taken for, what it finds here, what it is for. */
export function ModelAddScreen() {
  const words = useWords()
  const w = useDeskWords().wizard
  const looked = useSignal<ModelLook | undefined>(undefined)
  return (
    <Page
      title={w.title}
      lead={w.lead}
      back={
        <a class="icon-button" href="/models" aria-label={words.common.back}>
          <Icon name="back" />
        </a>
      }
      actions={
        looked.value && (
          <Button
            onClick={() => {
              looked.value = undefined
            }}
          >
            {w.another}
          </Button>
        )
      }
    >
      {looked.value ? (
        <Described key={looked.value.file} look={looked.value} />
      ) : (
        <Choose
          onLook={(look) => {
            looked.value = look
          }}
        />
      )}
    </Page>
  )
}

/** What cannot be opened says so in the runtime's words; everything else in the usual ones. */
function ModelTrouble({ trouble }: { trouble: Trouble }) {
  const w = useDeskWords().wizard
  const own: Record<string, string> = {
    model_invalid: w.refused(String(trouble.params.why ?? "")),
    model_timeout: w.codes.model_timeout ?? "",
    model_memory: w.codes.model_memory ?? "",
    model_crashed: w.codes.model_crashed ?? "",
    model_file: w.gone,
    stopped: w.stopped,
    body_too_large: w.tooLarge,
  }
  const text = own[trouble.key]
  if (text === undefined) return <TroubleNote trouble={trouble} />
  return (
    <div class="note note-trouble" role="alert" data-testid="wizard-trouble">
      <Icon name="warning" />
      <div class="note-text">
        <p>{text}</p>
        <p class="small muted">{w.refusedKept}</p>
      </div>
    </div>
  )
}

function Choose({ onLook }: { onLook: (look: ModelLook) => void }) {
  const words = useWords()
  const w = useDeskWords().wizard
  const input = useRef<HTMLInputElement>(null)
  const share = useSignal<number | undefined>(undefined)
  const trouble = useSignal<Trouble | undefined>(undefined)
  const sending = useRef<AbortController | undefined>(undefined)
  useEffect(() => () => sending.current?.abort(), [])

  async function send(file: File) {
    const stop = new AbortController()
    sending.current = stop
    share.value = 0
    trouble.value = undefined
    const onShare = (of: number) => {
      share.value = of
    }
    try {
      onLook(await upload("/api/models/look", file, ModelLook, { onShare, signal: stop.signal }))
    } catch (error) {
      trouble.value = error as Trouble
    } finally {
      share.value = undefined
    }
  }
  const of = share.value
  const text = of === undefined ? "" : of < 1 ? w.sending(Math.floor(of * 100)) : w.reading
  return (
    <Panel>
      <div class="form">
        <input
          ref={input}
          type="file"
          hidden
          accept=".onnx"
          onChange={(event) => {
            const file = event.currentTarget.files?.[0]
            event.currentTarget.value = ""
            if (file) void send(file)
          }}
          data-testid="wizard-file"
        />
        {of === undefined ? (
          <>
            <p class="muted">{w.chooseHint}</p>
            <div class="wizard-actions">
              <Button
                look="primary"
                icon="plus"
                onClick={() => input.current?.click()}
                testid="wizard-choose"
              >
                {w.choose}
              </Button>
            </div>
          </>
        ) : (
          <>
            <p role="status">{text}</p>
            <Progress value={of < 1 ? of : null} label={text} />
            <div class="wizard-actions">
              <Button onClick={() => sending.current?.abort()}>{words.common.cancel}</Button>
            </div>
          </>
        )}
        {trouble.value && <ModelTrouble trouble={trouble.value} />}
      </div>
    </Panel>
  )
}

function Described({ look }: { look: ModelLook }) {
  const { api } = useApp()
  const { route } = useLocation()
  const w = useDeskWords().wizard
  const contract = useSignal<ModelContract>(look.contract)
  const right = useSignal(true)
  const use = useSignal<"candidate" | "teacher">("candidate")
  const busy = useSignal(false)
  const trouble = useSignal<Trouble | undefined>(undefined)

  async function register() {
    busy.value = true
    trouble.value = undefined
    try {
      // Nothing changed: its own contract stays where it has one.
      const same = look.source === "crux" && contract.value === look.contract
      const body = same ? {} : { contract: contract.value }
      const { digest } = await api.post(`/api/models/files/${look.file}`, body, ModelView)
      if (use.value === "teacher") await api.run("PUT", "/api/assist/teacher", { model: digest })
      route(use.value === "teacher" ? "/assist" : `/models/${digest}`)
    } catch (error) {
      trouble.value = asTrouble(error)
    } finally {
      busy.value = false
    }
  }

  return (
    <div class="source">
      <div class="source-side wizard-side">
        <Facts look={look} />
        <Panel>
          <ContractForm
            look={look}
            contract={contract.value}
            onContract={(changed) => {
              contract.value = changed
            }}
            onRight={(is) => {
              right.value = is
            }}
          />
        </Panel>
        <Panel>
          <div class="form">
            <Segmented
              label={w.use}
              value={use.value}
              options={(["candidate", "teacher"] as const).map((value) => ({ value, text: w.uses[value] }))}
              onValue={(value) => {
                use.value = value
              }}
              testid="wizard-use"
            />
            <p class="muted">{w.useHints[use.value]}</p>
            {trouble.value && <ModelTrouble trouble={trouble.value} />}
            <div class="wizard-actions">
              <Button
                look="primary"
                icon="check"
                busy={busy.value}
                disabled={!right.value}
                onClick={() => void register()}
                testid="wizard-register"
              >
                {w.register}
              </Button>
            </div>
          </div>
        </Panel>
      </div>
      <div class="source-side">
        <Trial file={look.file} contract={contract.value} right={right.value} Trouble={ModelTrouble} />
      </div>
    </div>
  )
}

/** What it is taken for, and what to look at before anybody relies on that. */
function Facts({ look }: { look: ModelLook }) {
  const format = useFormat()
  const w = useDeskWords().wizard
  const { contents, contract, doubts, inputs, outputs, source } = look
  const ends = (list: typeof inputs) =>
    list.map(({ name, type, dims }) => `${name} ${type}[${dims.join(", ")}]`).join(" · ")
  const facts: [string, string][] = [
    [w.size, format.bytes(look.size)],
    [w.nodes, format.number(contents.nodes)],
    [w.opset, String(contents.opset)],
    ...(contents.whole === null ? [] : [[w.whole, format.percent(contents.whole)] as [string, string]]),
    ...(contract.provenance.licence === undefined
      ? []
      : [[w.licence, contract.provenance.licence] as [string, string]]),
  ]
  return (
    <Panel
      title={source === null ? w.foundNone : w.found}
      aside={source !== null && <Tag tone="strong">{source}</Tag>}
    >
      <div class="form" data-testid="wizard-found" data-source={source ?? ""}>
        <dl class="facts">
          {facts.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd class="num">{value}</dd>
            </div>
          ))}
        </dl>
        <p class="muted small wizard-ends">
          {ends(inputs)} → {ends(outputs)}
        </p>
        {doubts.length > 0 && <Doubts title={w.doubtsTitle} texts={doubts.map((doubt) => w.doubts[doubt])} />}
      </div>
    </Panel>
  )
}
