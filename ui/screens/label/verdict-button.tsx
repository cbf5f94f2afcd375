import { useLayoutEffect, useRef, useState } from "preact/hooks"
import type { LabelVerdict } from "#contract/labelling"
import { useWords } from "../../context.ts"
import { VerdictMark } from "../../parts/icon.tsx"
import { followPress } from "../../parts/press.ts"
import type { TestId } from "../../testids.ts"

/** The hot buttons: they fire when the finger is lifted inside. */
export function VerdictButton({
  verdict,
  name,
  hint,
  onPress,
  disabled,
  testid,
}: {
  verdict: LabelVerdict
  /** Instead of the verdict's own. */
  name?: string
  /** Its key on a keyboard. */
  hint: string | null
  onPress: () => void
  disabled: boolean
  testid: TestId
}) {
  const words = useWords()
  const ref = useRef<HTMLButtonElement>(null)
  const [held, setHeld] = useState(false)
  const press = useRef(onPress)
  press.current = onPress
  useLayoutEffect(
    () =>
      ref.current ? followPress(ref.current, { held: setHeld, press: () => press.current() }) : undefined,
    [],
  )
  return (
    <button
      ref={ref}
      type="button"
      class={`verdict verdict-${verdict} ${held ? "verdict-held" : ""}`}
      disabled={disabled}
      data-testid={testid}
    >
      <VerdictMark verdict={verdict} size={52} />
      <span class="verdict-name">{name ?? words.verdict[verdict]}</span>
      {hint !== null && <kbd class="key verdict-key">{hint}</kbd>}
    </button>
  )
}
