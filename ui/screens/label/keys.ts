import type { EditorAction } from "../../editor/editor.ts"

export type KeyCommand =
  | { do: "accept" | "ok" | "ng" | "unsure" | "undo" | "help" | "remove" | "box" | "escape" }
  | { do: "kind"; index: number }
  | { do: "edit"; action: EditorAction }

type Key = Pick<KeyboardEvent, "code" | "key" | "shiftKey" | "ctrlKey" | "metaKey" | "altKey">

const letters: Record<string, KeyCommand> = {
  KeyO: { do: "ok" },
  KeyX: { do: "ng" },
  KeyU: { do: "unsure" },
  KeyZ: { do: "undo" },
  KeyB: { do: "box" },
}
const arrows: Record<string, readonly [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
}

/**
 * What a key means on the work screen. Letters go by their place on the keyboard (`code`): under a Korean input method
 * `key` is a jamo or "Process". `single` is the person's choice of WCAG 2.2 2.1.4.
 */
export function readKey(event: Key, single: boolean): KeyCommand | null {
  const { code, key } = event
  if (event.altKey) return null
  if (event.ctrlKey || event.metaKey) return code === "KeyZ" ? { do: "undo" } : null
  if (code === "Space") return { do: "accept" }
  if (code === "Escape") return { do: "escape" }
  if (code === "Delete" || code === "Backspace") return { do: "remove" }
  const arrow = arrows[code]
  if (arrow) {
    const step = event.shiftKey ? 10 : 1
    return { do: "edit", action: { type: "nudge", dx: arrow[0] * step, dy: arrow[1] * step } }
  }
  if (!single) return null
  if (key === "?") return { do: "help" }
  if (key === "+" || key === "=") return { do: "edit", action: { type: "zoom", factor: 1.5 } }
  if (key === "-") return { do: "edit", action: { type: "zoom", factor: 1 / 1.5 } }
  const digit = /^(?:Digit|Numpad)(\d)$/.exec(code)?.[1]
  if (digit === "0") return { do: "edit", action: { type: "fit" } }
  if (digit !== undefined) return { do: "kind", index: Number(digit) - 1 }
  return letters[code] ?? null
}
