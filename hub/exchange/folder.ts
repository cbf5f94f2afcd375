import { createWriteStream } from "node:fs"
import { mkdir, open, readdir, readFile, stat, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { finished } from "node:stream/promises"
import type { ExchangeRemark } from "#contract/exchange"
import { Problem } from "#contract/problem"
import type { Entry, RandomAccess, Tree } from "./entry.format.ts"
import { safePath } from "./path.rules.ts"

const largestWhole = 256 * 1024 ** 2

/** A file to be read in pieces. */
export async function openFile(path: string): Promise<RandomAccess> {
  const file = await open(path, "r")
  const { size } = await file.stat()
  return {
    size,
    slice: async (start, end) => {
      const bytes = new Uint8Array(Math.min(end, size) - start)
      const { bytesRead } = await file.read(bytes, 0, bytes.length, start)
      return bytes.subarray(0, bytesRead)
    },
    close: () => file.close(),
  }
}

/** A folder to be read like an archive. Links are not followed. */
export async function openFolder(root: string): Promise<{ tree: Tree; refused: ExchangeRemark[] }> {
  const refused: ExchangeRemark[] = []
  const real = new Map<string, string>()
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    const full = join(entry.parentPath, entry.name)
    const relative = full.slice(root.length).replace(/^\/+/, "")
    if (entry.isSymbolicLink())
      refused.push({ path: relative, code: "link", detail: "it is a link, not a file" })
    if (!entry.isFile()) continue
    const path = safePath(relative)
    if (path === null)
      refused.push({ path: relative, code: "unsafe_name", detail: "its name cannot be used" })
    else real.set(path, full)
  }
  return { tree: treeOf(real), refused }
}

/** Single files as a tree, e.g. a JSON that came without an archive. */
export const treeOfFile = (name: string, path: string): Tree => treeOf(new Map([[name, path]]))

function treeOf(real: ReadonlyMap<string, string>): Tree {
  const fileOf = (path: string): string => {
    const full = real.get(path)
    if (full === undefined) throw new Problem("not_found", "archive_file", `${path} is not there`)
    return full
  }
  return {
    paths: [...real.keys()].sort((a, b) => (a < b ? -1 : 1)),
    has: (path) => real.has(path),
    read: async (path) => {
      if ((await stat(fileOf(path))).size > largestWhole)
        throw new Problem("invalid", "archive", `${path}: it is too large`, { path })
      return readFile(fileOf(path))
    },
    open: (path) => openFile(fileOf(path)),
  }
}

/** Writes an export as files below a folder. */
export async function writeFolder(root: string, entries: AsyncIterable<Entry>): Promise<number> {
  const made = new Set<string>()
  let files = 0
  for await (const { path, content } of entries) {
    const safe = safePath(path)
    if (safe === null) throw new Error(`an export must not write ${path}`)
    const full = join(root, safe)
    if (!made.has(dirname(full))) await mkdir(dirname(full), { recursive: true })
    made.add(dirname(full))
    files++
    const whole = typeof content === "function" ? await content() : content
    if (whole instanceof Uint8Array) {
      await writeFile(full, whole)
      continue
    }
    const out = createWriteStream(full)
    for await (const piece of whole)
      if (!out.write(piece)) await new Promise<void>((resolve) => void out.once("drain", resolve))
    out.end()
    await finished(out)
  }
  return files
}
