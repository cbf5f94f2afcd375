import { useWords } from "../../context.ts"
import { useDeskWords } from "../../desk-words.ts"

/** Names and sentences for what the hub says about sources. What this build does not know gets a general one. */
export function useSourceWords() {
  const words = useWords()
  const texts = useDeskWords().sources
  return {
    preset: (key: string): string => texts.presets[key] ?? texts.presets.own ?? key,
    reason: (code: string | undefined): string =>
      code === undefined ? "" : (texts.reasons[code] ?? words.arrivals.why[code] ?? words.arrivals.whyOther),
    note: (code: string): string =>
      texts.notes[code] ?? words.devices.sourceNotes[code] ?? texts.reasons[code] ?? words.arrivals.whyOther,
  }
}
