/** Everything that can be done on the work screen, in the order it is listed, with its keys. */
export const actions = [
  { id: "accept", group: "judge", keys: ["Space"] },
  { id: "ok", group: "judge", keys: ["KeyO"] },
  { id: "ng", group: "judge", keys: ["KeyX"] },
  { id: "unsure", group: "judge", keys: ["KeyU"] },
  { id: "kind1", group: "judge", keys: ["Digit1"] },
  { id: "kind2", group: "judge", keys: ["Digit2"] },
  { id: "kind3", group: "judge", keys: ["Digit3"] },
  { id: "kind4", group: "judge", keys: ["Digit4"] },
  { id: "kind5", group: "judge", keys: ["Digit5"] },
  { id: "kind6", group: "judge", keys: ["Digit6"] },
  { id: "kind7", group: "judge", keys: ["Digit7"] },
  { id: "kind8", group: "judge", keys: ["Digit8"] },
  { id: "kind9", group: "judge", keys: ["Digit9"] },
  { id: "same", group: "judge", keys: ["Shift+KeyV"] },
  { id: "skip", group: "judge", keys: ["Shift+KeyS"] },
  { id: "ask", group: "judge", keys: ["Shift+KeyA"] },
  { id: "comment", group: "judge", keys: ["Shift+KeyC"] },
  { id: "batch", group: "judge", keys: ["Shift+KeyG"] },
  { id: "undo", group: "judge", keys: ["KeyZ", "Ctrl+KeyZ"] },
  { id: "redo", group: "judge", keys: ["Shift+KeyZ", "Ctrl+Shift+KeyZ", "Ctrl+KeyY"] },
  { id: "hand", group: "draw", keys: ["KeyV"] },
  { id: "box", group: "draw", keys: ["KeyB"] },
  { id: "rotated", group: "draw", keys: ["KeyT"] },
  { id: "ellipse", group: "draw", keys: ["KeyE"] },
  { id: "polygon", group: "draw", keys: ["KeyP"] },
  { id: "line", group: "draw", keys: ["KeyL"] },
  { id: "point", group: "draw", keys: ["KeyK"] },
  { id: "brush", group: "draw", keys: ["KeyM"] },
  { id: "eraser", group: "draw", keys: ["KeyN"] },
  { id: "thicker", group: "draw", keys: ["Period"] },
  { id: "thinner", group: "draw", keys: ["Comma"] },
  { id: "link", group: "draw", keys: ["KeyJ"] },
  { id: "segment", group: "draw", keys: ["KeyC"] },
  { id: "done", group: "draw", keys: ["Enter"] },
  { id: "snap", group: "draw", keys: ["KeyS"] },
  { id: "escape", group: "draw", keys: ["Escape"] },
  { id: "next", group: "change", keys: ["BracketRight"] },
  { id: "previous", group: "change", keys: ["BracketLeft"] },
  { id: "all", group: "change", keys: ["Ctrl+KeyA"] },
  { id: "several", group: "change", keys: ["KeyA"] },
  { id: "marquee", group: "change", keys: ["KeyF"] },
  { id: "agree", group: "change", keys: ["KeyY"] },
  { id: "remove", group: "change", keys: ["Delete", "Backspace"] },
  { id: "copy", group: "change", keys: ["Ctrl+KeyC"] },
  { id: "paste", group: "change", keys: ["Ctrl+KeyV"] },
  { id: "left", group: "change", keys: ["ArrowLeft"] },
  { id: "right", group: "change", keys: ["ArrowRight"] },
  { id: "up", group: "change", keys: ["ArrowUp"] },
  { id: "down", group: "change", keys: ["ArrowDown"] },
  { id: "farLeft", group: "change", keys: ["Shift+ArrowLeft"] },
  { id: "farRight", group: "change", keys: ["Shift+ArrowRight"] },
  { id: "farUp", group: "change", keys: ["Shift+ArrowUp"] },
  { id: "farDown", group: "change", keys: ["Shift+ArrowDown"] },
  { id: "wider", group: "change", keys: ["Ctrl+ArrowRight"] },
  { id: "narrower", group: "change", keys: ["Ctrl+ArrowLeft"] },
  { id: "taller", group: "change", keys: ["Ctrl+ArrowDown"] },
  { id: "shorter", group: "change", keys: ["Ctrl+ArrowUp"] },
  { id: "spinRight", group: "change", keys: ["Shift+BracketRight"] },
  { id: "spinLeft", group: "change", keys: ["Shift+BracketLeft"] },
  { id: "bring", group: "change", keys: ["Shift+KeyB"] },
  { id: "front", group: "change", keys: ["Home"] },
  { id: "forward", group: "change", keys: ["PageUp"] },
  { id: "backward", group: "change", keys: ["PageDown"] },
  { id: "back", group: "change", keys: ["End"] },
  { id: "lock", group: "change", keys: ["Shift+KeyL"] },
  { id: "hide", group: "change", keys: ["Shift+KeyH"] },
  { id: "merge", group: "change", keys: ["Shift+KeyM"] },
  { id: "toMask", group: "change", keys: ["Shift+KeyN"] },
  { id: "zoomIn", group: "look", keys: ["+", "="] },
  { id: "zoomOut", group: "look", keys: ["-"] },
  { id: "fit", group: "look", keys: ["Digit0"] },
  { id: "turnRight", group: "look", keys: ["KeyR"] },
  { id: "turnLeft", group: "look", keys: ["Shift+KeyR"] },
  { id: "brighter", group: "look", keys: ["KeyW"] },
  { id: "darker", group: "look", keys: ["KeyQ"] },
  { id: "moreContrast", group: "look", keys: ["Shift+KeyW"] },
  { id: "lessContrast", group: "look", keys: ["Shift+KeyQ"] },
  { id: "invert", group: "look", keys: ["KeyI"] },
  { id: "asTaken", group: "look", keys: ["Shift+KeyI"] },
  { id: "tools", group: "look", keys: ["KeyD"] },
  { id: "regions", group: "look", keys: ["KeyG"] },
  { id: "guide", group: "look", keys: ["Shift+KeyD"] },
  { id: "alike", group: "look", keys: ["Shift+KeyE"] },
  { id: "mentions", group: "look", keys: ["Shift+KeyO"] },
  { id: "history", group: "look", keys: ["KeyH"] },
  { id: "help", group: "look", keys: ["?", "F1"] },
] as const satisfies readonly { id: string; group: string; keys: readonly string[] }[]

