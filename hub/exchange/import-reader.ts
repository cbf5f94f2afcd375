import { open } from "node:fs/promises"
import type { ExchangeFormat, ExchangeRemark } from "#contract/exchange"
import { Problem } from "#contract/problem"
import type { ReadItem, ReadOptions, SizeOf, Tree } from "./entry.format.ts"
import { treeOfFile } from "./folder.ts"
import { formats, recogniseFormat } from "./formats.ts"
import { openZip } from "./zip.reader.ts"

/** A class that the catalogue does not have yet. */
export type MadeClass = { key: string; name: string }

/** An upload that lies on the disk, and what is needed to understand it; the same for the hub and its child. */
export type ImportSource = {
  path: string
  name: string
  /** A folder for what has to be unpacked. */
  scratch: string
  format?: ExchangeFormat | undefined
  /** Words that mean a class, and its key. */
  words: [word: string, key: string][]
  /** Whether a word that means none becomes one. */
  newClasses: boolean
}

/**
 * Opens an upload: what it is, how much there is, and its pictures one after the other. Throws `unsupported` for what is
 * nothing we read.
 */
export async function openImport(source: ImportSource, sizeOf: SizeOf) {
  const { path, name, scratch, newClasses } = source
  const { tree, refused, close } = await openUpload(path, name, scratch)
  try {
    const format = source.format ?? (await recogniseFormat(tree))
    if (!format)
      throw new Problem(
        "unsupported",
        "import_format",
        "nothing in here is a format CRUX reads; name the format if you know it",
      )
    const byWord = new Map(source.words)
    const made: MadeClass[] = []
    const kindOf: ReadOptions["kindOf"] = (label) => {
      const known = byWord.get(label) ?? byWord.get(label.trim().toLowerCase())
      if (known !== undefined || !newClasses || label.trim() === "") return known
      const key = freeKey(label, new Set(byWord.values()))
      made.push({ key, name: label.trim().slice(0, 64) })
      byWord.set(label.trim().toLowerCase(), key).set(label, key).set(key, key)
      return key
    }
    return {
      format,
      total: totalOf(format, tree),
      refused,
      read: tree.read,
      items: withKnownKinds(formats[format].read(tree, { kindOf, sizeOf }), kindOf),
      /** Classes that came up since this was last asked; they are to be made before the items that show them count. */
      takeMade: (): MadeClass[] => made.splice(0),
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}
export type OpenedImport = {
  format: ExchangeFormat
  total: number | null
  refused: ExchangeRemark[]
  read: Tree["read"]
  items: AsyncGenerator<ReadItem>
  takeMade: () => MadeClass[]
  close: () => Promise<void>
}

/** Classes of parts in our words, also where only the index names them; one nobody knows is told once and left out. */
async function* withKnownKinds(
  items: AsyncIterable<ReadItem>,
  kindOf: ReadOptions["kindOf"],
): AsyncGenerator<ReadItem> {
  for await (const read of items) {
    const { item, path, remarks } = read
    if (!item?.label) {
      yield read
      continue
    }
    const kinds: string[] = []
    for (const word of item.label.kinds) {
      const kind = kindOf(word)
      if (kind !== undefined) kinds.push(kind)
      else if (!remarks.some(({ code, detail }) => code === "unknown_label" && detail === word))
        remarks.push({ path, code: "unknown_label", detail: word })
    }
    yield { ...read, item: { ...item, label: { ...item.label, kinds: [...new Set(kinds)] } } }
  }
}

/** How many pictures there are, where it costs nothing to know. */
function totalOf(format: ExchangeFormat, { paths }: Tree): number | null {
  const count = (is: RegExp) => paths.filter((path) => is.test(path)).length
  if (/^yolo|^image-folder|^mvtec/.test(format)) return count(/\.(jpe?g|png|webp)$/i) || null
  if (format === "voc") return count(/\.xml$/i)
  return null
}

async function openUpload(path: string, name: string, scratch: string) {
  const file = await open(path, "r")
  const head = new Uint8Array(4)
  await file.read(head, 0, 4, 0)
  await file.close()
  if (head[0] === 0x50 && head[1] === 0x4b) return openZip(path, scratch)
  const extension = /\.(jsonl?|csv|parquet)$/i.exec(name)?.[0]?.toLowerCase()
  if (!extension)
    throw new Problem(
      "unsupported",
      "import_file",
      "send a ZIP archive, or a file named .json, .jsonl, .csv or .parquet",
    )
  return { tree: treeOfFile(`upload${extension}`, path), refused: [], close: async () => {} }
}

/** A key for a class that has only a name: its Latin letters, or a number. */
function freeKey(label: string, taken: ReadonlySet<string>): string {
  const base =
    label
      .toLowerCase()
      .normalize("NFKD")
      .replace(/[^a-z0-9]+/g, "-")
      .replace(/^-+|-+$/g, "")
      .slice(0, 40) || "class"
  for (let n = 1; ; n++) {
    const key = n === 1 && base !== "class" ? base : `${base}-${n}`
    if (!taken.has(key)) return key
  }
}
