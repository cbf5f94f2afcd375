/** Readers type a whole code in some tenths of a second; nobody's fingers do. */
const fastMs = 100
/** Shorter than any badge and longer than any PIN: a PIN typed in haste is no badge. */
const shortest = 8

/**
 * Tells a badge reader from a person at the keyboard. It looks at keys by their place and not by what they write, because a
 * Korean input method would make syllables of what a reader types.
 */
export function createBadgeReader() {
  let text = ""
  let last = 0
  return {
    /** `code` as `KeyboardEvent.code`; answers a badge when one is complete. */
    feed(code: string, at: number): string | undefined {
      if (at - last > fastMs) text = ""
      last = at
      if (code !== "Enter" && code !== "NumpadEnter" && code !== "Tab") {
        text += /^(?:Key([A-Z])|(?:Digit|Numpad)(\d))$/.exec(code)?.slice(1).join("") ?? ""
        return undefined
      }
      const read = text
      text = ""
      return read.length >= shortest ? read : undefined
    },
  }
}
