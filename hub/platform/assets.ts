import { existsSync, statSync } from "node:fs"
import { readdir, readFile } from "node:fs/promises"
import { join, relative, sep } from "node:path"
import { embeddedAssets } from "./assets.embedded.ts"

/** What the build embeds, as asset folder → folder in the project; `scripts/build` reads the same table. */
export const assetFolders = {
  ui: "dist/ui",
  pretrained: "models/pretrained",
  fonts: "dist/fonts",
} as const

const projectRoot = join(import.meta.dirname, "../..")

/**
 * Path of a shipped file, or null when there is none of that name. Names look like "ui/index.html" or
 * "pretrained/nanodet-g.onnx". In the compiled binary the path leads into the binary itself: node:fs reads it in this
 * program and in its child processes, nobody else can.
 */
export function assetPath(name: string): string | null {
  if (embeddedAssets) return Object.hasOwn(embeddedAssets, name) ? (embeddedAssets[name] ?? null) : null
  const path = sourcePath(name)
  return path !== null && existsSync(path) && statSync(path).isFile() ? path : null
}

/** Bytes of a shipped file, or null when there is none of that name. */
export async function openAsset(name: string): Promise<Uint8Array<ArrayBuffer> | null> {
  const path = assetPath(name)
  return path === null ? null : new Uint8Array(await readFile(path))
}

/** Names of all assets that start with `prefix`, sorted. */
export async function assetNames(prefix = ""): Promise<string[]> {
  const names = embeddedAssets ? Object.keys(embeddedAssets) : await sourceNames()
  return names.filter((name) => name.startsWith(prefix)).sort()
}

function sourcePath(name: string): string | null {
  const [folder = "", ...rest] = name.split("/")
  // Only plain names within a listed folder: an asset name may come from a URL.
  const safe =
    rest.length > 0 &&
    rest.every((part) => part !== "" && part !== "." && part !== ".." && !/[\\\0]/.test(part))
  if (!safe || !Object.hasOwn(assetFolders, folder)) return null
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
    if (error.code === "ENOENT") return []
    throw error
  })
  return entries
    .filter((entry) => entry.isFile() && !/^\.|\.(ts|md|map)$/.test(entry.name))
    .map((entry) => [name, ...relative(path, join(entry.parentPath, entry.name)).split(sep)].join("/"))
}
