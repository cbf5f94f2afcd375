import type * as v from "valibot"
import type { ModelServer, ModelServerPatch } from "#contract/label-studio"
import { useKindName, useWords } from "../../context.ts"
import { useDeskWords } from "../../desk-words.ts"
import { Button } from "../../parts/button.tsx"
import { Progress } from "../../parts/progress.tsx"
import { Tag } from "../../parts/tag.tsx"
import { WhyNot } from "./why-not.tsx"

/** One model server: how it is, what it may answer with, and when it is asked. */
export function Server({
  server,
  busy,
  onCheck,
  onChange,
  onPredict,
  onTry,
  onEnd,
}: {
  server: ModelServer
  busy: boolean
  onCheck: () => void
  onChange: (patch: v.InferOutput<typeof ModelServerPatch>) => void
  onPredict: (all: boolean) => void
  onTry: () => void
  onEnd: () => void
}) {
  const words = useWords()
  const kindName = useKindName()
  const w = useDeskWords().servers
  const { run, labels, tasks, predicted } = server
  const known = labels.flatMap(({ kind }) => (kind === null ? [] : [kindName(kind)]))
  const unknown = labels.flatMap(({ word, kind }) => (kind === null ? [word] : []))
  const running = run?.ended === false
  return (
    <li class="row server" data-testid="servers-row" data-state={server.state}>
      <div class="row-main">
        <span class="row-title">{server.title || server.url}</span>
        {server.title && <span class="muted small connections-url">{server.url}</span>}
        <span class="tags">
          <Tag
            tone={server.state === "connected" ? "ok" : server.state === "failed" ? "ng" : "neutral"}
            icon={server.state === "connected" ? "check" : "warning"}
          >
            {w.states[server.state]}
          </Tag>
          {server.model_version !== "" && <Tag>{w.version(server.model_version)}</Tag>}
          {server.sign_in !== "none" && <Tag icon="key">{w.signIns[server.sign_in]}</Tag>}
        </span>
        {server.error !== null && <WhyNot error={server.error} />}
        <span class="muted">
          {server.project.title} · {w.predicted(predicted, tasks)}
        </span>
        {known.length > 0 && (
          <span class="muted" data-testid="servers-labels">
            {w.labels}: {words.common.and(known)}
          </span>
        )}
        {unknown.length > 0 && (
          <span class="muted">
            {w.unknown}: {words.common.and(unknown)}
          </span>
        )}
        {running && run && (
          <div class="job-progress">
            <Progress value={run.of === 0 ? null : run.done / run.of} label={w.asking(run.done, run.of)} />
            <span class="muted num">{w.asking(run.done, run.of)}</span>
          </div>
        )}
        {run?.ended === true && (
          <div data-testid="servers-run">
            <p class={run.error === null ? "muted" : "row-error"}>{w.asked(run.answered, run.of)}</p>
            {run.error !== null && run.error !== server.error && <WhyNot error={run.error} />}
          </div>
        )}
        <label class="check">
          <input
            type="checkbox"
            checked={server.prelabels}
            disabled={busy}
            onChange={() => onChange({ prelabels: !server.prelabels })}
            data-testid="servers-prelabels"
          />
          <span>{w.prelabels}</span>
        </label>
        <label class="check">
          <input
            type="checkbox"
            checked={server.interactive}
            disabled={busy}
            onChange={() => onChange({ interactive: !server.interactive })}
            data-testid="servers-interactive"
          />
          <span>{w.interactive}</span>
        </label>
        <div class="wizard-actions">
          <Button busy={busy} onClick={onCheck} testid="servers-check">
            {w.check}
          </Button>
          <Button onClick={onTry} disabled={tasks === 0} testid="servers-try">
            {w.try}
          </Button>
          <Button
            onClick={() => onPredict(predicted === tasks)}
            disabled={running || tasks === 0}
            testid="servers-predict"
          >
            {predicted === tasks ? w.predictAll : w.predict(tasks - predicted)}
          </Button>
          <Button onClick={onEnd} testid="servers-end">
            {w.end}
          </Button>
        </div>
      </div>
    </li>
  )
}
