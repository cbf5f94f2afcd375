/**
 * How people write which parts they mean: `station:line-1 verdict:ng score>0.8 -label:ok lot:A12* "oil film"`. Words stand
 * for what a part must be, all of them at once; commas for any of several; a minus for the opposite. Hub and screens read
 * it with this one parser, so that what the builder shows is what the hub looks for.
 */
export const filterFields = [
  "station",
  "product",
  "part",
  "lot",
  "time",
  "verdict",
  "score",
  "found",
  "label",
  "by",
  "reviewer",
  "model",
  "dataset",
  "queue",
  "is",
] as const
export type FilterField = (typeof filterFields)[number]

type Place = { at: number; length: number; not: boolean }
/** `*` stands for any letters. */
export type WordTerm = Place & {
  field: Exclude<FilterField, "time" | "score">
  values: string[]
}
export type ScoreTerm = Place & { field: "score"; low: number; high: number; open: "none" | "low" | "high" }
/** Both ends as written; what they mean in milliseconds depends on the day and the place. */
export type TimeTerm = Place & { field: "time"; from: string; until: string }
export type TextTerm = Place & { field: "text"; text: string }
export type FilterTerm = WordTerm | ScoreTerm | TimeTerm | TextTerm
export type PartFilter = FilterTerm[]

export type FilterFault = {
  at: number
  length: number
  code: "field" | "value" | "quote" | "empty" | "score" | "time" | "operator" | "too_long" | "too_many"
  word: string
}

export const mostFilterLetters = 1_000
const mostTerms = 24
const mostValues = 32

/** What else a field may be called: people type their own language. */
const aliases: Record<string, FilterField> = {
  serial: "part",
  labeller: "by",
  waits: "queue",
  스테이션: "station",
  제품: "product",
  부품: "part",
  로트: "lot",
  시간: "time",
  판정: "verdict",
  점수: "score",
  발견: "found",
  라벨: "label",
  작성자: "by",
  검토자: "reviewer",
  모델: "model",
  데이터셋: "dataset",
  대기: "queue",
}
const spoken: Record<string, string> = { 양품: "ok", 불량: "ng", 보류: "unsure", 없음: "none" }

const allowed: Partial<Record<FilterField, readonly string[]>> = {
  verdict: ["ok", "ng", "undecidable", "undefined"],
  is: ["held", "reviewed", "commented", "golden", "pictured"],
}

/** A word of the filter, before it is understood. */
type Token = Place & { key: string | null; operator: string; raw: string; values: string[]; quoted: boolean }

/** Reads a filter; the first thing that cannot be understood is told with its place. */
export function parseFilter(text: string): { filter: PartFilter } | { fault: FilterFault } {
  if (text.length > mostFilterLetters)
    return {
      fault: { at: mostFilterLetters, length: text.length - mostFilterLetters, code: "too_long", word: "" },
    }
  const filter: PartFilter = []
  let at = 0
  for (;;) {
    while (at < text.length && isSpace(text[at]!)) at += 1
    if (at === text.length) return { filter }
    const read = readToken(text, at)
    if ("code" in read) return { fault: read }
    at = read.at + read.length
    if (filter.length === mostTerms)
      return { fault: { at: read.at, length: read.length, code: "too_many", word: read.raw } }
    const term = termOf(read)
    if ("code" in term) return { fault: term }
    filter.push(term)
  }
}

/** The same filter as it is written best: reading it again gives the same. */
export function formatFilter(filter: readonly FilterTerm[]): string {
  return filter.map(formatTerm).join(" ")
}

export function formatTerm(term: FilterTerm): string {
  const minus = term.not ? "-" : ""
  if (term.field === "text") return `${minus}"${term.text.replaceAll('"', "")}"`
  if (term.field === "time")
    return `${minus}time:${term.from === term.until ? term.from : `${term.from}..${term.until}`}`
  if (term.field === "score") return `${minus}score${scoreText(term)}`
  return `${minus}${term.field}:${term.values.map(quoted).join(",")}`
}

function scoreText({ low, high, open }: ScoreTerm): string {
  if (high === Number.POSITIVE_INFINITY) return `${open === "low" ? ">" : ">="}${low}`
  if (low === Number.NEGATIVE_INFINITY) return `${open === "high" ? "<" : "<="}${high}`
  return low === high ? `:${low}` : `:${low}..${high}`
}

