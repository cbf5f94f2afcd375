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
