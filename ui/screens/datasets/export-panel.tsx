import { useSignal } from "@preact/signals"
import { useWords } from "../../context.ts"
import { Segmented } from "../../parts/field.tsx"
import { Panel } from "../../parts/page.tsx"
import { ExportForm } from "./export-form.tsx"

/** All labelled parts, or the newest training set as it was frozen, as a file for another program. */
export function ExportPanel({ newest }: { newest: string | undefined }) {
  const words = useWords()
  const what = useSignal<"now" | "frozen">("now")
  return (
    <Panel title={words.datasets.export}>
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
      <ExportForm of={what.value === "frozen" && newest !== undefined ? `&dataset=${newest}` : ""} />
    </Panel>
  )
}