const quoted = (value: string) =>
  /^[^\s",:<>]+$/.test(value) && !value.startsWith("-") ? value : `"${value}"`
const isSpace = (letter: string) => /\s/.test(letter)

/** One word from its first letter to its last: `-key:"a b",c`, `score>=0.5`, `"some text"`, `text`. */
function readToken(text: string, start: number): Token | FilterFault {
  let at = start
  const not = text[at] === "-" && at + 1 < text.length && !isSpace(text[at + 1]!)
  if (not) at += 1
  const head = /^([\p{L}_]+)(>=|<=|[:><=])/u.exec(text.slice(at))
  const key = head?.[1] ?? null
  const operator = head?.[2] ?? ""
  at += head?.[0].length ?? 0
  const values: string[] = []
  let value = ""
  let wasQuoted = false
  let isQuoted = false
  while (at < text.length && !isSpace(text[at]!)) {
    const letter = text[at]!
    if (letter === '"') {
      const end = text.indexOf('"', at + 1)
      if (end < 0) return { at, length: text.length - at, code: "quote", word: text.slice(at) }
      value += text.slice(at + 1, end)
      at = end + 1
      wasQuoted = true
      isQuoted = true
    } else if (letter === "," && key !== null) {
      if (value === "" && !isQuoted)
        return { at: start, length: at - start + 1, code: "empty", word: text.slice(start, at + 1) }
      values.push(value)
      value = ""
      isQuoted = false
      at += 1
    } else {
      value += letter
      at += 1
    }
  }
  values.push(value)
  return {
    at: start,
    length: at - start,
    not,
    key,
    operator,
    raw: text.slice(start, at),
    values,
    quoted: wasQuoted,
  }
}

function termOf(token: Token): FilterTerm | FilterFault {
  const { at, length, not, key, operator, values, raw } = token
  const place = { at, length, not }
  const fault = (code: FilterFault["code"], word = raw): FilterFault => ({ at, length, code, word })
  if (key === null) {
    const text = values.join(",").trim()
    return text === "" ? fault("empty") : { ...place, field: "text", text }
  }
  const field = fieldOf(key)
  if (!field) return fault("field", key)
  if (values.some((value) => value.trim() === "")) return fault("empty")
  if (values.length > mostValues) return fault("too_many")
  if (field === "score") return scoreOf(place, operator, values) ?? fault("score")
  if (operator !== ":" && operator !== "=") return fault("operator", operator)
  if (field === "time") return timeOf(place, values) ?? fault("time")
  const words = values.map((value) => spoken[value] ?? value)
  const wrong = allowed[field] && words.find((word) => !allowed[field]?.includes(word))
  return wrong === undefined ? { ...place, field, values: words } : fault("value", wrong)
}

function fieldOf(key: string): FilterField | undefined {
  const lower = key.toLowerCase()
  return filterFields.find((field) => field === lower) ?? aliases[lower]
}

const decimal = /^-?\d{1,9}(?:\.\d{1,12})?(?:e-?\d{1,3})?$/i

function scoreOf(place: Place, operator: string, values: string[]): ScoreTerm | undefined {
  const [value = "", ...more] = values
  if (more.length > 0) return undefined
  const [first = "", second, ...rest] = value.split("..")
  const ends = [first, ...(second === undefined ? [] : [second])]
  if (rest.length > 0 || ends.some((end) => !decimal.test(end))) return undefined
  const low = Number(first)
  const high = second === undefined ? low : Number(second)
  const range = (from: number, until: number, open: ScoreTerm["open"] = "none"): ScoreTerm => ({
    ...place,
    field: "score",
    low: from,
    high: until,
    open,
  })
  if (second !== undefined)
    return operator.length === 1 && ":=".includes(operator) && low <= high ? range(low, high) : undefined
  if (operator === ">") return range(low, Number.POSITIVE_INFINITY, "low")
  if (operator === ">=") return range(low, Number.POSITIVE_INFINITY)
  if (operator === "<") return range(Number.NEGATIVE_INFINITY, low, "high")
  if (operator === "<=") return range(Number.NEGATIVE_INFINITY, low)
  return range(low, low)
}

const instant = /^(?:today|yesterday|\d{1,4}[mhdw]|\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2})?)$/

function timeOf(place: Place, values: string[]): TimeTerm | undefined {
  const [value = "", ...more] = values
  const ends = value.split("..")
  if (more.length > 0 || ends.length > 2) return undefined
  const [from = "", until = from] = ends
  if (![from, until].every((end) => instant.test(end) && isRealDay(end))) return undefined
  return { ...place, field: "time", from, until }
}

/** No thirtieth of February. */
function isRealDay(text: string): boolean {
  const [, year, month, day, hour = "00", minute = "00"] =
    /^(\d{4})-(\d{2})-(\d{2})(?:T(\d{2}):(\d{2}))?$/.exec(text) ?? []
  if (year === undefined) return true
  const date = new Date(Number(year), Number(month) - 1, Number(day))
  return (
    date.getMonth() === Number(month) - 1 &&
    date.getDate() === Number(day) &&
    Number(hour) < 24 &&
    Number(minute) < 60
  )
}

const lengths = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000 } as const

/**
 * The time a term means, from the first millisecond to the last, in the time zone of whoever asks. `7d` is the last seven
 * days, a day is all of it, a minute all of it.
 */
export function timeRange({ from, until }: TimeTerm, now: number): { from: number; until: number } {
  return { from: startOf(from, now), until: endOf(until, now) }
}

function startOf(text: string, now: number): number {
  const span = /^(\d+)([mhdw])$/.exec(text)
  if (span) return now - Number(span[1]) * lengths[span[2] as keyof typeof lengths]
  return dayOf(text, now).getTime()
}

function endOf(text: string, now: number): number {
  if (/^\d+[mhdw]$/.test(text)) return now
  const begin = dayOf(text, now)
  if (text.includes("T")) return begin.getTime() + lengths.m - 1
  // A day may have 23 hours.
  return new Date(begin.getFullYear(), begin.getMonth(), begin.getDate() + 1).getTime() - 1
}

function dayOf(text: string, now: number): Date {
  const today = new Date(now)
  if (text === "today" || text === "yesterday")
    return new Date(today.getFullYear(), today.getMonth(), today.getDate() - (text === "yesterday" ? 1 : 0))
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0] = text.split(/[-T:]/).map(Number)
  return new Date(year, month - 1, day, hour, minute)
}
