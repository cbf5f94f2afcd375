import { useSignal } from "@preact/signals"
import { useId } from "preact/hooks"
import { type ExchangeFormat, ExportPreview, exchangeFormats } from "#contract/exchange"
import { useApp, useFormat, useWords } from "../../context.ts"
import { Segmented } from "../../parts/field.tsx"
import { Icon } from "../../parts/icon.tsx"
import { Loaded } from "../../parts/loaded.tsx"
import { Panel } from "../../parts/page.tsx"
import { useResource } from "../../resource.ts"

/** Formats that are nothing without their pictures. */
const needsPictures: readonly ExchangeFormat[] = ["yolo-classify", "image-folder", "mvtec"]

/** All labelled parts, or the newest training set as it was frozen, as a file for another program. */
export function ExportPanel({ newest }: { newest: string | undefined }) {
  const { api } = useApp()
  const words = useWords()
  const format = useFormat()
  const id = useId()
  const chosen = useSignal<ExchangeFormat>("coco")
  const what = useSignal<"now" | "frozen">("now")
  const pictures = useSignal<"with" | "without">("with")
  const profile = useSignal<"clean" | "ls-exact">("clean")
  const name = chosen.value
  const always = needsPictures.includes(name)
  const of = what.value === "frozen" && newest !== undefined ? `&dataset=${newest}` : ""
  const preview = useResource(`preview-${name}${of}`, (s) =>
    api.get(`/api/exports/${name}/preview?profile=clean${of}`, ExportPreview, s),
  )
  const query = `profile=${profile.value}&pictures=${always || pictures.value === "with"}${of}`
  return (
    <Panel title={words.datasets.export}>
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
      {newest !== undefined && (
        <Segmented
          label={words.datasets.what}
          value={what.value}
          options={[
            { value: "now", text: words.datasets.now },
            { value: "frozen", text: words.datasets.newest },
          ]}
          onValue={(value) => {
            what.value = value
          }}
        />
      )}
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
                data-testid="export-download"
              >
                <Icon name="download" />
                <span>{words.datasets.download}</span>
              </a>
            )}
          </>
        )}
      </Loaded>
    </Panel>
  )
}
