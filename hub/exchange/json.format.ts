import type { RandomAccess } from "./entry.format.ts"

/**
 * One element of a JSON file that is too long to be read whole: of the array that the file is, or of an array that
 * stands under `key` in the object that the file is; other values of that object come whole, with `whole` set.
 */
export type JsonElement = { key: string; whole: boolean; start: number; bytes: Uint8Array }

const chunkSize = 512 * 1024
/** No task of anybody is longer; a file that is one endless string must not fill the memory. */
const longestElement = 256 * 1024 * 1024

const [quote, backslash, comma, colon] = [34, 92, 44, 58]
const [openSquare, closeSquare, openCurly, closeCurly] = [91, 93, 123, 125]
const isSpace = (byte: number) => byte === 32 || byte === 10 || byte === 13 || byte === 9

/** What the bytes so far leave open: brackets, a string, a backslash in it. */
type Open = { depth: number; inString: boolean; escaped: boolean }

/** The place behind the bracket that closes an element, or the end of the bytes; what is open then is left in `open`. */
function skim(bytes: Uint8Array, from: number, end: number, open: Open): number {
  let { depth, inString, escaped } = open
  let at = from
  // Nearly every byte of a file goes through here, and nowhere else.
  while (at < end) {
    const byte = bytes[at++]
    if (inString) {
      if (escaped) escaped = false
      else if (byte === backslash) escaped = true
      else if (byte === quote) inString = false
    } else if (byte === quote) inString = true
    else if (byte === openCurly || byte === openSquare) depth++
    else if ((byte === closeCurly || byte === closeSquare) && --depth === 0) break
  }
  open.depth = depth
  open.inString = inString
  open.escaped = escaped
  return at
}

/**
 * Splits a JSON file into its elements, in their order, some at a time; their bytes are good until the next are asked for.
 * Throws SyntaxError for what is no JSON.
 */
export async function* jsonElements(file: RandomAccess): AsyncGenerator<JsonElement[]> {
  let held = new Uint8Array(chunkSize * 2)
  /** How much of it is filled. */
  let length = 0
  /** Position of held[0] in the file. */
  let base = 0
  let at = 0
  let root: "none" | "array" | "object" | "done" = "none"
  let key = ""
  let place: "key" | "colon" | "value" | "elements" | "after" = "value"
  /** Start of the element under way; -1 when there is none. */
  let start = -1
  const open: Open = { depth: 0, inString: false, escaped: false }
  const wrong = (what: string) => new SyntaxError(`JSON: ${what} near byte ${base + at}`)

  for (let position = 0; position < file.size; ) {
    const fresh = await file.slice(position, Math.min(position + chunkSize, file.size))
    if (fresh.length === 0) break
    position += fresh.length
    const from = start >= 0 ? start : at
    const kept = length - from
    if (kept > longestElement) throw wrong("an element is too long")
    if (kept + fresh.length > held.length) {
      const larger = new Uint8Array((kept + fresh.length) * 2)
      larger.set(held.subarray(from, length))
      held = larger
    } else held.copyWithin(0, from, length)
    held.set(fresh, kept)
    length = kept + fresh.length
    base += from
    at -= from
    if (start >= 0) start = 0
    const found: JsonElement[] = []
    const emit = (whole: boolean, end: number) => {
      found.push({ key, whole, start: base + start, bytes: held.subarray(start, end) })
      start = -1
    }
    while (at < length) {
      if (open.depth > 0) {
        at = skim(held, at, length, open)
        if (open.depth === 0) {
          emit(place === "value", at)
          if (place === "value") place = "after"
        }
        continue
      }
      const byte = held[at] ?? 0
      if (open.inString) {
        if (open.escaped) open.escaped = false
        else if (byte === backslash) open.escaped = true
        else if (byte === quote) {
          open.inString = false
          if (place === "key") {
            key = JSON.parse(new TextDecoder().decode(held.subarray(start, at + 1))) as string
            start = -1
            place = "colon"
          } else {
            emit(place === "value", at + 1)
            if (place === "value") place = "after"
          }
        }
        at++
        continue
      }
      if (start >= 0) {
        // A number or word that ends with its surroundings.
        if (byte === closeCurly || byte === closeSquare || byte === comma || isSpace(byte)) {
          emit(place === "value", at)
          if (place === "value") place = "after"
          continue
        }
        at++
        continue
      }
      if (
        isSpace(byte) ||
        (base + at === 0 && byte === 0xef) ||
        (base + at <= 2 && (byte === 0xbb || byte === 0xbf))
      ) {
        at++
        continue
      }
      if (root === "done") throw wrong("something stands behind the end")
      if (root === "none") {
        if (byte === openSquare) [root, place] = ["array", "elements"]
        else if (byte === openCurly) [root, place] = ["object", "key"]
        else throw wrong("neither a list nor an object")
        at++
        continue
      }
      if (place === "elements") {
        if (byte === comma) at++
        else if (byte === closeSquare) {
          if (root === "array") root = "done"
          else place = "after"
          at++
        } else begin(byte)
        continue
      }
      if (place === "key") {
        if (byte === quote) begin(byte)
        else if (byte === closeCurly) {
          root = "done"
          at++
        } else throw wrong("a name is missing")
        continue
      }
      if (place === "colon") {
        if (byte !== colon) throw wrong("a colon is missing")
        place = "value"
        at++
        continue
      }
      if (place === "value") {
        if (byte === openSquare) {
          place = "elements"
          at++
        } else begin(byte)
        continue
      }
      if (byte === comma) place = "key"
      else if (byte === closeCurly) root = "done"
      else throw wrong("a comma is missing")
      at++
    }
    if (found.length > 0) yield found
  }
  if (root !== "done") throw wrong("it ends too early")

  function begin(byte: number) {
    if (byte === closeCurly || byte === closeSquare || byte === colon) throw wrong("a value is missing")
    start = at
    if (byte === quote) open.inString = true
    else if (byte === openCurly || byte === openSquare) open.depth = 1
    at++
  }
}

const decoder = new TextDecoder("utf-8", { fatal: true })
/** The value of an element. Throws SyntaxError or TypeError for what is none. */
export const parseJson = (bytes: Uint8Array): unknown => JSON.parse(decoder.decode(bytes))

/** Lines of a text file, without their ends. */
export async function* textLines(file: RandomAccess): AsyncGenerator<string[]> {
  const text = new TextDecoder()
  let rest = ""
  for (let position = 0; position < file.size; ) {
    const bytes = await file.slice(position, Math.min(position + chunkSize, file.size))
    if (bytes.length === 0) break
    position += bytes.length
    const lines = (rest + text.decode(bytes, { stream: true })).split(/\r?\n/)
    rest = lines.pop() ?? ""
    if (rest.length > longestElement) throw new SyntaxError("a line is too long")
    yield lines
  }
  const last = rest + text.decode()
  if (last !== "") yield [last]
}
