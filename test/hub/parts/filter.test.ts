import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import {
  type FilterFault,
  type FilterTerm,
  filterFields,
  formatFilter,
  type PartFilter,
  parseFilter,
  type TimeTerm,
  timeRange,
} from "#contract/part-filter"

const read = (text: string): PartFilter => {
  const parsed = parseFilter(text)
  if ("fault" in parsed) throw new Error(`${text}: ${parsed.fault.code} at ${parsed.fault.at}`)
  return parsed.filter
}
const fault = (text: string): FilterFault => {
  const parsed = parseFilter(text)
  if ("filter" in parsed) throw new Error(`${text} was understood`)
  return parsed.fault
}
/** A term without where it stood. */
const bare = ({ at: _, length: __, ...term }: FilterTerm) => term

const letters = "abcXYZ019-_*.가나 :,<>=()[]%'\\"
const value = fc
  .string({ unit: fc.constantFrom(...letters), minLength: 1, maxLength: 12 })
  .filter((text) => text.trim() !== "" && !["양품", "불량", "보류", "없음"].includes(text))
const number = fc.integer({ min: -1000, max: 1000 }).map((n) => n / 1000)
const day = fc
  .tuple(
    fc.integer({ min: 2020, max: 2040 }),
    fc.integer({ min: 1, max: 12 }),
    fc.integer({ min: 1, max: 28 }),
  )
  .map(([y, m, d]) => `${y}-${String(m).padStart(2, "0")}-${String(d).padStart(2, "0")}`)
const place = { at: 0, length: 0 }
const term: fc.Arbitrary<FilterTerm> = fc.oneof(
  fc.record({
    at: fc.constant(0),
    length: fc.constant(0),
    not: fc.boolean(),
    field: fc.constantFrom(
      "station",
      "product",
      "part",
      "lot",
      "found",
      "label",
      "by",
      "reviewer",
      "model",
      "dataset",
      "queue",
    ),
    values: fc.array(value, { minLength: 1, maxLength: 4 }),
  } as const),
  fc
    .tuple(fc.boolean(), number, number, fc.constantFrom("range", ">", ">=", "<", "<="))
    .map(([not, a, b, op]): FilterTerm => {
      const [low, high] = [Math.min(a, b), Math.max(a, b)]
      const term = { ...place, not, field: "score" } as const
      if (op === "range") return { ...term, low, high, open: "none" }
      return op.startsWith(">")
        ? { ...term, low, high: Number.POSITIVE_INFINITY, open: op === ">" ? "low" : "none" }
        : { ...term, low: Number.NEGATIVE_INFINITY, high, open: op === "<" ? "high" : "none" }
    }),
  fc.tuple(day, day).map(
    ([a, b]): FilterTerm => ({
      ...place,
      not: false,
      field: "time",
      from: [a, b].sort()[0]!,
      until: [a, b].sort()[1]!,
    }),
  ),
  fc
    .tuple(fc.boolean(), value)
    .map(([not, text]): FilterTerm => ({ ...place, not, field: "text", text: text.trim() })),
)

describe("a filter", () => {
  test("is understood as people write it", () => {
    const filter = read(
      'station:line-1 verdict:ng,undecidable score>0.8 label:scratch -label:ok lot:A12* time:2026-11-01..2026-11-07 model:ab12 reviewer:kim dataset:v3 "free text"',
    )
    expect(filter.map(bare)).toEqual([
      { not: false, field: "station", values: ["line-1"] },
      { not: false, field: "verdict", values: ["ng", "undecidable"] },
      { not: false, field: "score", low: 0.8, high: Number.POSITIVE_INFINITY, open: "low" },
      { not: false, field: "label", values: ["scratch"] },
      { not: true, field: "label", values: ["ok"] },
      { not: false, field: "lot", values: ["A12*"] },
      { not: false, field: "time", from: "2026-11-01", until: "2026-11-07" },
      { not: false, field: "model", values: ["ab12"] },
      { not: false, field: "reviewer", values: ["kim"] },
      { not: false, field: "dataset", values: ["v3"] },
      { not: false, field: "text", text: "free text" },
    ])
  })

  test("may be written in Korean", () => {
    expect(read("판정:불량 라벨:없음 로트:A1 기름때").map(bare)).toEqual([
      { not: false, field: "verdict", values: ["ng"] },
      { not: false, field: "label", values: ["none"] },
      { not: false, field: "lot", values: ["A1"] },
      { not: false, field: "text", text: "기름때" },
    ])
  })

  test("that is not understood is refused with the place and the reason", () => {
    expect(fault("station:a colour:red")).toEqual({ at: 10, length: 10, code: "field", word: "colour" })
    expect(fault('station:a part:"P 1')).toMatchObject({ at: 15, code: "quote" })
    expect(fault("verdict:bad")).toMatchObject({ at: 0, code: "value", word: "bad" })
    expect(fault("score>high")).toMatchObject({ code: "score" })
    expect(fault("score:0.9..0.1")).toMatchObject({ code: "score" })
    expect(fault("time:2026-02-30")).toMatchObject({ code: "time" })
    expect(fault("lot:")).toMatchObject({ code: "empty" })
    expect(fault("lot:a,,b")).toMatchObject({ code: "empty" })
    expect(fault("lot>a")).toMatchObject({ code: "operator" })
    expect(fault("a ".repeat(25))).toMatchObject({ code: "too_many" })
    expect(fault("a".repeat(1001))).toMatchObject({ code: "too_long" })
  })

  test("written out and read again is the same", () => {
    fc.assert(
      fc.property(fc.array(term, { maxLength: 8 }), (filter) => {
        const text = formatFilter(filter)
        expect(read(text).map(bare)).toEqual(filter.map(bare))
      }),
    )
  })

  test("of any letters is understood or refused, and tells a place inside it", () => {
    const anything = fc.oneof(
      fc.string({ maxLength: 80 }),
      fc
        .array(
          fc.constantFrom(...filterFields, ":", ">", "<=", '"', ",", "-", " ", "..", "*", "0.5", "ok", "1d"),
          { maxLength: 24 },
        )
        .map((pieces) => pieces.join("")),
    )
    fc.assert(
      fc.property(anything, (text) => {
        const parsed = parseFilter(text)
        if ("filter" in parsed) {
          const again = formatFilter(parsed.filter)
          expect(read(again).map(bare)).toEqual(parsed.filter.map(bare))
        } else {
          expect(parsed.fault.at).toBeGreaterThanOrEqual(0)
          expect(parsed.fault.at + parsed.fault.length).toBeLessThanOrEqual(text.length)
        }
      }),
    )
  })
})

describe("a time", () => {
  const now = new Date(2026, 10, 7, 15, 30).getTime()
  const range = (text: string) => timeRange(read(`time:${text}`)[0] as TimeTerm, now)

  test("of a day is all of it, of days all of them", () => {
    expect(range("2026-11-01")).toEqual({
      from: new Date(2026, 10, 1).getTime(),
      until: new Date(2026, 10, 2).getTime() - 1,
    })
    expect(range("2026-11-01..2026-11-07")).toEqual({
      from: new Date(2026, 10, 1).getTime(),
      until: new Date(2026, 10, 8).getTime() - 1,
    })
  })

  test("counted back ends now", () => {
    expect(range("7d")).toEqual({ from: now - 7 * 86_400_000, until: now })
    expect(range("yesterday").until).toBe(new Date(2026, 10, 7).getTime() - 1)
    expect(range("2026-11-07T15:00..90m").from).toBe(new Date(2026, 10, 7, 15).getTime())
  })
})
