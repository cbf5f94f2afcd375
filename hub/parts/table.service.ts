import { takenAt } from "#contract/labelling"
import type { PartRow } from "#contract/parts"
import type { Parts } from "./parts.service.ts"

const columns: [name: string, of: (row: PartRow) => string | number | null][] = [
  ["id", ({ inspection }) => inspection.id],
  ["taken_at", ({ inspection }) => new Date(takenAt(inspection)).toISOString()],
  ["station", ({ inspection }) => inspection.device_id],
  ["product", ({ inspection }) => inspection.product_id],
  ["part", ({ inspection }) => inspection.part_id],
  ["lot", ({ lot }) => lot],
  ["verdict", ({ inspection }) => inspection.verdict.eval],
  ["score", ({ inspection }) => inspection.verdict.score ?? null],
  ["found", ({ inspection }) => [...new Set(inspection.findings.map(({ kind }) => kind))].join(" ")],
  ["model", ({ inspection }) => inspection.model?.digest ?? null],
  ["label", ({ inspection }) => inspection.label?.verdict ?? null],
  ["label_kinds", ({ inspection }) => inspection.label?.kinds.join(" ") ?? null],
  ["label_by", ({ inspection }) => inspection.label?.by ?? null],
  ["label_at", ({ inspection }) => (inspection.label ? new Date(inspection.label.at).toISOString() : null)],
  ["queue", ({ waits }) => waits],
  ["image", ({ inspection }) => inspection.image?.sha256 ?? null],
]
/** Views are read so many at a time; then others are served. */
const piece = 200

/** Parts as a table for other programs, made while it is read. */
export function createPartTable({ parts }: { parts: Parts }) {
  const encode = (text: string) => new TextEncoder().encode(text)
  async function* lines(numbers: AsyncGenerator<number[]>): AsyncGenerator<Uint8Array> {
    // A mark by which spreadsheets know the letters.
    yield encode(`\u{feff}${columns.map(([name]) => name).join(",")}\r\n`)
    for await (const some of numbers)
      for (let at = 0; at < some.length; at += piece)
        yield encode(
          parts
            .rows(some.slice(at, at + piece))
            .map(lineOf)
            .join(""),
        )
  }
  return {
    /** Throws `invalid` for a filter that is not understood, before the first line. */
    csv(filter: string): AsyncGenerator<Uint8Array> {
      parts.check(filter)
      return lines(parts.numbers(filter, parts.newest()))
    },
  }
}
export type PartTable = ReturnType<typeof createPartTable>

const lineOf = (row: PartRow) => `${columns.map(([, of]) => cell(of(row))).join(",")}\r\n`

/** What begins like a formula is none: spreadsheets compute what cells from outside say (OWASP, CSV injection). */
function cell(value: string | number | null): string {
  if (value === null) return ""
  if (typeof value === "number") return String(value)
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
