import { createHash } from "node:crypto"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"

const root = join(import.meta.dirname, "../..")

/** Everything a binary is made of. node_modules is stood for by the lock file. */
const SOURCES = ["edge", "hub", "models", "ui", "dist/ui", "scripts/build", "package.json", "bun.lock"]

/** Changes whenever the sources of a binary, the target or the compiler change. Hexadecimal. */
export function fingerprint(target: string): string {
  const hash = createHash("sha256").update(`${target}\n${Bun.version}\n`)
  for (const path of SOURCES.flatMap(filesOf).sort()) {
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
    // The screens may not have been built: a binary without them is a different binary.
    if (code === "ENOENT") return []
    throw error
  }
}
