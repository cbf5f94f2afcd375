import { useSignal } from "@preact/signals"
import * as v from "valibot"
import { SegmenterLayout, SegmenterView, StoredFile } from "#contract/segmenter"
import { asTrouble, type Trouble } from "../../api.ts"
import { useApp, useWords } from "../../context.ts"
import { Button } from "../../parts/button.tsx"
import { Field } from "../../parts/field.tsx"
import { Loaded } from "../../parts/loaded.tsx"
import { Panel } from "../../parts/page.tsx"
import { TroubleNote } from "../../parts/states.tsx"
import { Tag } from "../../parts/tag.tsx"
import { useResource } from "../../resource.ts"

/** Pairs of models that cut out what people point at: the one in use, others, and a new one. */
export function Segmenters() {
  const { api } = useApp()
  const words = useWords()
  const trouble = useSignal<Trouble | undefined>(undefined)
  const busy = useSignal(false)
  const segmenters = useResource("segmenters", (s) => api.list("/api/segmenters", SegmenterView, s))

  /** Does it, shows what went wrong, and reads the list again either way. */
  async function attempt(work: () => Promise<unknown>): Promise<boolean> {
    busy.value = true
    trouble.value = undefined
    try {
      await work()
      return true
    } catch (error) {
      trouble.value = asTrouble(error)
      return false
    } finally {
      busy.value = false
      segmenters.reload()
    }
  }
  return (
    <Panel title={words.assist.segmenters}>
      <p class="muted">{words.assist.segmentersLead}</p>
      {trouble.value && <TroubleNote trouble={trouble.value} />}
      <Loaded resource={segmenters}>
        {(list) => (
          <ul class="rows">
            {list.map((pair) => (
              <li key={pair.id} class="row" data-testid="assist-segmenter" data-state={pair.state}>
                <div class="row-main">
                  <span class="row-title">
                    {pair.builtin ? words.assist.builtin : pair.name}{" "}
                    {pair.active && <Tag tone="strong">{words.assist.inUse}</Tag>}
                    {pair.state === "unknown" && <Tag tone="unsure">{words.assist.unknownForm}</Tag>}
                  </span>
                  <span class="muted small">
                    {pair.builtin ? words.assist.builtinNote : (pair.licence ?? words.assist.noLicence)}
                  </span>
                  {pair.state === "unknown" && (
                    <Describe
                      pair={pair}
                      onSave={(layout) =>
                        void attempt(() => api.run("PUT", `/api/segmenters/${pair.id}/layout`, layout))
                      }
                    />
                  )}
                </div>
                {!pair.active && pair.state === "ready" && (
                  <Button
                    busy={busy.value}
                    onClick={() => void attempt(() => api.run("POST", `/api/segmenters/${pair.id}/activate`))}
                  >
                    {words.assist.use}
                  </Button>
                )}
              </li>
            ))}
          </ul>
        )}
      </Loaded>
      <AddPair
        busy={busy.value}
        onAdd={(name, files) =>
          attempt(async () => {
            const [encoder, decoder] = [
              await api.file("/api/segmenters/files", files.encoder, StoredFile),
              await api.file("/api/segmenters/files", files.decoder, StoredFile),
            ]
            const pair = { name, encoder: encoder.sha256, decoder: decoder.sha256 }
            await api.post("/api/segmenters", pair, SegmenterView)
          })
        }
      />
    </Panel>
  )
}

type Files = { encoder: File; decoder: File }

function AddPair({
  busy,
  onAdd,
}: {
  busy: boolean
  onAdd: (name: string, files: Files) => Promise<boolean>
}) {
  const words = useWords()
  const name = useSignal("")
  const files = useSignal<Partial<Files>>({})
  const { encoder, decoder } = files.value
  const pick = (which: keyof Files) => (
    <label class="field">
      <span>{words.assist.file[which]}</span>
      <input
        type="file"
        class="input"
        accept=".onnx"
        onChange={(event) => {
          const file = event.currentTarget.files?.[0]
          if (file) files.value = { ...files.value, [which]: file }
        }}
      />
    </label>
  )
  return (
    <details class="assist-add">
      <summary class="button button-plain">{words.assist.addPair}</summary>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault()
          if (encoder && decoder)
            void onAdd(name.value, { encoder, decoder }).then((done) => {
              if (!done) return
              name.value = ""
              files.value = {}
            })
        }}
      >
        <Field
          label={words.assist.pairName}
          value={name.value}
          onValue={(text) => {
            name.value = text
          }}
          required
          maxLength={80}
        />
        {pick("encoder")}
        {pick("decoder")}
        <Button type="submit" look="primary" busy={busy} disabled={!encoder || !decoder || name.value === ""}>
          {words.assist.add}
        </Button>
      </form>
    </details>
  )
}

/** For a pair of a form nobody has met: its ends are shown, and the description is typed as JSON. */
function Describe({ pair, onSave }: { pair: SegmenterView; onSave: (layout: SegmenterLayout) => void }) {
  const words = useWords()
  const text = useSignal("")
  const wrong = useSignal<string | null>(null)
  return (
    <details>
      <summary>{words.assist.describe}</summary>
      <p class="muted small">
        {words.assist.ends(
          pair.encoder.inputs.join(", "),
          pair.encoder.outputs.join(", "),
          pair.decoder.inputs.join(", "),
          pair.decoder.outputs.join(", "),
        )}
      </p>
      <label class="field">
        <span>{words.assist.description}</span>
        <textarea
          class="input"
          rows={10}
          spellcheck={false}
          onInput={(event) => {
            text.value = event.currentTarget.value
          }}
        />
      </label>
      {wrong.value !== null && <p class="small">{words.assist.descriptionWrong(wrong.value)}</p>}
      <Button
        onClick={() => {
          const read = v.safeParse(v.pipe(v.string(), v.parseJson(), SegmenterLayout), text.value)
          wrong.value = read.success ? null : v.summarize(read.issues)
          if (read.success) onSave(read.output)
        }}
      >
        {words.common.save}
      </Button>
    </details>
  )
}
