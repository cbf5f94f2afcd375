import { useSignal } from "@preact/signals"
import { useEffect, useRef } from "preact/hooks"
import { ImportView } from "#contract/exchange"
import { asTrouble, type Trouble } from "../../api.ts"
import { useApp, useFormat, useWords } from "../../context.ts"
import { Button } from "../../parts/button.tsx"
import { Segmented } from "../../parts/field.tsx"
import { Loaded } from "../../parts/loaded.tsx"
import { Panel } from "../../parts/page.tsx"
import { Progress } from "../../parts/progress.tsx"
import { TroubleNote } from "../../parts/states.tsx"
import { Tag, type Tone } from "../../parts/tag.tsx"
import { TechnicalDetail } from "../../parts/technical-detail.tsx"
import { useResource } from "../../resource.ts"

const again = 1_000

/** Labelled pictures of another program, and what became of them. */
export function ImportPanel() {
  const { api } = useApp()
  const words = useWords()
  const input = useRef<HTMLInputElement>(null)
  const unknown = useSignal<"refuse" | "make">("refuse")
  const sending = useSignal(false)
  const trouble = useSignal<Trouble | undefined>(undefined)
  const imports = useResource("imports", (s) => api.list("/api/imports", ImportView, s))
  const running = imports.data.value?.some(({ state }) => state === "running") ?? false
  useEffect(() => {
    if (!running) return
    const timer = setInterval(imports.reload, again)
    return () => clearInterval(timer)
  }, [running])

  async function send(file: File) {
    sending.value = true
    trouble.value = undefined
    try {
      const query = new URLSearchParams({ name: file.name, new_classes: String(unknown.value === "make") })
      await api.upload(`/api/imports?${query}`, file, ImportView)
      imports.reload()
    } catch (error) {
      trouble.value = asTrouble(error)
    } finally {
      sending.value = false
    }
  }

  return (
    <Panel title={words.datasets.import}>
      <Segmented
        label={words.datasets.unknown}
        value={unknown.value}
        options={[
          { value: "refuse", text: words.datasets.refuse },
          { value: "make", text: words.datasets.make },
        ]}
        onValue={(value) => {
          unknown.value = value
        }}
      />
      <input
        ref={input}
        type="file"
        hidden
        accept=".zip,.json,.jsonl,.csv,.parquet"
        onChange={(event) => {
          const file = event.currentTarget.files?.[0]
          event.currentTarget.value = ""
          if (file) void send(file)
        }}
        data-testid="import-file"
      />
      <Button icon="plus" busy={sending.value} onClick={() => input.current?.click()}>
        {words.datasets.choose}
      </Button>
      <p class="small muted">{words.datasets.fileHint}</p>
      {sending.value && <Progress value={null} label={words.datasets.sending} />}
      {trouble.value && <TroubleNote trouble={trouble.value} />}
      <Loaded resource={imports}>
        {(list) => (
          <ul class="rows">
            {list.slice(0, 5).map((job) => (
              <Import key={job.id} job={job} />
            ))}
          </ul>
        )}
      </Loaded>
    </Panel>
  )
}

const tones: Record<ImportView["state"], Tone> = {
  running: "strong",
  done: "ok",
  failed: "ng",
  cancelled: "neutral",
}

function Import({ job }: { job: ImportView }) {
  const words = useWords()
  const format = useFormat()
  const { report, state, seen, total } = job
  return (
    <li class="row import" data-testid="import-item" data-state={state}>
      <Tag tone={tones[state]}>{words.datasets.state[state]}</Tag>
      <div class="row-main">
        <span class="row-title">{job.name}</span>
        <span class="muted num">
          {state === "running"
            ? words.datasets.seen(format.number(seen), total === null ? "?" : format.number(total))
            : words.common.and(
                [
                  words.datasets.came(report.new_parts, report.new_labels),
                  report.known_parts > 0 ? words.datasets.known(report.known_parts) : "",
                ].filter((text) => text !== ""),
              )}
        </span>
        {job.error !== null && (
          <>
            <p class="row-error">{words.datasets.stopped}</p>
            <TechnicalDetail text={job.error} />
          </>
        )}
        {report.remarks.length > 0 && (
          <details>
            <summary>
              {words.datasets.remarks(Object.values(report.by_code).reduce((sum, n) => sum + n, 0))}
            </summary>
            <ul class="remarks small">
              {report.remarks.slice(0, 100).map(({ path, code, detail }) => (
                <li key={`${path}${code}${detail}`}>
                  <b>{words.datasets.code[code] ?? code}</b> {path} <span class="muted">{detail}</span>
                </li>
              ))}
            </ul>
          </details>
        )}
      </div>
    </li>
  )
}