export type ActionId = (typeof actions)[number]["id"]
export const groups = [
  "judge",
  "draw",
  "change",
  "look",
] as const satisfies readonly (typeof actions)[number]["group"][]

/** Keys of every action; what a person has changed is put in place of the ones above. */
export type Bindings = Readonly<Record<ActionId, readonly string[]>>

export const defaultBindings: Bindings = Object.fromEntries(
  actions.map(({ id, keys }): [string, readonly string[]] => [id, keys]),
) as Record<ActionId, readonly string[]>

type Key = Pick<KeyboardEvent, "code" | "key" | "shiftKey" | "ctrlKey" | "metaKey" | "altKey">

const modifiers =
  /^(Shift|Control|Alt|Meta|OS|CapsLock|NumLock|ScrollLock|Hangul|Hanja|Lang|Kana|Convert|NonConvert)/

/**
 * What a pressed key may be called, the most exact first. Letters go by their place on the keyboard (`code`): under a
 * Korean input method `key` is a jamo or "Process". Signs go by what they say as well, because they lie elsewhere on
 * every keyboard. Empty for what cannot be an action: modifiers alone, and Alt, which belongs to browser and system.
 */
export function chordsOf({ code, key, shiftKey, ctrlKey, metaKey, altKey }: Key): string[] {
  if (altKey || code === "" || modifiers.test(code)) return []
  const place = code.replace(/^Numpad(\d)$/, "Digit$1").replace(/^NumpadEnter$/, "Enter")
  const held = `${ctrlKey || metaKey ? "Ctrl+" : ""}${shiftKey ? "Shift+" : ""}`
  const isSign = /^[!-/:-@[-`{-~]$/.test(key) && !/^(Key|Digit)/.test(code)
  const sign = isSign && !ctrlKey && !metaKey ? [key] : []
  return [held + place, ...sign]
}

/** WCAG 2.2 2.1.4 speaks of these: letters, digits and signs without Ctrl. */
const isSingle = (chord: string) =>
  !chord.startsWith("Ctrl+") &&
  (chord.length === 1 ||
    /^(Shift\+)?(Key|Digit|Period|Comma|Slash|Minus|Equal|Semicolon|Quote|Backquote|Backslash|Bracket|Intl|Numpad)/.test(
      chord,
    ))

/** The action of a key. `single` is the person's choice of WCAG 2.2 2.1.4. */
export function readKey(event: Key, single: boolean, bindings: Bindings = defaultBindings): ActionId | null {
  for (const chord of chordsOf(event)) {
    if (!single && isSingle(chord)) continue
    const found = actions.find(({ id }) => bindings[id].includes(chord))
    if (found) return found.id
  }
  return null
}

/** Whose key this already is, other than that action's. */
export const ownerOf = (bindings: Bindings, chord: string, except: ActionId): ActionId | null =>
  actions.find(({ id }) => id !== except && bindings[id].includes(chord))?.id ?? null

const signs: Readonly<Record<string, string>> = {
  Period: ".",
  Comma: ",",
  Slash: "/",
  Minus: "−",
  Equal: "=",
  Semicolon: ";",
  Quote: "'",
  Backquote: "`",
  Backslash: "\\",
  BracketLeft: "[",
  BracketRight: "]",
  ArrowLeft: "←",
  ArrowRight: "→",
  ArrowUp: "↑",
  ArrowDown: "↓",
  Escape: "Esc",
  "-": "−",
}

/** As it is printed on the key. */
export function chordText(chord: string): string {
  const parts = /^((?:Ctrl\+)?(?:Shift\+)?)(.+)$/.exec(chord)
  const [held = "", name = chord] = [parts?.[1], parts?.[2]]
  const text = signs[name] ?? name.replace(/^(Key|Digit)/, "")
  return `${held}${text}`.replaceAll("+", " + ").replace(/^ \+ $/, "+")
}
