import * as v from "valibot"
import { type Outline, Outline as OutlineSchema } from "#contract/drawing"
import type { ExchangeItem } from "#contract/exchange"
import {
  allOutlines,
  createFinder,
  type Entry,
  type ExportSource,
  type Format,
  labelOf,
  pictures,
  type ReadItem,
  type ReadOptions,
  splitOf,
  type Tree,
  textPieces,
} from "./entry.format.ts"
import { textLines } from "./json.format.ts"

/** Columns of one region of one picture; also those of the Parquet file. */
export const columns = [
  ...[
    "id",
    "file",
    "sha256",
    "mime",
    "width",
    "height",
    "split",
    "station",
    "part_id",
    "product_id",
    "captured_at",
  ],
  ...["verdict", "part_kinds", "labelled_by", "labelled_at"],
  ...["region", "kinds", "by", "score", "x", "y", "w", "h", "outline"],
] as const
export type Row = Partial<Record<(typeof columns)[number], string | number>>

const partColumns = columns.slice(0, columns.indexOf("region"))

/** One row for each region; one for a picture that has none. */
export function rowsOf(item: ExchangeItem): Row[] {
  const { id, image, label } = item
  const part: Row = {
    id,
    file: image.file,
    ...(image.sha256 !== undefined && { sha256: image.sha256 }),
    mime: image.mime,
    width: image.w,
    height: image.h,
    ...(item.split !== undefined && { split: item.split }),
    ...(item.station !== undefined && { station: item.station }),
    ...(item.part_id !== undefined && { part_id: item.part_id }),
    ...(item.product_id !== undefined && { product_id: item.product_id }),
    ...(item.captured_at !== undefined && { captured_at: item.captured_at }),
    ...(label && { verdict: label.verdict, part_kinds: label.kinds.join(" ") }),
    ...(label?.by !== undefined && { labelled_by: label.by }),
    ...(label?.at !== undefined && { labelled_at: label.at }),
  }
  const regions = label?.drawing.regions ?? []
  if (regions.length === 0) return [part]
  return regions.map(({ id: region, kinds, by, score, outline }) => {
    const upright = outline.type === "box" && !outline.angle ? outline.box : undefined
    return {
      ...part,
      region,
      kinds: kinds.join(" "),
      by,
      ...(score !== undefined && { score }),
      ...(upright && { x: upright[0], y: upright[1], w: upright[2], h: upright[3] }),
      ...(!upright && { outline: JSON.stringify(outline) }),
    }
  })
}

