import type { Outline, Region } from "#contract/drawing"
import type { ExchangeItem, ExchangeProfile, ExchangeRemark } from "#contract/exchange"

/** One file of an export: all of it, or piece by piece. */
export type Entry = {
  path: string
  content: Uint8Array | AsyncIterable<Uint8Array> | (() => Promise<Uint8Array>)
}

/** What an export is made of. Formats go through the items more than once and keep none. */
export type ExportSource = {
  /** All of them, in an order that stays. Whoever wants those of one split alone says so, and may get others all the same. */
  items: (only?: { split: Split }) => AsyncIterable<ExchangeItem>
  /** Every class that occurs, in the order of their numbers. */
  classes: readonly string[]
  /** Splits that occur; `undefined` for items without one. */
  splits: readonly (ExchangeItem["split"] | undefined)[]
  profile: ExchangeProfile
  /** Bytes of a picture; absent when the export goes without them. */
  picture?: ((item: ExchangeItem) => Promise<Uint8Array>) | undefined
}

/** What lies in a folder or an archive that is read. Paths use "/", are safe and sorted. */
export type Tree = {
  paths: readonly string[]
  has: (path: string) => boolean
  /** A whole file; refuses one that is too large for memory. */
  read: (path: string) => Promise<Uint8Array>
  /** A file of any length to be read in pieces; `close` gives back what it took. */
  open: (path: string) => Promise<RandomAccess>
}
export type RandomAccess = {
  size: number
  slice: (start: number, end: number) => Promise<Uint8Array>
  close: () => Promise<void>
}

/** One picture of an import as its format tells of it. Without `item` nothing but remarks came of it. */
export type ReadItem = {
  /** Where it stands, for the report. */
  path: string
  /** The picture's file in the tree; null when only its labels are here. */
  picture: string | null
  item: PartialItem | null
  remarks: ExchangeRemark[]
}

/** One picture of which nothing but its reason came. */
export const refusal = (path: string, code: string, detail: string): ReadItem => ({
  path,
  picture: null,
  item: null,
  remarks: [{ path, code, detail }],
})

/** As much of an item as a foreign file tells. Size and id are looked up or worked out from the picture when missing. */
export type PartialItem = Omit<ExchangeItem, "v" | "id" | "image"> & {
  id?: string | undefined
  image: { sha256?: string | undefined; w: number; h: number }
}

/** How big a picture is; null when its bytes are not one of our formats. */
export type SizeOf = (bytes: Uint8Array) => { w: number; h: number } | null | undefined

export type ReadOptions = {
  /** The class a foreign word means; undefined for one nobody knows. */
  kindOf: (label: string) => string | undefined
  sizeOf: SizeOf
}

export type Format = {
  /** Outlines it writes, as they are or as the nearest it has; others are left out and counted. */
  writes: readonly Outline["type"][]
  /** Without pictures nothing is left of it. */
  needsPictures?: true
  write: (source: ExportSource) => AsyncIterable<Entry>
  read: (tree: Tree, options: ReadOptions) => AsyncIterable<ReadItem>
  recognises: (tree: Tree) => boolean | Promise<boolean>
}

export const allOutlines = ["box", "ellipse", "polygon", "line", "point", "mask"] as const
export const areaOutlines = ["box", "ellipse", "polygon", "mask"] as const

const encoder = new TextEncoder()
const pieceLength = 64 * 1024

/** Text in pieces of about 64 KB: what is streamed must not be a million tiny buffers. */
export async function* textPieces(
  lines: AsyncIterable<string> | Iterable<string>,
): AsyncGenerator<Uint8Array> {
  let held: string[] = []
  let length = 0
  for await (const line of lines) {
    held.push(line)
    length += line.length
    if (length < pieceLength) continue
    yield encoder.encode(held.join(""))
    held = []
    length = 0
  }
  if (held.length > 0) yield encoder.encode(held.join(""))
}

export const textOf = (text: string): Uint8Array => encoder.encode(text)
const decoder = new TextDecoder()
/** As text, without a byte order mark. */
export const readText = (bytes: Uint8Array): string => decoder.decode(bytes)

