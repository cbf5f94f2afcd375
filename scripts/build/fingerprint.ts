import { createHash } from "node:crypto"
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"

const root = join(import.meta.dirname, "../..")

/**
 * Changes whenever one of the files, or the compiler, changes. `sources` are files and folders of the project; what
 * does not exist counts as empty. node_modules is stood for by the lock file. Hexadecimal.
 */
export function fingerprint(sources: readonly string[]): string {
  const hash = createHash("sha256").update(`${Bun.version}\n`)
  for (const path of [...sources, "package.json", "bun.lock"].flatMap(filesOf).sort()) {
    hash
      .update(`${path}\0`)
      .update(readFileSync(join(root, path)))
      .update("\0")
  }
  return hash.digest("hex")
}

function filesOf(path: string): string[] {
  try {
    const entries = readdirSync(join(root, path), { recursive: true, withFileTypes: true })
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined
    if (code === "ENOTDIR") return [path]
    if (code === "ENOENT") return []
    throw error
  }
}

/**
 * Runs `make` unless `output` was made from the same sources. The mark lies beside the output and is written last, so
 * an interrupted make is made again.
 */
export async function makeIfStale(
  output: string,
  sources: readonly string[],
  make: () => Promise<unknown>,
): Promise<void> {
  const mark = join(root, `${output}.fingerprint`)
  const wanted = fingerprint(sources)
  if (existsSync(join(root, output)) && existsSync(mark) && readFileSync(mark, "utf8") === wanted) return
  rmSync(mark, { force: true })
  await make()
  writeFileSync(mark, wanted)
}
