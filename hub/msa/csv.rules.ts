import type { Grade, Kappa, MsaReport } from "#contract/msa"
import type { Proportion } from "#contract/review"

type Cell = string | number | null

/**
 * One figure a line, so that a spreadsheet and a programme read the same file: UTF-8 with a mark that Korean Excel
 * needs, RFC 4180, and no cell that a spreadsheet would take for a formula.
 */
export function reportCsv(report: MsaReport): string {
  const names = new Map(report.appraisers.map(({ id, name, kind }) => [id, name || kind]))
  const who = (id: string) => names.get(id) ?? id
  const part = (
    figure: string,
    of: Proportion,
    about: Cell[] = ["", "", ""],
    grade: Grade | "" = "",
  ): Cell[] => [
    figure,
    ...about,
    of.n,
    of.of,
    of.share,
    of.low,
    of.high,
    grade,
    of.exact?.low ?? null,
    of.exact?.high ?? null,
  ]
  const kappa = (figure: string, of: Kappa, about: Cell[] = ["", "", ""], grade: Grade | "" = ""): Cell[] => [
    figure,
    ...about,
    "",
    of.n,
    of.kappa,
    of.low,
    of.high,
    grade,
    null,
    null,
  ]
  const rows: Cell[][] = [
    ["figure", "who", "with", "kind", "n", "of", "value", "low", "high", "grade", "exact_low", "exact_high"],
    ...report.appraisers.flatMap((a) => {
      const about = [who(a.id), "", ""]
      return [
        part("effectiveness", a.effectiveness, about, a.grades.effectiveness),
        part("miss", a.miss, about, a.grades.miss),
        part("false_alarm", a.false_alarm, about, a.grades.false_alarm),
        kappa("kappa_reference", a.kappa, about, a.grades.kappa),
        part("all_right", a.all_right, about),
        part("within", a.within, about),
        kappa("kappa_within", a.within_kappa, about),
        ["overall", ...about, "", a.decisions, "", "", "", a.grades.overall, null, null],
      ]
    }),
    part("between", report.between),
    kappa("kappa_between", report.between_kappa, undefined, report.between_grade),
    part("all_right", report.all_right),
    ...report.pairs.map(({ a, b, kappa: of, grade }) => kappa("kappa_pair", of, [who(a), who(b), ""], grade)),
    ...report.kinds.flatMap(({ kind, named, wrongly, between, reference, people }) => [
      part("named", named, ["", "", kind]),
      part("wrongly_named", wrongly, ["", "", kind]),
      kappa("kappa_between", between, ["", "", kind]),
      kappa("kappa_reference", reference, ["", "", kind]),
      ...people.flatMap((person) => [
        part("named", person.named, [who(person.id), "", kind]),
        part("wrongly_named", person.wrongly, [who(person.id), "", kind]),
      ]),
    ]),
  ]
  return `\uFEFF${rows.map((row) => row.map(cell).join(",")).join("\r\n")}\r\n`
}

function cell(value: Cell): string {
  if (value === null) return ""
  if (typeof value === "number") return String(Number(value.toPrecision(12)))
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
