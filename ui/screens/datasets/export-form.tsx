import { useSignal } from "@preact/signals"
import { useEffect, useId } from "preact/hooks"
import { type ExchangeFormat, ExportPreview, ExportView, exchangeFormats } from "#contract/exchange"
import { asTrouble, type Trouble } from "../../api.ts"
import { useApp, useFormat, useWords } from "../../context.ts"
import { Button } from "../../parts/button.tsx"
import { Segmented } from "../../parts/field.tsx"
import { Icon } from "../../parts/icon.tsx"
import { Loaded } from "../../parts/loaded.tsx"
import { Progress } from "../../parts/progress.tsx"
import { TroubleNote } from "../../parts/states.tsx"
import { useResource } from "../../resource.ts"

/** Formats that are nothing without their pictures. */
const needsPictures: readonly ExchangeFormat[] = ["yolo-classify", "image-folder", "mvtec"]

/** How often one looks at exports that are being made. */
const againMs = 1_000

/** How parts go out, and what the format leaves of them. `of` says which, as a part of the query; empty for all labelled. */
export function ExportForm({ of }: { of: string }) {
  const { api } = useApp()
  const words = useWords()
  const format = useFormat()
  const id = useId()
  const chosen = useSignal<ExchangeFormat>("coco")
  const pictures = useSignal<"with" | "without">("with")
  const profile = useSignal<"clean" | "ls-exact">("clean")
  const asked = useSignal(0)
  const name = chosen.value
  const always = needsPictures.includes(name)
  const preview = useResource(`preview-${name}${of}`, (s) =>
    api.get(`/api/exports/${name}/preview?profile=clean${of}`, ExportPreview, s),
  )
  const query = `profile=${profile.value}&pictures=${always || pictures.value === "with"}${of}`
  return (
    <>
      <div class="field">
        <label for={id}>{words.datasets.format}</label>
        <select
          id={id}
          class="select"
          value={name}
          onChange={(event) => {
            chosen.value = event.currentTarget.value as ExchangeFormat
          }}
          data-testid="export-format"
        >
          {exchangeFormats.map((one) => (
            <option key={one} value={one}>
              {words.datasets.formats[one]}
            </option>
          ))}
        </select>
      </div>
      {!always && (
        <Segmented
          label={words.datasets.pictures}
          value={pictures.value}
          options={[
            { value: "with", text: words.datasets.with },
            { value: "without", text: words.datasets.without },
          ]}
          onValue={(value) => {
            pictures.value = value
          }}
        />
      )}
      <Segmented
        label={words.datasets.profile}
        value={profile.value}
        options={[
          { value: "clean", text: words.datasets.clean },
          { value: "ls-exact", text: words.datasets.exact },
        ]}
        onValue={(value) => {
          profile.value = value
        }}
      />
      <Loaded resource={preview}>
        {({ parts, ok, ng, regions, left_out }) => (
          <>
            <p class="num">
              {words.datasets.holds(parts, regions)} · {words.verdict.ok} {format.number(ok)} ·{" "}
              {words.verdict.ng} {format.number(ng)}
            </p>
            {Object.entries(left_out).map(([outline, count]) => (
              <p key={outline} class="note">
                {words.datasets.leftOut(words.datasets.outline[outline] ?? outline, format.number(count))}
              </p>
            ))}
            {parts > 0 && (
              <a
                class="button button-primary"
                href={`/api/exports/${name}?${query}`}
                download
                onClick={() => {
                  asked.value++
                }}
                data-testid="export-download"
              >
                <Icon name="download" />
                <span>{words.datasets.download}</span>
              </a>
            )}
          </>
        )}
      </Loaded>
      <UnderWay asked={asked.value} />
    </>
  )
}

/** Exports that are being made now, whoever asked for them. */
function UnderWay({ asked }: { asked: number }) {
  const { api } = useApp()
  const words = useWords()
  const format = useFormat()
  const trouble = useSignal<Trouble | undefined>(undefined)
  const exports = useResource("exports", (s) => api.list("/api/exports", ExportView, s))
  const list = exports.data.value ?? []
  const looking = asked > 0 || list.length > 0
  useEffect(() => {
    if (!looking) return
    const timer = setInterval(exports.reload, againMs)
    return () => clearInterval(timer)
  }, [looking])
  async function cancel(id: string) {
    trouble.value = undefined
    try {
      await api.run("POST", `/api/exports/${id}/cancel`)
    } catch (error) {
      trouble.value = asTrouble(error)
    }
    exports.reload()
  }
  if (list.length === 0) return null
  return (
    <section class="under-way">
      <h3>{words.exports.underWay}</h3>
      {trouble.value && <TroubleNote trouble={trouble.value} />}
      <ul class="rows">
        {list.map(({ id, name, parts, pictures, bytes }) => (
          <li key={id} class="row" data-testid="export-item">
            <div class="row-main">
              <span class="row-title">{name}</span>
              <span class="muted num">
                {parts === null
                  ? words.exports.reading
                  : words.common.and([
                      words.exports.pictures(format.number(pictures), format.number(parts)),
                      format.bytes(bytes),
                    ])}
              </span>
              <Progress
                value={parts === null || parts === 0 || pictures === 0 ? null : Math.min(1, pictures / parts)}
                label={words.exports.underWay}
              />
            </div>
            <Button icon="close" onClick={() => void cancel(id)} testid="export-cancel">
              {words.exports.cancel}
            </Button>
          </li>
        ))}
      </ul>
    </section>
  )
}
