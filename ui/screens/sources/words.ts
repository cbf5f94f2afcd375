import { useWords } from "../../context.ts"

/** Names and sentences for what the hub says about sources; what this build does not know shows its code. */
export function useSourceWords() {
  const words = useWords()
  return {
    preset: (key: string): string => words.sources.presets[key] ?? words.sources.presets.own ?? key,
    reason: (code: string | undefined): string =>
      code === undefined ? "" : (words.sources.reasons[code] ?? code),
    note: (code: string): string => words.sources.notes[code] ?? words.sources.reasons[code] ?? code,
  }
}
