import { useEffect, useMemo, useRef } from "preact/hooks"
import type { LabelTask } from "#contract/labelling"
import { thumbUrl } from "../../api.ts"
import { useApp, useKindName, useWords } from "../../context.ts"
import { Button, IconButton } from "../../parts/button.tsx"
import { isCovered } from "../../parts/dialog.tsx"
import { Segmented } from "../../parts/field.tsx"
import { Icon, VerdictMark } from "../../parts/icon.tsx"
import { Empty, TroubleNote, Wait } from "../../parts/states.tsx"
import { type Batch, type BatchSize, batchSizes } from "./batch.ts"
import { VerdictButton } from "./verdict-button.tsx"

const columnsOf: Record<BatchSize, number> = { 12: 4, 24: 6, 48: 8 }

/** Many parts alike: tap the odd ones, judge the rest at once. */
export function BatchView({
  batch,
  onConfirm,
  onClose,
}: {
  batch: Batch
  onConfirm: (verdict: "ok" | "ng") => void
  onClose: () => void
}) {
  const { prefs } = useApp()
  const words = useWords()
  const kindName = useKindName()
  const grid = useRef<HTMLDivElement>(null)
  const keys = prefs.singleKeys.value
  const state = batch.state.value
  const tasks = batch.tasks.value
  const odd = batch.odd.value
  const rest = tasks.length - odd.size
  const columns = columnsOf[batch.size.value]
  const ready = state.at === "ready" && rest > 0
  const opinion = batch.opinion()
  const found = [...new Set(tasks.flatMap((task) => task.inspection.findings.map((f) => f.kind)))]

  useEffect(() => {
    void batch.load()
  }, [batch])

  const latest = useMemo(() => ({ onConfirm, columns, ready }), [])
  Object.assign(latest, { onConfirm, columns, ready })
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey || isCovered()) return
      const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -latest.columns, ArrowDown: latest.columns }[
        event.key
      ]
      if (step !== undefined) {
        const tiles = [...(grid.current?.querySelectorAll<HTMLElement>(".batch-tile") ?? [])]
        const here = tiles.findIndex((tile) => tile === document.activeElement)
        tiles[here < 0 ? 0 : Math.min(tiles.length - 1, Math.max(0, here + step))]?.focus()
        event.preventDefault()
      } else if (event.key === "Escape") onClose()
      else if (prefs.singleKeys.value && latest.ready && event.code === "KeyO") latest.onConfirm("ok")
      else if (prefs.singleKeys.value && latest.ready && event.code === "KeyX") latest.onConfirm("ng")
    }
    addEventListener("keydown", onKey)
    return () => removeEventListener("keydown", onKey)
  }, [latest, prefs])

  return (
    <main class="batch" id="main" data-hand={prefs.hand.value}>
      <header class="batch-top">
        <IconButton icon="back" name={words.flow.batch.single} onClick={onClose} testid="batch-single" />
        <div class="batch-lead">
          <h1>{words.flow.batch.title}</h1>
          <p class="muted">
            {tasks.length > 0 && (
              <strong>
                {words.flow.batch.model(
                  words.common.and([
                    ...(opinion === null ? [words.verdict.undecidable] : [words.verdict[opinion]]),
                    ...found.map(kindName),
                  ]),
                )}{" "}
              </strong>
            )}
            {words.flow.batch.lead}
          </p>
        </div>
        <Segmented
          label={words.flow.batch.size}
          value={String(batch.size.value)}
          options={batchSizes.map((size) => ({ value: String(size), text: String(size) }))}
          onValue={(value) => batch.resize(batchSizes.find((size) => String(size) === value) ?? 12)}
        />
      </header>
      <div class="batch-body">
        {state.at === "loading" && <Wait text={words.flow.batch.loading} />}
        {state.at === "cut" && <TroubleNote trouble={state.trouble} retry={() => void batch.load()} />}
        {state.at === "empty" && (
          <div data-testid="batch-empty">
            <Empty icon="check" title={words.flow.batch.empty} body={words.flow.batch.emptyBody}>
              <Button look="primary" onClick={onClose}>
                {words.flow.batch.single}
              </Button>
            </Empty>
          </div>
        )}
        {state.at === "ready" && (
          <div ref={grid} class="batch-grid" style={`--columns: ${columns}`}>
            {tasks.map((task, i) => (
              <Tile
                key={task.inspection.id}
                task={task}
                i={i}
                odd={odd.has(task.inspection.id)}
                onToggle={() => batch.toggle(task.inspection.id)}
              />
            ))}
          </div>
        )}
      </div>
      <div class="verdicts verdicts-two batch-verdicts">
        <VerdictButton
          verdict="ok"
          name={words.flow.batch.ok(rest)}
          hint={keys ? "O" : null}
          onPress={() => onConfirm("ok")}
          disabled={!ready}
          testid="batch-ok"
        />
        <VerdictButton
          verdict="ng"
          name={words.flow.batch.ng(rest)}
          hint={keys ? "X" : null}
          onPress={() => onConfirm("ng")}
          disabled={!ready}
          testid="batch-ng"
        />
      </div>
    </main>
  )
}

function Tile({
  task,
  i,
  odd,
  onToggle,
}: {
  task: LabelTask
  i: number
  odd: boolean
  onToggle: () => void
}) {
  const words = useWords()
  const { inspection } = task
  const name = words.flow.batch.part(i + 1, inspection.part_id ?? inspection.device_id)
  return (
    <button
      type="button"
      class="batch-tile"
      aria-pressed={odd}
      aria-label={odd ? `${name}, ${words.flow.batch.odd}` : name}
      onClick={onToggle}
      data-testid="batch-tile"
      data-part={inspection.id}
    >
      {inspection.image && <img src={thumbUrl(inspection.image.sha256, 320)} alt="" draggable={false} />}
      <span class="batch-mark">
        <VerdictMark verdict={inspection.verdict.eval} size={18} />
      </span>
      {odd && (
        <span class="batch-odd">
          <Icon name="close" size={28} />
          {words.flow.batch.odd}
        </span>
      )}
    </button>
  )
}
