/** A bar that fills from 0 to 1; `null` = under way, extent unknown. */
export function Progress({
  value,
  label,
  tone = "neutral",
}: {
  value: number | null
  label: string
  tone?: "neutral" | "ok" | "ng"
}) {
  return (
    <progress
      class={`progress progress-${tone}`}
      aria-label={label}
      {...(value === null ? {} : { value, max: 1 })}
    />
  )
}

export type Step = { name: string; state: "done" | "now" | "later"; note?: string | undefined }

/** Stages in order; the one under way is large and says what is happening. */
export function Stepper({ steps, label }: { steps: Step[]; label: string }) {
  return (
    <ol class="stepper" aria-label={label}>
      {steps.map((step, i) => (
        <li
          key={step.name}
          class={`step step-${step.state}`}
          aria-current={step.state === "now" ? "step" : undefined}
        >
          <span class="step-dot" aria-hidden="true">
            {step.state === "done" ? "✓" : i + 1}
          </span>
          <span class="step-name">{step.name}</span>
        </li>
      ))}
    </ol>
  )
}
