import { useSignal } from "@preact/signals"
import { useEffect, useRef } from "preact/hooks"
import { useWords } from "../../context.ts"
import { Button } from "../../parts/button.tsx"
import { Icon } from "../../parts/icon.tsx"

const longest = 6
const shortest = 4
const digits = ["1", "2", "3", "4", "5", "6", "7", "8", "9"]

/** Keys as large as a gloved finger needs; a keyboard works as well. Nothing typed is ever shown. */
export function PinPad({ busy, onPin }: { busy: boolean; onPin: (pin: string) => Promise<boolean> }) {
  const words = useWords().tablet
  const pin = useSignal("")
  const type = (digit: string) => {
    if (pin.value.length < longest && !busy) pin.value += digit
  }
  const erase = () => {
    pin.value = pin.value.slice(0, -1)
  }
  const enter = async () => {
    if (pin.value.length < shortest || busy) return
    if (!(await onPin(pin.value))) pin.value = ""
  }
  const latest = useRef({ type, erase, enter })
  latest.current = { type, erase, enter }

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.target instanceof HTMLInputElement) return
      const digit = /^(?:Digit|Numpad)(\d)$/.exec(event.code)?.[1]
      if (digit !== undefined) latest.current.type(digit)
      else if (event.code === "Backspace") latest.current.erase()
      else if (event.code === "Enter" || event.code === "NumpadEnter") {
        // A button somebody has walked to keeps Enter for itself.
        if (event.target instanceof HTMLElement && event.target.matches("button:focus-visible")) return
        void latest.current.enter()
      } else return
      event.preventDefault()
    }
    addEventListener("keydown", onKey)
    return () => removeEventListener("keydown", onKey)
  }, [])

  return (
    <div class="pin" data-testid="pin-pad">
      <p class="pin-dots" role="status" aria-label={words.pinTyped(pin.value.length)}>
        {Array.from({ length: longest }, (_, i) => (
          <span key={i} class={`pin-dot ${i < pin.value.length ? "pin-dot-on" : ""}`} aria-hidden="true" />
        ))}
      </p>
      <div class="pin-keys">
        {digits.map((digit) => (
          <button key={digit} type="button" class="pin-key num" onClick={() => type(digit)} disabled={busy}>
            {digit}
          </button>
        ))}
        <button type="button" class="pin-key" aria-label={words.erase} onClick={erase} disabled={busy}>
          <Icon name="back" size={32} />
        </button>
        <button type="button" class="pin-key num" onClick={() => type("0")} disabled={busy}>
          0
        </button>
        <Button
          look="primary"
          busy={busy}
          disabled={pin.value.length < shortest}
          onClick={() => void enter()}
          testid="pin-enter"
        >
          {words.enter}
        </Button>
      </div>
    </div>
  )
}
