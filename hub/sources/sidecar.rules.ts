import type { Refusal } from "./picture.rules.ts"

/** Text of a Korean plant's devices: UTF-8, else CP949 (what WHATWG calls euc-kr). */
export function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes)
  } catch {
    // Not UTF-8: the other encoding takes any bytes, so this is the last try and cannot fail.
    return new TextDecoder("euc-kr").decode(bytes)
  }
}

/** JSON in UTF-8 (a byte-order mark is allowed), or why not. */
export function parseJsonText(bytes: Uint8Array): { value: unknown } | Refusal {
  try {
    return { value: JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as unknown }
  } catch (error) {
    return { code: "json", detail: `not JSON in UTF-8: ${error instanceof Error ? error.message : ""}` }
  }
}

/**
 * What a data file beside a picture says. `txt`: `name=value`, `name: value` or `name<tab>value` per line, and all lines
 * as `lines[0]`. `csv`: the first row's names over the second row, or without names `columns[0]`.
 */
export function readSidecar(form: "txt" | "csv" | "json", bytes: Uint8Array): { value: unknown } | Refusal {
  if (bytes.length === 0) return { code: "sidecar_empty", detail: "the data file is empty" }
  if (form === "json") return parseJsonText(bytes)
  const text = decodeText(bytes)
  if (text.includes("\0")) return { code: "sidecar_binary", detail: "the data file is not text" }
  return { value: form === "txt" ? linesOf(text) : rowOf(text) }
}

function linesOf(text: string): Record<string, unknown> {
  const lines = text
    .split(/\r\n|\r|\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .slice(0, 256)
  const named = lines.flatMap((line) => {
    const found = /^([^=:\t]{1,64}?)\s*(?:=|:|\t)\s*(.*)$/.exec(line)
    return found ? [[found[1]!.trim(), found[2]!] as const] : []
  })
  return Object.assign(Object.fromEntries(named), { lines })
}

function rowOf(text: string): Record<string, unknown> {
  const [first = [], second] = csvRows(text, 2)
  // With one row only there are no names; with two, the first names the columns of the second.
  if (!second) return { columns: first }
  return Object.assign(Object.fromEntries(first.map((name, i) => [name, second[i] ?? ""])), {
    columns: second,
  })
}

/** RFC 4180 with comma, semicolon or tab, whichever the first line has. */
function csvRows(text: string, most: number): string[][] {
  const line = /^[^\r\n]*/.exec(text)?.[0] ?? ""
  const separator = [",", ";", "\t"].find((sign) => line.includes(sign)) ?? ","
  const rows: string[][] = []
  let row: string[] = []
  let cell = ""
  let quoted = false
  const endCell = () => {
    row.push(cell.trim())
    cell = ""
  }
  for (let i = 0; i <= text.length && rows.length < most; i += 1) {
    const sign = text[i]
    if (quoted && sign === '"' && text[i + 1] === '"') cell += text[++i]
    else if (sign === '"' && (quoted || cell.trim() === "")) quoted = !quoted
    else if (quoted && sign !== undefined) cell += sign
    else if (sign === separator) endCell()
    else if (sign === undefined || sign === "\n" || sign === "\r") {
      endCell()
      if (row.some((value) => value !== "")) rows.push(row)
      row = []
    } else cell += sign
  }
  return rows
}
