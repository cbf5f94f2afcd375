import { onDemand } from "./on-demand.ts"

/** Writes numbers as one language does. Small whole ones, which most are, look the same in all of ours. */
export function writeNumber(locale: string, options: Intl.NumberFormatOptions): (value: number) => string {
  const format = onDemand(() => new Intl.NumberFormat(locale, options))
  return (value) =>
    Number.isInteger(value) && value >= 0 && value < 1_000 ? String(value) : format().format(value)
}
