import { useSignal } from "@preact/signals"
import { useEffect } from "preact/hooks"
import * as v from "valibot"
import { Product } from "#contract/catalogue"
import { type DrawingTool, LabelSetup, NewLabelSetup, type Question } from "#contract/questions"
import { plainSetup, setupFor } from "#contract/setups"
import { asTrouble, type Trouble } from "../../api.ts"
import { useApp, useWords } from "../../context.ts"
import { Button, IconButton } from "../../parts/button.tsx"
import { Field, Segmented } from "../../parts/field.tsx"
import { Icon } from "../../parts/icon.tsx"
import { Panel } from "../../parts/page.tsx"
import { TroubleNote } from "../../parts/states.tsx"
import { drawingModes, modeIcons } from "../label/modes.ts"
import { optionsText, readOptions } from "./label-setup.rules.ts"
import { LabelStudioSetup } from "./label-studio-setup.tsx"

/** A question while it is being written: everything as text. */
type Draft = {
  key: string
  ko: string
  en: string
  type: Question["type"]
  of: Question["of"]
  required: boolean
  several: boolean
  options: string
  rest: Partial<Pick<Extract<Question, { type: "number" }>, "min" | "max" | "unit">> & { most?: number }
}

const draftOf = (question: Question): Draft => ({
  key: question.key,
  ko: question.names.ko,
  en: question.names.en,
  type: question.type,
  of: question.of,
  required: question.required,
  several: "several" in question && question.several,
  options: "options" in question ? optionsText(question.options) : "",
  rest:
    question.type === "number"
      ? {
          ...(question.min === undefined ? {} : { min: question.min }),
          ...(question.max === undefined ? {} : { max: question.max }),
          ...(question.unit === undefined ? {} : { unit: question.unit }),
        }
      : question.type === "rating"
        ? { most: question.most }
        : {},
})

/** What the hub is sent; the contract says whether it is a question. */
function questionOf({ key, ko, en, type, of, required, several, options, rest }: Draft): unknown {
  const { min, max, unit, most } = rest
  const common = { key, names: { ko, en }, type, of, required }
  if (type === "choice" || type === "tree") return { ...common, several, options: readOptions(options) }
  if (type === "number")
    return {
      ...common,
      ...(min === undefined ? {} : { min }),
      ...(max === undefined ? {} : { max }),
      ...(unit === undefined ? {} : { unit }),
    }
  return type === "rating" && most !== undefined ? { ...common, most } : common
}

const types = ["choice", "tree", "number", "text", "rating"] as const

