import { readdir, readFile } from "node:fs/promises"
import { join } from "node:path"
import { Problem } from "#contract/problem"
import { type PartsRow, readPartsCsv } from "./parts-csv.ts"

export interface FoundFile {
  /** Path below the folder, forward slashes. */
  file: string
  path: string
  /** Name of the folder the picture lies in: `good` or a defect kind as a key. */
  label: string
  /** Its mask, if there is one. */
  mask?: string
}

const PICTURE = /\.(jpe?g|png|webp)$/i

/**
 * Pictures under `train/<label>` and `test/<label>`, in a fixed order. `ok` counts as `good`.
 * @throws Problem `images_missing` or `images_empty`.
 */
export async function findPictures(root: string): Promise<FoundFile[]> {
  await demandFolder(root)
  const found: FoundFile[] = []
  for (const half of ["train", "test"]) {
    for (const folder of await foldersIn(join(root, half))) {
      const masks = new Set(await namesIn(join(root, "ground_truth", folder)))
      for (const name of (await namesIn(join(root, half, folder))).filter((n) => PICTURE.test(n))) {
        const stem = name.replace(PICTURE, "")
        const mask = [`${stem}_mask.png`, `${stem}.png`].find((m) => masks.has(m))
        const label = /^(good|ok)$/i.test(folder) ? "good" : kindOf(folder)
        const file = { file: `${half}/${folder}/${name}`, path: join(root, half, folder, name), label }
        found.push(
          mask && label !== "good" ? { ...file, mask: join(root, "ground_truth", folder, mask) } : file,
        )
      }
    }
  }
  if (found.length > 0) return found
  throw new Problem(
    "invalid",
    "images_empty",
    `There are no pictures in ${root}: it needs train/good and test/<defect> with JPEG, PNG or WebP files.`,
    { dir: root },
  )
}

/** Reads `parts.csv` if the folder has one. */
export async function readPartsFile(root: string): Promise<Map<string, PartsRow> | undefined> {
  if (!(await namesIn(root)).includes("parts.csv")) return undefined
  return readPartsCsv(await readFile(join(root, "parts.csv"), "utf8"))
}

async function demandFolder(root: string) {
  try {
    await readdir(root)
  } catch (error) {
    const why = codeOf(error) === "ENOTDIR" ? "is a file, not a folder" : "does not exist or may not be read"
    throw new Problem(
      "not_found",
      "images_missing",
      `The folder ${root} ${why}. Give the folder that holds "train" and "test".`,
      { dir: root },
      error,
    )
  }
}

async function foldersIn(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch(nothingThere)
  return entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort()
}

async function namesIn(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch(nothingThere)
  return entries
    .filter((entry) => entry.isFile() && !entry.name.startsWith("."))
    .map((entry) => entry.name)
    .sort()
}

/** A folder that is not there holds nothing; anything else that goes wrong is an error. */
function nothingThere(error: unknown): [] {
  if (codeOf(error) === "ENOENT") return []
  throw error
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined
}

/** Folder names become defect keys; the reserved key `unknown` stays reserved. */
function kindOf(folder: string): string {
  const key = keyOf(folder, "defect")
  return key === "unknown" ? "defect" : key
}

/** A name as a key of the contract: lower case, digits, `_.-`, not longer than 64. */
export function keyOf(name: string, otherwise: string): string {
  const key = name
    .toLowerCase()
    .replace(/[^a-z0-9_.-]+/g, "-")
    .replace(/^[^a-z0-9]+/, "")
  return key.slice(0, 64) || otherwise
}
