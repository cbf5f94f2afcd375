import type { ComponentChildren } from "preact"
import { useId } from "preact/hooks"
import type { TestId } from "../testids.ts"

type FieldProps = {
  label: string
  value: string
  onValue: (value: string) => void
  hint?: string | undefined
  testid?: TestId
  after?: ComponentChildren
  type?: "text" | "password"
  autocomplete?: string
  autocapitalize?: "none"
  spellcheck?: boolean
  required?: boolean
  pattern?: string
  minLength?: number
  maxLength?: number
}

/** A text input with its name above it and its hint below. */
export function Field({ label, hint, testid, onValue, after, type, ...rest }: FieldProps) {
  const id = useId()
  const typed = type === "password" ? ({ type: "password" } as const) : ({ type: "text" } as const)
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <div class="field-row">
        <input
          {...rest}
          {...typed}
          id={id}
          class="input"
          aria-describedby={hint ? `${id}-hint` : undefined}
          onInput={(event) => onValue(event.currentTarget.value)}
          data-testid={testid}
        />
        {after}
      </div>
      {hint && (
        <p id={`${id}-hint`} class="small muted">
          {hint}
        </p>
      )}
    </div>
  )
}

/** Several lines of text with their name above. */
export function TextField({
  label,
  value,
  onValue,
  maxLength,
  rows = 3,
  required = false,
  testid,
}: {
  label: string
  value: string
  onValue: (value: string) => void
  maxLength: number
  rows?: number
  required?: boolean
  testid?: TestId
}) {
  const id = useId()
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <textarea
        id={id}
        class="input text-area"
        rows={rows}
        maxLength={maxLength}
        required={required}
        value={value}
        onInput={(event) => onValue(event.currentTarget.value)}
        data-testid={testid}
      />
    </div>
  )
}

/** A choice of many, by the platform's own list. */
export function Select({
  label,
  value,
  options,
  onValue,
  testid,
}: {
  label: string
  value: string
  options: readonly { value: string; text: string }[]
  onValue: (value: string) => void
  testid?: TestId
}) {
  const id = useId()
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select
        id={id}
        class="select"
        value={value}
        onChange={(event) => onValue(event.currentTarget.value)}
        data-testid={testid}
      >
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.text}
          </option>
        ))}
      </select>
    </div>
  )
}

/** A choice of a few: all visible, one press. */
export function Segmented<T extends string>({
  label,
  value,
  options,
  onValue,
  testid,
}: {
  label: string
  value: T
  options: readonly { value: T; text: string }[]
  onValue: (value: T) => void
  testid?: TestId
}) {
  const id = useId()
  return (
    <fieldset class="field segmented-field" data-testid={testid}>
      <legend>{label}</legend>
      <div class="segmented">
        {options.map((option) => (
          <label key={option.value} class="segment">
            <input
              type="radio"
              name={id}
              value={option.value}
              checked={option.value === value}
              onChange={() => onValue(option.value)}
            />
            <span>{option.text}</span>
          </label>
        ))}
      </div>
    </fieldset>
  )
}
