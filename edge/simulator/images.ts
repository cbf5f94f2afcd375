import { createHash } from "node:crypto"
import { readFile } from "node:fs/promises"
import { basename, resolve } from "node:path"
import type { Box, ImageMime } from "#contract/inspection"
import { Problem } from "#contract/problem"
import { loadSharp, type Sharp } from "#models/native"
import { type FoundFile, findPictures, keyOf, readPartsFile } from "./image-files.ts"
import { type Split, type SplitPart, splitParts } from "./image-split.ts"
import { boxesOfMask } from "./mask-boxes.ts"
import { groupNearCopies, THUMB } from "./near-copies.ts"
import type { PartsRow } from "./parts-csv.ts"

/** One real photograph with what is known about it. */
export interface ImageItem {
  /** Path below the folder, forward slashes. */
  file: string
  path: string
  mime: ImageMime
  /** SHA-256 of the file's bytes: names the picture wherever it turns up again. */
  sha256: string
  width: number
  height: number
  /** Physical part: all pictures of one part share it and lie in one split. */
  part: string
  split: Split
  verdict: "ok" | "ng"
  /** From the mask; empty when the folder has none, for good parts too. */
  defects: { kind: string; box?: Box }[]
}

export interface ImageSet {
  /** Folder name as a product key. */
  product: string
  items: ImageItem[]
  kinds: string[]
  /** The kind to play the newcomer: the most frequent one. Undefined in a folder of good parts only. */
  new_kind: string | undefined
  /** How the parts were told apart. */
  grouped_by: "parts.csv" | "near_copies" | "every_picture"
  /** Files that could not be read, with the reason; the rest is in use. */
  skipped: { file: string; reason: string }[]
  /** What is known about a picture, by the SHA-256 of its bytes. */
  truthOf(sha256: string): ImageItem | undefined
}

interface Picture extends FoundFile {
  mime: ImageMime
  sha256: string
  width: number
  height: number
  thumb: Uint8Array
  boxes: Box[]
}

/**
 * Reads a folder in the MVTec layout: `train/good`, `test/<defect>`, `test/good`, optional masks
 * `ground_truth/<defect>/<name>_mask.png` and `parts.csv` (`file,part[,split]`). Without parts.csv near-copies are
 * found and kept together.
 * @throws Problem when the folder is missing, holds no pictures, none that can be read, or no good ones.
 */
export async function readImageFolder(dir: string, seed: number): Promise<ImageSet> {
  const root = resolve(dir)
  const found = await findPictures(root)
  const rows = await readPartsFile(root)
  const sharp = await loadSharp()
  const skipped: ImageSet["skipped"] = []
  const pictures: Picture[] = []
  for (const file of found) {
    const picture = await readPicture(sharp, file, skipped)
    if (picture) pictures.push(picture)
  }
  if (pictures.length === 0) {
    const first = skipped[0]!
    throw new Problem(
      "unsupported",
      "images_unreadable",
      `None of the ${skipped.length} pictures in ${root} can be read; the first is ${first.file}: ${first.reason}. Pictures are JPEG, PNG or WebP files.`,
      { count: skipped.length, file: first.file },
    )
  }
  if (!pictures.some((picture) => picture.label === "good")) {
    throw new Problem(
      "invalid",
      "images_no_good",
      `There are no pictures of good parts in ${root}: put some in train/good, the first model is made from them.`,
      { dir: root },
    )
  }
  return await assemble(root, pictures, rows, seed, skipped)
}

async function assemble(
  root: string,
  pictures: Picture[],
  rows: Map<string, PartsRow> | undefined,
  seed: number,
  skipped: ImageSet["skipped"],
): Promise<ImageSet> {
  const { parts, grouped_by } = await tellPartsApart(pictures, rows)
  const strata = new Map<string, SplitPart>()
  pictures.forEach((picture, i) => {
    const part = parts[i]!
    const known = strata.get(part)
    const stratum = known && known.stratum !== "good" ? known.stratum : picture.label
    strata.set(part, { part, stratum, wish: known?.wish ?? rows?.get(picture.file)?.split })
  })
  const given = splitParts([...strata.values()], seed)
  const items = pictures.map((picture, i): ImageItem => {
    const { file, path, mime, sha256, width, height, label, boxes } = picture
    const part = parts[i]!
    const split = given.get(part) ?? "line"
    const base = { file, path, mime, sha256, width, height, part, split }
    if (label === "good") return { ...base, verdict: "ok", defects: [] }
    const defects = boxes.length > 0 ? boxes.map((box) => ({ kind: label, box })) : [{ kind: label }]
    return { ...base, verdict: "ng", defects }
  })
  const counts = new Map<string, number>()
  for (const { label } of pictures) if (label !== "good") counts.set(label, (counts.get(label) ?? 0) + 1)
  const kinds = [...counts.keys()].sort()
  const bySha = new Map(items.map((item) => [item.sha256, item]))
  return {
    product: keyOf(basename(root), "parts"),
    items,
    kinds,
    new_kind: kinds.toSorted((a, b) => counts.get(b)! - counts.get(a)!)[0],
    grouped_by,
    skipped,
    truthOf: (sha256) => bySha.get(sha256),
  }
}

/** The part of every picture. A picture that parts.csv does not mention is a part of its own. */
async function tellPartsApart(pictures: readonly Picture[], rows: Map<string, PartsRow> | undefined) {
  if (rows) {
    const parts = pictures.map((picture) => rows.get(picture.file)?.part ?? picture.file)
    return { parts, grouped_by: "parts.csv" as const }
  }
  const { groups, threshold } = await groupNearCopies(pictures.map((picture) => picture.thumb))
  const parts = groups.map((group) => `part-${String(group + 1).padStart(4, "0")}`)
  return {
    parts,
    grouped_by: threshold === undefined ? ("every_picture" as const) : ("near_copies" as const),
  }
}

async function readPicture(
  sharp: Sharp,
  found: FoundFile,
  skipped: ImageSet["skipped"],
): Promise<Picture | undefined> {
  try {
    const bytes = await readFile(found.path)
    const { format, width, height } = await sharp(bytes).metadata()
    if (format !== "jpeg" && format !== "png" && format !== "webp")
      throw new Error(`${format} is no picture we show`)
    const grey = sharp(bytes).greyscale().resize(THUMB, THUMB, { fit: "fill" })
    const thumb = new Uint8Array(await grey.removeAlpha().toColourspace("b-w").raw().toBuffer())
    const boxes = found.mask ? await readMask(sharp, found.mask, width, height) : []
    const sha256 = createHash("sha256").update(bytes).digest("hex")
    return { ...found, mime: `image/${format}`, sha256, width, height, thumb, boxes }
  } catch (error) {
    skipped.push({
      file: found.file,
      reason: error instanceof Error ? (error.message.split("\n")[0] ?? "") : "",
    })
    return undefined
  }
}

async function readMask(sharp: Sharp, path: string, width: number, height: number): Promise<Box[]> {
  const grey = sharp(path).greyscale().removeAlpha().toColourspace("b-w")
  const { data, info } = await grey.raw().toBuffer({ resolveWithObject: true })
  if (info.width !== width || info.height !== height) {
    throw new Error(`its mask is ${info.width}×${info.height}, the picture ${width}×${height}`)
  }
  return boxesOfMask(data, width, height)
}

export function itemsOf(set: ImageSet, split: Split): ImageItem[] {
  return set.items.filter((item) => item.split === split)
}