const extensions: Readonly<Record<string, string>> = {
  "image/jpeg": "jpg",
  "image/png": "png",
  "image/webp": "webp",
}
export const extensionOf = (mime: string): string => extensions[mime] ?? "bin"
export const isPicture = (path: string): boolean => /\.(jpe?g|png|webp)$/i.test(path)
/** Name without folders and extension. */
export const stemOf = (path: string): string => {
  const name = path.slice(path.lastIndexOf("/") + 1)
  const dot = name.lastIndexOf(".")
  return dot < 0 ? name : name.slice(0, dot)
}
export const uuidIn = (name: string): string | undefined =>
  /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/.exec(name)?.[0]

/** Pictures of an export beside their labels, one file each, at the path `fileOf` gives. */
export async function* pictures(
  source: ExportSource,
  fileOf: (item: ExchangeItem) => string | null,
): AsyncGenerator<Entry> {
  const { picture } = source
  if (!picture) return
  for await (const item of source.items()) {
    const path = fileOf(item)
    if (path !== null) yield { path, content: () => picture(item) }
  }
}

/** Those of one split. */
export async function* itemsOfSplit(source: ExportSource, split: Split): AsyncGenerator<ExchangeItem> {
  for await (const item of source.items({ split })) if (item.split === split) yield item
}

/** Code-unit order: the same on every machine. */
export const byCode = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

export type Split = ExchangeItem["split"]
/** What a split is called where every picture must have one. */
export const splitName = (split: Split): string => split ?? "default"
export const splitOf = (name: string | undefined): Split => {
  if (name === "train" || name === "val" || name === "test") return name
  if (name === "valid" || name === "validation" || name === "calib") return "val"
  return name === "golden" ? "test" : undefined
}

export const pictureFile = ({ id, image }: ExchangeItem): string => `${id}.${extensionOf(image.mime)}`

/** Regions of a part, numbered in their order. A part without them, judged by nobody, stays unlabelled. */
export function labelOf(
  marks: readonly { kinds: string[]; outline: Outline; score?: number; by?: "model" }[],
  said: { verdict?: string | undefined; kinds?: readonly string[] } = {},
): ExchangeItem["label"] {
  const regions = marks.slice(0, 5_000).map(
    ({ kinds, outline, score, by }, i): Region => ({
      id: `r-${i + 1}`,
      kinds,
      outline,
      by: by ?? "person",
      ...(score !== undefined && { score }),
    }),
  )
  const verdict =
    said.verdict === "ok" || said.verdict === "ng" || said.verdict === "unsure"
      ? said.verdict
      : regions.length > 0 || (said.kinds?.length ?? 0) > 0
        ? "ng"
        : null
  if (verdict === null) return null
  const kinds = [...new Set([...(said.kinds ?? []), ...regions.flatMap((region) => region.kinds)])].slice(
    0,
    16,
  )
  return {
    verdict,
    kinds: verdict === "ok" ? [] : kinds,
    drawing: { v: 1, regions: verdict === "ok" ? [] : regions },
  }
}

/** A label with who said so and when, where that is known. */
export const withSigns = (
  label: ExchangeItem["label"],
  known?: { by?: string; at?: number },
): ExchangeItem["label"] =>
  label && {
    ...label,
    ...(known?.by !== undefined && { by: known.by }),
    ...(known?.at !== undefined && { at: known.at }),
  }

/** Finds a picture that a label file names: at the path, below a usual folder, or by its name when that is unmistakable. */
export function createFinder(tree: Tree): (name: string, beside?: string) => string | null {
  const byName = new Map<string, string | null>()
  const byStem = new Map<string, string | null>()
  for (const path of tree.paths) {
    if (!isPicture(path)) continue
    const name = path.split("/").at(-1) ?? path
    byName.set(name, byName.has(name) ? null : path)
    byStem.set(stemOf(name), byStem.has(stemOf(name)) ? null : path)
  }
  return (name, beside = "") => {
    if (byName.size === 0) return null
    const clean = name.replaceAll("\\", "/").replace(/^[./]+/, "")
    for (const path of [clean, `${beside}${clean}`, `images/${clean}`, `${beside}images/${clean}`])
      if (isPicture(path) && tree.has(path)) return path
    const last = clean.split("/").at(-1) ?? clean
    return byName.get(last) ?? byStem.get(stemOf(last)) ?? null
  }
}
