import { useRef, useState } from "preact/hooks"
import type { LabelVerdict } from "#contract/labelling"
import { useWords } from "../../context.ts"
import { VerdictMark } from "../../parts/icon.tsx"
import type { TestId } from "../../testids.ts"

/**
 * The hot buttons. They fire when the finger is lifted inside (WCAG 2.5.2) however much a glove rolls on the way:
 * the browser's own click gives up after a few pixels of movement, so pointers are followed here.
 */
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
  const isInside = (event: PointerEvent) => {
    const box = ref.current?.getBoundingClientRect()
    return (
      box !== undefined &&
      event.clientX >= box.left &&
      event.clientX <= box.right &&
      event.clientY >= box.top &&
      event.clientY <= box.bottom
    )
  }
  return (
    <button
      ref={ref}
      type="button"
      class={`verdict verdict-${verdict} ${held ? "verdict-held" : ""}`}
      disabled={disabled}
      data-testid={testid}
      onPointerDown={(event) => {
        if (event.button !== 0) return
        event.currentTarget.setPointerCapture(event.pointerId)
        setHeld(true)
      }}
      onPointerMove={(event) => {
        if (event.currentTarget.hasPointerCapture(event.pointerId)) setHeld(isInside(event))
      }}
      onPointerUp={(event) => {
        const captured = event.currentTarget.hasPointerCapture(event.pointerId)
        setHeld(false)
        if (captured && isInside(event)) onPress()
      }}
      onPointerCancel={() => setHeld(false)}
      onClick={(event) => {
        // Keyboard and assistive technology click without a pointer.
        if (event.detail === 0) onPress()
      }}
    >
      <VerdictMark verdict={verdict} size={52} />
      <span class="verdict-name">{name ?? words.verdict[verdict]}</span>
      {hint !== null && <kbd class="key verdict-key">{hint}</kbd>}
    </button>
  )
}
