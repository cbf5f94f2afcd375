import { Problem } from "#contract/problem"
import { type Split, splits } from "./image-split.ts"

export interface PartsRow {
  part: string
  /** A split the file asks for; `train` and `test` leave the choice within their half to us. */
  split?: Split | "train" | "test"
}

/**
 * Reads `file,part[,split]` with a heading, in any column order; CRLF and a byte order mark are fine.
 * Keys are file paths relative to the folder, with forward slashes.
 * @throws Problem `images_parts_csv` naming the line.
 */
export function readPartsCsv(text: string): Map<string, PartsRow> {
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/)
  const heading = cellsOf(lines[0] ?? "").map((name) => name.toLowerCase())
  const fileAt = heading.indexOf("file")
  const partAt = heading.indexOf("part")
  const splitAt = heading.indexOf("split")
  if (fileAt < 0 || partAt < 0) throw broken(1, 'the first line must name the columns "file" and "part"')
  const rows = new Map<string, PartsRow>()
  lines.forEach((line, index) => {
    if (index === 0 || line.trim() === "") return
    const cells = cellsOf(line)
    const file = cells[fileAt]?.replaceAll("\\", "/").replace(/^\.\//, "")
    const part = cells[partAt]
    if (!file || !part) throw broken(index + 1, "a file or its part is missing")
    const split = splitOf(splitAt < 0 ? "" : (cells[splitAt] ?? ""), index + 1)
    rows.set(file, split ? { part, split } : { part })
  })
  return rows
}

function splitOf(text: string, line: number): PartsRow["split"] {
  if (text === "") return undefined
  const known = [...splits, "train", "test"] as const
  const split = known.find((name) => name === text.toLowerCase())
  if (!split) throw broken(line, `"${text}" is no split; use ${known.join(", ")} or leave it empty`)
  return split
}

/** Cells of one line; a quoted cell may hold commas and doubled quotes. */
function cellsOf(line: string): string[] {
  const cells = line.match(/("([^"]|"")*"|[^,]*)(,|$)/g) ?? []
  const values = cells.map((cell) => cell.replace(/,$/, "").trim())
  // The pattern also matches the empty end of a line that does not end in a comma.
  if (!line.endsWith(",") && values.length > 1 && values.at(-1) === "") values.pop()
  return values.map((cell) => (cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell))
}

function broken(line: number, what: string): Problem {
  return new Problem("invalid", "images_parts_csv", `parts.csv, line ${line}: ${what}.`, { line })
}
