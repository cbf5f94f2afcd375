import { onDemand } from "../on-demand.ts"
import type { Params } from "../params.ts"
import { writeNumber } from "../write-number.ts"

export const n = writeNumber("en-GB", { maximumFractionDigits: 1 })
export const pct = (value: number) =>
  value.toLocaleString("en-GB", { style: "percent", maximumFractionDigits: value < 0.1 ? 1 : 0 })
/** A missing figure reads as a dash, never as "undefined". */
export const num = (p: Params, key: string) => (p[key] === undefined ? "–" : n(Number(p[key])))
export const text = (p: Params, key: string) => String(p[key] ?? "–")
/** "1 escape", "2 escapes". */
export const many = (p: Params, key: string, one: string) =>
  p[key] === undefined ? "–" : plural(Number(p[key]), one)
export const share = (p: Params, key: string) => (p[key] === undefined ? "–" : pct(Number(p[key])))
const rules = onDemand(() => new Intl.PluralRules("en-GB"))
export const plural = (value: number, one: string, other = `${one}s`) =>
  `${n(value)} ${rules().select(value) === "one" ? one : other}`
