import type { Appraiser, Grade, Kappa, MsaReport } from "#contract/msa"
import type { Proportion } from "#contract/review"
import type { Language } from "#contract/users"
import { type PdfWords, pdfWords } from "./pdf-words.ts"

export type PdfAsk = {
  report: MsaReport
  language: Language
  /** What each kind is called in that language. */
  kinds: Record<string, string>
  /** The hub's zone: the printed time is the shop floor's. */
  zone: string
}
/** What the hub asks its printing child. */
export type PrintOperations = { msa: { ask: PdfAsk; answer: { pdf: Uint8Array } } }
/** OpenType files; only the characters that are used go into the report. */
export type PdfFonts = { regular: Uint8Array; bold: Uint8Array }

type Line = { text: string; bold?: boolean; small?: boolean }
type Cell = readonly Line[]
type Column = { title: string; share: number }

const margin = 36
const pad = 4
/** A heading stands where at least the head of its table and one row fit below it. */
const firstRow = 90
const size = { title: 17, heading: 11, text: 8.5, small: 7 }
const ink = { text: "#14181c", muted: "#4b5563", line: "#9aa4ae", head: "#e8ecef" }

/** The whole report on A4 for the quality folder: what the page shows and the CSV lists, with places to sign. */
export async function reportPdf(ask: PdfAsk, fonts: PdfFonts): Promise<Uint8Array> {
  // Some megabytes of code that nothing else needs.
  const { default: PDFDocument } = await import("pdfkit")
  const { report, language } = ask
  const words = pdfWords[language]
  const doc = new PDFDocument({
    size: "A4",
    layout: "landscape",
    margin,
    bufferPages: true,
    autoFirstPage: true,
    lang: words.locale,
    displayTitle: true,
    // None of the built-in ones: they know no Hangul and would be read from a file. (A font that is opened here and
    // registered below would be opened anew at every change of fonts.)
    font: null as unknown as string,
    info: {
      Title: `${words.title} · ${report.title || words.ongoing}`,
      Creator: "CRUX",
      Producer: "CRUX",
      CreationDate: new Date(report.made_at),
    },
  })
  const chunks: Buffer[] = []
  const ended = new Promise<void>((resolve, reject) => {
    doc.on("data", (chunk: Buffer) => chunks.push(chunk))
    doc.on("end", resolve)
    doc.on("error", reject)
  })
  doc.registerFont("regular", Buffer.from(fonts.regular))
  doc.registerFont("bold", Buffer.from(fonts.bold))

  const left = margin
  const width = doc.page.width - 2 * margin
  // Room for the number of the page.
  const bottom = () => doc.page.height - margin - 14
  let y = margin

  const style = ({ bold, small }: Omit<Line, "text">) =>
    doc
      .font(bold ? "bold" : "regular")
      .fontSize(small ? size.small : size.text)
      .fillColor(small ? ink.muted : ink.text)
  const heightOf = (cell: Cell, room: number) =>
    cell.reduce((sum, line) => sum + style(line).heightOfString(line.text, { width: room }), 0)
  const newPage = () => {
    doc.addPage()
    y = margin
  }

  function heading(text: string, least: number): void {
    if (y + 26 + least > bottom()) newPage()
    y += 10
    doc.font("bold").fontSize(size.heading).fillColor(ink.text).text(text, left, y, { width })
    y += 18
  }

  function table(columns: readonly Column[], rows: readonly (readonly Cell[])[]): void {
    const all = columns.reduce((sum, { share }) => sum + share, 0)
    const widths = columns.map(({ share }) => (share / all) * width)
    const draw = (cells: readonly Cell[], head: boolean) => {
      const height = Math.max(...cells.map((cell, i) => heightOf(cell, widths[i]! - 2 * pad))) + 2 * pad
      if (!head && y + height > bottom()) {
        newPage()
        drawHead()
      }
      let x = left
      for (const [i, cell] of cells.entries()) {
        const room = widths[i]!
        doc.lineWidth(0.5).rect(x, y, room, height)
        if (head) doc.fillAndStroke(ink.head, ink.line)
        else doc.stroke(ink.line)
        let at = y + pad
        for (const line of cell) {
          style(line).text(line.text, x + pad, at, { width: room - 2 * pad })
          at += doc.heightOfString(line.text, { width: room - 2 * pad })
        }
        x += room
      }
      y += height
    }
    const drawHead = () =>
      draw(
        columns.map(({ title }) => [{ text: title, bold: true }]),
        true,
      )
    drawHead()
    for (const row of rows) draw(row, false)
  }

  /** Where people sign: Korean plants put it at the top right. */
  function signatures(): number {
    const box = 74
    const from = left + width - 3 * box
    for (const [i, text] of [words.written, words.reviewed, words.approved].entries()) {
      const x = from + i * box
      doc.lineWidth(0.5).rect(x, margin, box, 15).fillAndStroke(ink.head, ink.line)
      doc.rect(x, margin + 15, box, 40).stroke(ink.line)
      style({ bold: true }).text(text, x, margin + 2.5, { width: box, align: "center" })
    }
    return 3 * box
  }

  const time = new Intl.DateTimeFormat(words.locale, {
    dateStyle: "medium",
    timeStyle: "short",
    hourCycle: "h23",
    timeZone: ask.zone,
  })
  const signed = signatures()
  const room = width - signed - 16
  doc.font("bold").fontSize(size.title).fillColor(ink.text).text(words.title, left, y, { width: room })
  y = doc.y + 2
  const facts = [
    report.title || words.ongoing,
    `${words.made}: ${time.format(report.made_at)} (${ask.zone})`,
    `${words.since}: ${time.format(report.since)}`,
    `${words.parts}: ${words.count(report.parts)}`,
    `${words.known}: ${words.knownText(report.known.ok, report.known.ng)}`,
  ]
  style({}).text(facts.join("  ·  "), left, y, { width: room })
  y = Math.max(doc.y, margin + 55)

  const nameOf = namesOf(report, words)
  const kindName = (kind: string) => ask.kinds[kind] ?? kind
  if (report.parts === 0) heading(words.noData, 0)
  else {
    heading(words.appraisers, firstRow)
    table(
      [
        { title: words.who, share: 1.2 },
        { title: words.overall, share: 1 },
        { title: words.effectiveness, share: 1.2 },
        { title: words.miss, share: 1.2 },
        { title: words.falseAlarm, share: 1.2 },
        { title: words.kappa, share: 1.1 },
        { title: words.allRight, share: 1.1 },
        { title: words.within, share: 1.1 },
        { title: words.withinKappa, share: 1.1 },
      ],
      report.appraisers.map((appraiser) => appraiserRow(appraiser, nameOf(appraiser.id), words)),
    )
    heading(words.between, firstRow)
    table(
      [
        { title: words.figure, share: 2 },
        { title: words.value, share: 2 },
        { title: words.overall, share: 1 },
      ],
      [
        [plain(words.betweenAll), rate(report.between, words), []],
        [plain(words.betweenKappa), kappa(report.between_kappa, words), gradeOf(report.between_grade, words)],
        [plain(words.allRight), rate(report.all_right, words), []],
      ],
    )
    if (report.pairs.length > 0) {
      heading(words.pairs, firstRow)
      table(
        [
          { title: words.pair, share: 2 },
          { title: words.value, share: 2 },
          { title: words.overall, share: 1 },
        ],
        report.pairs.map(({ a, b, kappa: of, grade }) => [
          plain(`${nameOf(a)} – ${nameOf(b)}`),
          kappa(of, words),
          gradeOf(grade, words),
        ]),
      )
    }
    if (report.kinds.length > 0) {
      heading(words.kinds, firstRow)
      table(
        [
          { title: words.kind, share: 1.2 },
          { title: words.parts, share: 0.6 },
          { title: words.named, share: 1.2 },
          { title: words.wrongly, share: 1.2 },
          { title: words.betweenKappa, share: 1.2 },
          { title: words.reference, share: 1.2 },
        ],
        report.kinds.map(({ kind, parts, named, wrongly, between, reference }) => [
          plain(kindName(kind), true),
          plain(String(parts)),
          rate(named, words),
          rate(wrongly, words),
          kappa(between, words),
          kappa(reference, words),
        ]),
      )
      heading(words.kindsOfPeople, firstRow)
      table(
        [
          { title: words.kind, share: 1 },
          { title: words.who, share: 1 },
          { title: words.named, share: 1.2 },
          { title: words.wrongly, share: 1.2 },
        ],
        report.kinds.flatMap(({ kind, people }) =>
          people.map(({ id, named, wrongly }) => [
            plain(kindName(kind), true),
            plain(nameOf(id)),
            rate(named, words),
            rate(wrongly, words),
          ]),
        ),
      )
    }
    heading(words.limits, firstRow)
    const { limits } = report
    const pair = (name: string, [good, fair]: readonly [number, number], least: boolean, as = percent) => {
      const say = least ? words.atLeast : words.atMost
      return `${name}: ${words.limitsText(say(as(good)), say(as(fair)))}`
    }
    const lines = [
      pair(words.effectiveness, limits.effectiveness, true),
      pair(words.miss, limits.miss, false),
      pair(words.falseAlarm, limits.false_alarm, false),
      pair(words.kappa, limits.kappa, true, fixed),
      words.minParts(limits.min_parts),
      words.methods,
    ]
    for (const text of lines) {
      style({}).text(text, left, y, { width })
      y = doc.y + 2
    }
  }

  const { count } = doc.bufferedPageRange()
  for (let i = 0; i < count; i++) {
    doc.switchToPage(i)
    // Below the margin on purpose: pdfkit would begin a new page for it otherwise.
    doc.page.margins.bottom = 0
    style({ small: true }).text(words.page(i + 1, count), left, doc.page.height - margin, {
      width,
      align: "center",
    })
  }
  doc.end()
  await ended
  return new Uint8Array(Buffer.concat(chunks))
}