/** A cell that a spreadsheet would take for a formula gets an apostrophe before it, and loses it when it is read again. */
const formula = /^'*[=+\-@\t\r]/
function cell(value: string | number | undefined): string {
  if (value === undefined) return ""
  if (typeof value === "number") return String(value)
  const safe = formula.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
const uncell = (text: string): string =>
  text.startsWith("'") && formula.test(text.slice(1)) ? text.slice(1) : text

async function* csvLines(items: AsyncIterable<ExchangeItem>, names: readonly (keyof Row)[], once: boolean) {
  // Spreadsheets in Korea take a file without this mark for one of their code page.
  yield `\ufeff${names.join(",")}\r\n`
  for await (const item of items)
    for (const row of once ? rowsOf(item).slice(0, 1) : rowsOf(item))
      yield `${names.map((name) => cell(row[name])).join(",")}\r\n`
}

/** Every picture of an export with what its own format has no place for: part, verdict, size. */
export const manifest = (source: ExportSource): Entry => ({
  path: "images.csv",
  content: textPieces(csvLines(source.items(), partColumns, true)),
})

/** Rows of a CSV file by the names of its first line. Quotes may hold lines; a broken row is told by its number. */
async function* csvRows(tree: Tree, path: string): AsyncGenerator<Row> {
  const file = await tree.open(path)
  try {
    let names: string[] | undefined
    let held = ""
    for await (const lines of textLines(file))
      for (const line of lines) {
        held = held === "" ? line : `${held}\n${line}`
        // An odd number of quotes: the cell goes on in the next line.
        if (held.includes('"') && (held.split('"').length - 1) % 2 === 1) continue
        const cells = cellsOf(held)
        held = ""
        if (!names) names = cells.map((name, i) => (i === 0 ? name.replace(/^\ufeff/, "") : name))
        else if (cells.some((text) => text !== "")) yield rowOf(names, cells)
      }
  } finally {
    await file.close()
  }
}

function rowOf(names: readonly string[], cells: readonly string[]): Row {
  // Without a prototype: a column may have any name.
  const row: Record<string, string> = Object.create(null)
  for (let i = 0; i < names.length; i++) row[names[i] ?? ""] = uncell(cells[i] ?? "")
  return row as Row
}

function cellsOf(line: string): string[] {
  if (!line.includes('"')) return line.split(",")
  const out: string[] = []
  const cells = /(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g
  for (const [, quoted, plain] of line.matchAll(cells)) out.push(quoted?.replaceAll('""', '"') ?? plain ?? "")
  return out
}

export type PartFacts = Pick<ExchangeItem, "split" | "station" | "part_id" | "product_id" | "captured_at"> & {
  id?: string
  w: number
  h: number
  verdict?: string
  kinds: string[]
  by?: string
  at?: number
}

/** What `images.csv` tells, row by row: name of the file without folders, and the facts of the part. */
export async function* manifestRows(tree: Tree): AsyncGenerator<readonly [string, PartFacts]> {
  if (!tree.has("images.csv")) return
  for await (const row of csvRows(tree, "images.csv")) {
    const file = String(row.file ?? "")
    yield [file.split("/").at(-1) ?? file, factsOf(row)]
  }
}

/**
 * The facts of pictures that are asked for mostly in the order of `images.csv`: rows are read as far as they are needed,
 * and only those that were passed over are held.
 */
export function createFacts(tree: Tree) {
  const rows = manifestRows(tree)
  const passed = new Map<string, PartFacts>()
  return {
    async of(file: string): Promise<PartFacts | undefined> {
      const known = passed.get(file)
      if (known) {
        passed.delete(file)
        return known
      }
      for (;;) {
        const { done, value } = await rows.next()
        if (done) return undefined
        if (value[0] === file) return value[1]
        passed.set(value[0], value[1])
      }
    },
    /** Whoever stops asking says so: the file stays open until then. */
    close: async (): Promise<void> => {
      await rows.return(undefined)
    },
  }
}

/** What `images.csv` tells of each picture, by its name without folders; empty when there is none. */
export async function readManifest(tree: Tree): Promise<Map<string, PartFacts>> {
  const out = new Map<string, PartFacts>()
  for await (const [file, facts] of manifestRows(tree)) out.set(file, facts)
  return out
}

function factsOf(row: Row): PartFacts {
  const text = (name: keyof Row) =>
    row[name] === undefined || row[name] === "" ? undefined : String(row[name])
  const number = (name: keyof Row) => (text(name) === undefined ? undefined : Number(row[name]))
  const [id, station, part_id, product_id, by] = (
    ["id", "station", "part_id", "product_id", "labelled_by"] as const
  ).map(text)
  const [split, verdict] = [splitOf(text("split")), text("verdict")]
  const [captured_at, at] = [number("captured_at"), number("labelled_at")]
  return {
    w: number("width") ?? 0,
    h: number("height") ?? 0,
    kinds: text("part_kinds")?.split(" ") ?? [],
    ...(id !== undefined && { id }),
    ...(split !== undefined && { split }),
    ...(station !== undefined && { station }),
    ...(part_id !== undefined && { part_id }),
    ...(product_id !== undefined && { product_id }),
    ...(captured_at !== undefined && Number.isFinite(captured_at) && { captured_at }),
    ...(verdict !== undefined && { verdict }),
    ...(by !== undefined && { by }),
    ...(at !== undefined && Number.isFinite(at) && { at }),
  }
}

/** The facts of a part as the outer part of an item. */
export function partOf(facts: PartFacts | undefined) {
  if (!facts) return {}
  const { w, h, verdict, kinds, by, at, ...part } = facts
  return part
}

/** Rows of one picture stand together; the picture is made when they end. */
export async function* itemsOfRows(
  rows: AsyncIterable<Row>,
  tree: Tree,
  { kindOf }: ReadOptions,
): AsyncGenerator<ReadItem> {
  const find = createFinder(tree)
  let held: { key: string; rows: Row[] } | undefined
  for await (const row of rows) {
    const key = String(row.id || row.file || "")
    if (held && held.key !== key) yield itemOf(held.rows)
    if (held?.key !== key) held = { key, rows: [] }
    held.rows.push(row)
  }
  if (held) yield itemOf(held.rows)

  function itemOf(all: readonly Row[]): ReadItem {
    const first = all[0] ?? {}
    const facts = factsOf(first)
    const path = String(first.file || first.id || "?")
    const remarks: ReadItem["remarks"] = []
    const known = (words: readonly string[]): string[] =>
      words.flatMap((word) => {
        const kind = kindOf(word)
        if (kind === undefined) remarks.push({ path, code: "unknown_label", detail: word })
        return kind === undefined ? [] : [kind]
      })
    const marks = all.flatMap((row) => {
      const kinds = known(
        String(row.kinds ?? "")
          .split(" ")
          .filter(Boolean),
      )
      const outline = outlineOf(row)
      if (outline === null) return []
      if (outline === "broken") {
        remarks.push({ path, code: "broken_outline", detail: String(row.region ?? "") })
        return []
      }
      if (kinds.length === 0) return []
      const score = row.score === undefined || row.score === "" ? undefined : Number(row.score)
      const scored = score !== undefined && score >= 0 && score <= 1 ? { score } : {}
      return [{ kinds, outline, ...scored, ...(row.by === "model" && { by: "model" as const }) }]
    })
    const label = labelOf(marks, { verdict: facts.verdict, kinds: known(facts.kinds) })
    const by = facts.by === undefined ? {} : { by: facts.by }
    return {
      path,
      picture: find(String(first.file ?? "")),
      item: {
        ...partOf(facts),
        image: { w: facts.w, h: facts.h, ...(first.sha256 && { sha256: String(first.sha256) }) },
        label: label && { ...label, ...by, ...(facts.at !== undefined && { at: facts.at }) },
      },
      remarks,
    }
  }
}

function outlineOf(row: Row): Outline | null | "broken" {
  if (row.outline) {
    try {
      const read = v.safeParse(OutlineSchema, JSON.parse(String(row.outline)))
      return read.success ? read.output : "broken"
    } catch {
      return "broken"
    }
  }
  if (row.w === undefined || row.w === "") return null
  const read = v.safeParse(OutlineSchema, { type: "box", box: [row.x, row.y, row.w, row.h].map(Number) })
  return read.success ? read.output : "broken"
}

export const csvFormat: Format = {
  writes: allOutlines,
  async *write(source) {
    yield { path: "labels.csv", content: textPieces(csvLines(source.items(), columns, false)) }
    yield* pictures(source, ({ image }) => image.file)
  },
  recognises: (tree) =>
    tree.has("labels.csv") || (tree.paths.length === 1 && /\.csv$/i.test(tree.paths[0] ?? "")),
  read: (tree, options) => {
    const path = tree.has("labels.csv")
      ? "labels.csv"
      : (tree.paths.find((p) => /\.csv$/i.test(p)) ?? "labels.csv")
    return itemsOfRows(csvRows(tree, path), tree, options)
  },
}
