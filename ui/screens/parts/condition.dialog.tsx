import { useSignal } from "@preact/signals"
import { type FilterField, type FilterTerm, filterFields, parseFilter } from "#contract/part-filter"
import { PartChoices } from "#contract/parts"
import { useApp, useFormat, useKindName, useWords } from "../../context.ts"
import { Button } from "../../parts/button.tsx"
import { Dialog } from "../../parts/dialog.tsx"
import { Field, Select } from "../../parts/field.tsx"
import { useResource } from "../../resource.ts"

const quoted = (value: string) =>
  /^[^\s",:<>-][^\s",:<>]*$/.test(value) ? value : `"${value.replaceAll('"', "")}"`

/** One condition put together from lists, for whoever does not want to write it. */
export function ConditionDialog({
  onAdd,
  onClose,
}: {
  onAdd: (term: FilterTerm) => void
  onClose: () => void
}) {
  const { api } = useApp()
  const words = useWords()
  const choices = useResource("part choices", (s) => api.get("/api/parts/choices", PartChoices, s))
  const field = useSignal<FilterField>("verdict")
  const value = useSignal("")
  const not = useSignal(false)
  const options = useOptions(field.value, choices.data.value)
  const shown =
    options && !options.some((one) => one.value === value.value) ? (options[0]?.value ?? "") : value.value
  const written =
    field.value === "score" && /^[<>=]/.test(shown)
      ? shown
      : `:${
          field.value === "time" || field.value === "score"
            ? shown
            : shown
                .split(",")
                .map((one) => quoted(one.trim()))
                .join(",")
        }`
  const parsed = parseFilter(`${not.value ? "-" : ""}${field.value}${written}`)
  const term = "filter" in parsed && shown.trim() !== "" ? parsed.filter[0] : undefined
  return (
    <Dialog
      title={words.parts.addTitle}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>{words.common.cancel}</Button>
          <Button
            look="primary"
            disabled={term === undefined}
            onClick={() => term && onAdd(term)}
            testid="parts-add-submit"
          >
            {words.parts.add}
          </Button>
        </>
      }
    >
      <Select
        label={words.parts.field}
        value={field.value}
        options={filterFields.map((one) => ({ value: one, text: words.parts.fields[one] }))}
        onValue={(one) => {
          field.value = one as FilterField
          value.value = ""
          if (one === "time") not.value = false
        }}
        testid="parts-add-field"
      />
      {options ? (
        <Select
          label={words.parts.value}
          value={shown}
          options={options}
          onValue={(one) => {
            value.value = one
          }}
          testid="parts-add-value"
        />
      ) : (
        <Field
          label={words.parts.value}
          value={value.value}
          hint={field.value === "score" ? words.parts.fault.score() : words.parts.values}
          onValue={(one) => {
            value.value = one
          }}
          testid="parts-add-value"
        />
      )}
      {field.value !== "time" && (
        <label class="check">
          <input
            type="checkbox"
            checked={not.value}
            onChange={(event) => {
              not.value = event.currentTarget.checked
            }}
          />
          <span>{words.parts.not}</span>
        </label>
      )}
    </Dialog>
  )
}

type Option = { value: string; text: string }

/** What a field may be; undefined where it is to be written. */
function useOptions(field: FilterField, choices: PartChoices | undefined): Option[] | undefined {
  const { kinds } = useApp()
  const words = useWords()
  const format = useFormat()
  const kindName = useKindName()
  const plain = (of: readonly string[]): Option[] => of.map((value) => ({ value, text: value }))
  const named = (of: Record<string, string>): Option[] =>
    Object.entries(of).map(([value, text]) => ({ value, text }))
  const anyNone: Option[] = [
    { value: "any", text: words.parts.any },
    { value: "none", text: words.parts.none },
  ]
  const { ok, ng, unsure } = words.verdict
  const defects = [...kinds.value.map(({ key }) => key), "unknown"].map((value) => ({
    value,
    text: kindName(value),
  }))
  switch (field) {
    case "verdict":
      return named(words.verdict).filter(({ value }) => value !== "unsure")
    case "label":
      return [...named({ ok, ng, unsure }), ...anyNone, ...defects]
    case "found":
      return [...anyNone, ...defects]
    case "queue":
      return [...anyNone, ...named(words.label.reason)]
    case "is":
      return named(words.parts.is)
    case "station":
      return choices && plain(choices.stations)
    case "product":
      return choices && plain(choices.products)
    case "model":
      return choices?.models.map(({ digest, parts }) => ({
        value: digest.slice(0, 12),
        text: `${digest.slice(0, 12)} · ${words.parts.count(parts, false)}`,
      }))
    case "dataset":
      return [
        ...anyNone,
        ...(choices?.datasets ?? []).map(({ name, created_at }) => ({
          value: name,
          text: `${name} · ${format.dateTime(created_at)}`,
        })),
      ]
    case "time":
      return [
        { value: "today", text: words.parts.today },
        ...[1, 7, 30, 90].map((days) => ({ value: `${days}d`, text: words.parts.days(days) })),
      ]
    default:
      return undefined
  }
}
