import { useSignal } from "@preact/signals"
import { useEffect, useId } from "preact/hooks"
import { type FilterTerm, formatFilter, formatTerm, parseFilter } from "#contract/part-filter"
import type { Trouble } from "../../api.ts"
import { useWords } from "../../context.ts"
import { Button } from "../../parts/button.tsx"
import { Icon } from "../../parts/icon.tsx"
import { ConditionDialog } from "./condition.dialog.tsx"
import { useTermText } from "./term-text.ts"

type Fault = { code: string; at: number; length: number; word: string }

/** What the hub, or this screen, does not understand of a filter. */
export function faultOf(trouble: Trouble | undefined): Fault | undefined {
  const [, code] = /^parts_filter_(\w+)$/.exec(trouble?.key ?? "") ?? []
  if (!trouble || code === undefined) return undefined
  const { at = 0, length = 0, word = "" } = trouble.params
  return { code, at: Number(at), length: Number(length), word: String(word) }
}

/** The filter as text and as chips beside it: one says what the other does. */
export function FilterBar({
  filter,
  fault: told,
  onFilter,
}: {
  filter: string
  fault: Fault | undefined
  onFilter: (filter: string) => void
}) {
  const words = useWords()
  const id = useId()
  const text = useSignal(filter)
  const adding = useSignal(false)
  useEffect(() => {
    text.value = filter
  }, [filter])
  const parsed = parseFilter(text.value)
  const fault = "fault" in parsed ? parsed.fault : text.value === filter ? told : undefined
  const known = parseFilter(filter)
  const terms = "filter" in known ? known.filter : []
  const faults: Record<string, (word: string) => string> = words.parts.fault
  return (
    <section class="parts-filter" aria-label={words.parts.filter}>
      <form
        class="parts-filter-row"
        onSubmit={(event) => {
          event.preventDefault()
          if ("filter" in parsed) onFilter(text.value.trim())
        }}
      >
        <label class="visually-hidden" for={id}>
          {words.parts.filter}
        </label>
        <input
          id={id}
          class="input"
          type="text"
          value={text.value}
          placeholder={words.parts.filterHint}
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
          aria-invalid={fault !== undefined}
          aria-describedby={`${id}-note`}
          onInput={(event) => {
            text.value = event.currentTarget.value
          }}
          data-testid="parts-filter"
        />
        <Button type="submit" look="primary" disabled={"fault" in parsed} testid="parts-find">
          {words.parts.find}
        </Button>
        <Button
          icon="plus"
          onClick={() => {
            adding.value = true
          }}
          testid="parts-add"
        >
          {words.parts.add}
        </Button>
      </form>
      <p id={`${id}-note`} class="small" role={fault ? "alert" : undefined} data-testid="parts-fault">
        {fault ? (
          <>
            <Icon name="warning" size={18} />{" "}
            {faults[fault.code]?.(fault.word) ?? words.problem.fallback.invalid}{" "}
            <code>
              {text.value.slice(Math.max(0, fault.at - 12), fault.at)}
              <mark>{text.value.slice(fault.at, fault.at + Math.max(1, fault.length))}</mark>
            </code>
          </>
        ) : (
          <span class="muted">{words.parts.filterHint}</span>
        )}
      </p>
      {terms.length > 0 && (
        <ul class="parts-chips">
          {terms.map((term) => (
            <li key={term.at}>
              <Chip term={term} onDrop={() => onFilter(formatFilter(terms.filter((one) => one !== term)))} />
            </li>
          ))}
        </ul>
      )}
      {adding.value && (
        <ConditionDialog
          onAdd={(term) => {
            adding.value = false
            onFilter([filter, formatTerm(term)].filter((one) => one !== "").join(" "))
          }}
          onClose={() => {
            adding.value = false
          }}
        />
      )}
    </section>
  )
}

function Chip({ term, onDrop }: { term: FilterTerm; onDrop: () => void }) {
  const words = useWords()
  const termText = useTermText()
  return (
    <button type="button" class="parts-chip" onClick={onDrop} data-testid="parts-chip">
      <span>
        {term.not && "≠ "}
        <b>{words.parts.fields[term.field]}</b> {termText(term)}
      </span>
      <Icon name="close" size={18} />
      <span class="visually-hidden">{words.parts.viewDrop}</span>
    </button>
  )
}
