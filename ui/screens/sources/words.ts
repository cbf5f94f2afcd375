import { useWords } from "../../context.ts"

/** Names and sentences for what the hub says about sources. What this build does not know gets a general one. */
export function useSourceWords() {
  const words = useWords()
  return {
    preset: (key: string): string => words.sources.presets[key] ?? words.sources.presets.own ?? key,
    reason: (code: string | undefined): string =>
      code === undefined
        ? ""
        : (words.sources.reasons[code] ?? words.arrivals.why[code] ?? words.arrivals.whyOther),
    note: (code: string): string =>
      words.sources.notes[code] ??
      words.devices.sourceNotes[code] ??
      words.sources.reasons[code] ??
      words.arrivals.whyOther,
  }
}
