import type { Language } from "#contract/users"
import type { Words } from "./ko.ts"
import { onDemand } from "./on-demand.ts"
import type { Params } from "./params.ts"

/** Every language in its own words. */
export const languageNames: Record<Language, string> = { ko: "한국어", en: "English" }

const files: Record<Language, () => Promise<Words>> = {
  ko: () => import("./ko.ts").then(({ ko }) => ko),
  en: () => import("./en.ts").then(({ en }) => en),
}
/** The words of one language, in a file of its own: a tablet fetches the one it shows. */
export const readWords = (language: Language): Promise<Words> => files[language]()

type Unit = "day" | "hour" | "minute" | "second"
const steps: [Unit, number][] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
]

function writeTime(locale: string, options: Intl.DateTimeFormatOptions): (at: number) => string {
  const format = onDemand(() => new Intl.DateTimeFormat(locale, options))
  return (at) => format().format(at)
}

/** Numbers, times and sentences in one language. Times are shown in the tablet's zone, 24 h. */
export function createFormat(words: Words) {
  const day = writeTime(words.locale, {
    month: "short",
    day: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  })
  const clock = writeTime(words.locale, {
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
  })
  const unit = (value: number, unit: Unit) =>
    new Intl.NumberFormat(words.locale, {
      style: "unit",
      unit,
      unitDisplay: words.code === "ko" ? "long" : "narrow",
    }).format(value)

  /** Seconds in the one or two largest units that matter: "3 min 12 s", "2시간 5분". */
  function duration(seconds: number, parts: 1 | 2 = 2): string {
    const whole = Math.max(0, Math.round(seconds))
    const at = steps.findIndex(([, size]) => whole >= size)
    const [name, size] = steps[at] ?? (["second", 1] as const)
    const next = steps[at + 1]
    const rest = whole % size
    const second =
      parts === 2 && next && rest >= next[1] ? ` ${unit(Math.floor(rest / next[1]), next[0])}` : ""
    return unit(Math.floor(whole / size), name) + second
  }

  return {
    number: (value: number) => value.toLocaleString(words.locale),
    percent: words.common.percent,
    /** Three significant digits, for figures of a trainer. */
    figure: (value: number) => value.toLocaleString(words.locale, { maximumSignificantDigits: 3 }),
    dateTime: day,
    clock,
    duration,
    ago: (at: number, now: number) =>
      now - at < 5_000 ? words.time.now : words.time.ago(duration((now - at) / 1000, 1)),
    milliseconds: (ms: number) =>
      new Intl.NumberFormat(words.locale, {
        style: "unit",
        unit: "millisecond",
        maximumFractionDigits: ms < 10 ? 1 : 0,
      }).format(ms),
    bytes: (size: number) => {
      const [unit, of] =
        size < 1e6
          ? (["kilobyte", 1e3] as const)
          : size < 1e9
            ? (["megabyte", 1e6] as const)
            : (["gigabyte", 1e9] as const)
      const format = new Intl.NumberFormat(words.locale, { style: "unit", unit, maximumFractionDigits: 1 })
      if (size >= 1e3) return format.format(size / of)
      // "212byte", locales would have it.
      const parts = format.formatToParts(size)
      return parts.map(({ type, value }) => (type === "unit" ? "B" : value)).join("")
    },
  }
}
export type Format = ReturnType<typeof createFormat>

/** A gate check as a sentence; a reason this build does not know falls back to what the status says. */
export function gateSentence(
  words: Words,
  check: {
    id: keyof Words["gate"]["check"]
    status: keyof Words["gate"]["byStatus"]
    reason: string
    params: Params
  },
): string {
  const known = words.gate.reason[check.reason]
  return known
    ? known(check.params, check.status)
    : words.gate.byStatus[check.status](words.gate.check[check.id])
}
