import type { Params } from "../params.ts"
import { writeNumber } from "../write-number.ts"

export const n = writeNumber("ko-KR", { maximumFractionDigits: 1 })
export const pct = (value: number) =>
  value.toLocaleString("ko-KR", { style: "percent", maximumFractionDigits: value < 0.1 ? 1 : 0 })
/** A figure from the hub's `params`; a missing one reads as a dash, never as "undefined". */
export const num = (p: Params, key: string) => (p[key] === undefined ? "–" : n(Number(p[key])))
export const text = (p: Params, key: string) => String(p[key] ?? "–")
export const share = (p: Params, key: string) => (p[key] === undefined ? "–" : pct(Number(p[key])))