function appraiserRow(of: Appraiser, name: string, words: PdfWords): Cell[] {
  const unsure = of.unsure === 0 ? [] : [{ text: `${words.unsure} ${of.unsure}`, small: true }]
  return [
    [{ text: name, bold: true }, ...unsure],
    gradeOf(of.grades.overall, words),
    [...rate(of.effectiveness, words), ...gradeOf(of.grades.effectiveness, words)],
    [...rate(of.miss, words), ...gradeOf(of.grades.miss, words)],
    [...rate(of.false_alarm, words), ...gradeOf(of.grades.false_alarm, words)],
    [...kappa(of.kappa, words), ...gradeOf(of.grades.kappa, words)],
    rate(of.all_right, words),
    rate(of.within, words),
    kappa(of.within_kappa, words),
  ]
}

const percent = (value: number) => `${(value * 100).toFixed(1)} %`
const fixed = (value: number) => value.toFixed(2)
const plain = (text: string, bold = false): Cell => [{ text, bold }]
const gradeOf = (grade: Grade, words: PdfWords): Cell => [{ text: words.grade[grade], bold: true }]

function rate({ n, of, share, low, high, exact }: Proportion, words: PdfWords): Cell {
  if (share === null || low === null || high === null) return plain("–")
  return [
    { text: percent(share) },
    { text: `${percent(low)} – ${percent(high)}`, small: true },
    ...(exact ? [{ text: words.exact(`${percent(exact.low)} – ${percent(exact.high)}`), small: true }] : []),
    { text: words.of(n, of), small: true },
  ]
}

function kappa({ kappa: value, low, high, n }: Kappa, words: PdfWords): Cell {
  if (value === null) return plain("–")
  const range = low === null || high === null ? [] : [{ text: `${fixed(low)} – ${fixed(high)}`, small: true }]
  return [{ text: fixed(value) }, ...range, { text: words.units(n), small: true }]
}

function namesOf(report: MsaReport, words: PdfWords): (id: string) => string {
  const known = new Map(
    report.appraisers.map(({ id, name, kind }) => [
      id,
      kind === "model" ? [words.model, name].filter(Boolean).join(" ") : name,
    ]),
  )
  return (id) => known.get(id) ?? id.slice(-8)
}
