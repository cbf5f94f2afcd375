import { readdir, readFile } from "node:fs/promises"
import { join, relative, sep } from "node:path"
import { embeddedAssets } from "./assets.embedded.ts"

/** What the build embeds, as asset folder → folder in the project; `scripts/build` reads the same table. */
export const assetFolders = {
  ui: "dist/ui",
  pretrained: "models/pretrained",
} as const

const projectRoot = join(import.meta.dirname, "../..")

/**
 * Bytes of a shipped file, or null when there is none of that name. Names look like "ui/index.html" or
 * "pretrained/nanodet-g.onnx". The compiled binary answers from within itself, a run from source from the project.
 */
export async function openAsset(name: string): Promise<Uint8Array<ArrayBuffer> | null> {
  const path = embeddedAssets ? embeddedAssets[name] : sourcePath(name)
  if (path === undefined) return null
  try {
    return new Uint8Array(await readFile(path))
  } catch (error) {
    // Within the binary every listed file exists; from source a missing one is an ordinary answer.
    if (!embeddedAssets && error instanceof Error && "code" in error && isAbsence(error.code)) return null
    throw error
  }
}

/** Names of all assets that start with `prefix`, sorted. */
export async function assetNames(prefix = ""): Promise<string[]> {
  const names = embeddedAssets ? Object.keys(embeddedAssets) : await sourceNames()
  return names.filter((name) => name.startsWith(prefix)).sort()
}

const isAbsence = (code: unknown) => code === "ENOENT" || code === "EISDIR" || code === "ENOTDIR"

function sourcePath(name: string): string | undefined {
  const [folder = "", ...rest] = name.split("/")
  // Only plain names within a listed folder: an asset name may come from a URL.
  const safe =
    rest.length > 0 &&
    rest.every((part) => part !== "" && part !== "." && part !== ".." && !/[\\\0]/.test(part))
  if (!safe || !Object.hasOwn(assetFolders, folder)) return undefined
  return join(projectRoot, assetFolders[folder as keyof typeof assetFolders], ...rest)
}

async function sourceNames(): Promise<string[]> {
  const names = await Promise.all(
    Object.entries(assetFolders).map(([name, folder]) => listAssetFolder(name, join(projectRoot, folder))),
  )
  return names.flat()
}

/** Asset names of every file under one folder on disk; source code and notes beside the files are not assets. */
export async function listAssetFolder(name: string, path: string): Promise<string[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true }).catch((error) => {
    if (isAbsence(error.code)) return []
    throw error
  })
  return entries
    .filter((entry) => entry.isFile() && !/^\.|\.(ts|md|map)$/.test(entry.name))
    .map((entry) => [name, ...relative(path, join(entry.parentPath, entry.name)).split(sep)].join("/"))
}