/** Which tools and questions people have on the Label screen, for all products or for one. */
export function LabelSetupPanel() {
  const { api, prefs } = useApp()
  const words = useWords()
  const say = words.editor.setup
  const setups = useSignal<LabelSetup[] | null>(null)
  const products = useSignal<Product[]>([])
  const product = useSignal<string | null>(null)
  const tools = useSignal<DrawingTool[]>([])
  const drafts = useSignal<Draft[]>([])
  const trouble = useSignal<Trouble | undefined>(undefined)
  const said = useSignal<"" | "saved" | "wrong">("")

  const show = (key: string | null) => {
    const setup = setupFor(setups.value ?? [], key)
    product.value = key
    tools.value = setup.tools
    drafts.value = setup.questions.map(draftOf)
    said.value = ""
  }
  const load = async () => {
    try {
      setups.value = await api.list("/api/label-setups", LabelSetup)
      products.value = await api.list("/api/products", Product)
      show(product.value)
    } catch (error) {
      trouble.value = asTrouble(error)
    }
  }
  useEffect(() => void load(), [])

  const change = (i: number, more: Partial<Draft>) => {
    drafts.value = drafts.value.map((draft, at) => (at === i ? { ...draft, ...more } : draft))
    said.value = ""
  }

  async function save() {
    const own = setups.value?.find((setup) => setup.product === product.value)
    const asked = v.safeParse(NewLabelSetup, {
      product: product.value,
      revision: own?.revision ?? plainSetup.revision,
      tools: tools.value,
      questions: drafts.value.map(questionOf),
    })
    said.value = asked.success ? "" : "wrong"
    if (!asked.success) return
    try {
      await api.put("/api/label-setups", asked.output, LabelSetup)
      trouble.value = undefined
      await load()
      said.value = "saved"
    } catch (error) {
      trouble.value = asTrouble(error)
    }
  }

  return (
    <Panel title={say.title} class="setup">
      <p class="muted">{say.body}</p>
      {trouble.value && <TroubleNote trouble={trouble.value} retry={() => void load()} />}
      {products.value.length > 0 && (
        <Segmented
          label={say.product}
          value={product.value ?? ""}
          options={[
            { value: "", text: say.all },
            ...products.value.map(({ key, names }) => ({ value: key, text: names[prefs.language.value] })),
          ]}
          onValue={(key) => show(key === "" ? null : key)}
          testid="setup-product"
        />
      )}
      <fieldset class="field">
        <legend>{say.tools}</legend>
        <div class="answers setup-tools">
          {drawingModes.map((mode) => {
            const at = tools.value.indexOf(mode)
            return (
              <button
                key={mode}
                type="button"
                class="answer"
                aria-pressed={at >= 0}
                onClick={() => {
                  tools.value = at >= 0 ? tools.value.filter((tool) => tool !== mode) : [...tools.value, mode]
                  said.value = ""
                }}
                data-testid="setup-tool"
                data-mode={mode}
              >
                <Icon name={modeIcons[mode]} />
                {words.editor.tools[mode]}
                {at >= 0 && <span class="key">{at + 1}</span>}
              </button>
            )
          })}
        </div>
      </fieldset>
      <h3>{say.questions}</h3>
      {drafts.value.length === 0 && <p class="muted">{say.questionsNone}</p>}
      {drafts.value.map((draft, i) => (
        <div key={i} class="setup-question" data-testid="setup-question">
          <div class="setup-row">
            <Field label={say.key} value={draft.key} onValue={(key) => change(i, { key })} maxLength={40} />
            <Field label={say.ko} value={draft.ko} onValue={(ko) => change(i, { ko })} maxLength={64} />
            <Field label={say.en} value={draft.en} onValue={(en) => change(i, { en })} maxLength={64} />
            <IconButton
              icon="trash"
              name={say.remove}
              onClick={() => {
                drafts.value = drafts.value.filter((_, at) => at !== i)
                said.value = ""
              }}
            />
          </div>
          <Segmented
            label={say.type}
            value={draft.type}
            options={types.map((value) => ({ value, text: say.types[value] }))}
            onValue={(type) => change(i, { type, rest: {} })}
          />
          <Segmented
            label={say.of}
            value={draft.of}
            options={[
              { value: "image", text: say.ofs.image },
              { value: "region", text: say.ofs.region },
            ]}
            onValue={(of) => change(i, { of })}
          />
          <div class="answers">
            <button
              type="button"
              class="answer"
              aria-pressed={draft.required}
              onClick={() => change(i, { required: !draft.required })}
            >
              {say.required}
            </button>
            {(draft.type === "choice" || draft.type === "tree") && (
              <button
                type="button"
                class="answer"
                aria-pressed={draft.several}
                onClick={() => change(i, { several: !draft.several })}
              >
                {say.several}
              </button>
            )}
          </div>
          {(draft.type === "choice" || draft.type === "tree") && (
            <label class="field">
              <span>{say.options}</span>
              <textarea
                class="input answers-text"
                rows={4}
                value={draft.options}
                onInput={(event) => change(i, { options: event.currentTarget.value })}
              />
              <span class="small muted">{say.optionsHint}</span>
            </label>
          )}
        </div>
      ))}
      <LabelStudioSetup
        onRead={(setup) => {
          tools.value = setup.tools
          drafts.value = setup.questions.map(draftOf)
          said.value = ""
        }}
      />
      <div class="answers">
        <Button
          icon="plus"
          onClick={() => {
            drafts.value = [
              ...drafts.value,
              {
                key: "",
                ko: "",
                en: "",
                type: "choice",
                of: "image",
                required: false,
                several: false,
                options: "",
                rest: {},
              },
            ]
          }}
          testid="setup-question-add"
        >
          {say.add}
        </Button>
        <Button
          look="primary"
          icon="check"
          disabled={setups.value === null}
          onClick={() => void save()}
          testid="setup-save"
        >
          {words.common.save}
        </Button>
      </div>
      <p role="status" class={said.value === "wrong" ? "row-error" : "muted"}>
        {said.value === "" ? "" : say[said.value]}
      </p>
    </Panel>
  )
}
