import type { Outline } from "#contract/drawing"
import type { ExchangeItem } from "#contract/exchange"
import { fillRows, spansOfRows } from "./brush.format.ts"
import { manifest, partOf, readManifest } from "./csv.format.ts"
import {
  areaOutlines,
  type Entry,
  type ExportSource,
  type Format,
  isPicture,
  labelOf,
  pictureFile,
  pictures,
  type ReadItem,
  type ReadOptions,
  splitOf,
  stemOf,
  type Tree,
  uuidIn,
  withSigns,
} from "./entry.format.ts"
import { fillSpans, maskOfSpans } from "./geometry.format.ts"
import { decodePng, encodePng } from "./png.format.ts"

/** Formats in which the folder a picture lies in says what is on it. */

const goodNames = new Set(["ok", "good", "normal", "양품", "정상"])
/** A part counts for its first class: a folder holds one. */
const classFolder = ({ label }: ExchangeItem): string | null => {
  if (!label || label.verdict === "unsure") return null
  return label.verdict === "ok" ? "ok" : (label.kinds[0] ?? "unknown")
}

const inFolders = (withSplit: boolean): Format => ({
  writes: [],
  needsPictures: true,
  async *write(source) {
    yield manifest(source)
    yield* pictures(source, (item) => {
      const folder = classFolder(item)
      if (folder === null) return null
      const split = item.split ?? (withSplit ? "train" : undefined)
      return `${split ? `${split}/` : ""}${folder}/${pictureFile(item)}`
    })
  },
  recognises: (tree) => !withSplit && tree.paths.some(isPicture),
  read: readFolders,
})
export const imageFolder = inFolders(false)
export const yoloClassify = inFolders(true)

/** Folders that say which side pictures are on, or that they are pictures. */
const isNoClass = /^(train|val|valid|validation|test|images)$/i

async function* readFolders(tree: Tree, { kindOf }: ReadOptions): AsyncGenerator<ReadItem> {
  const facts = await readManifest(tree)
  for (const path of tree.paths) {
    if (!isPicture(path)) continue
    const folders = path.split("/").slice(0, -1)
    const folder = isNoClass.test(folders.at(-1) ?? "") ? "" : (folders.at(-1) ?? "")
    const split = splitOf(folders.at(-2))
    const known = facts.get(path.split("/").at(-1) ?? path)
    const good = goodNames.has(folder.toLowerCase())
    const kind = good || folder === "" ? undefined : kindOf(folder)
    if (!good && kind === undefined) {
      const [code, detail] =
        folder === "" ? ["no_class", "it lies in no folder of a class"] : ["unknown_label", folder]
      yield { path, picture: path, item: null, remarks: [{ path, code, detail }] }
      continue
    }
    const kinds = kind === undefined ? [] : known?.kinds.includes(kind) ? known.kinds : [kind]
    const id = known?.id ?? uuidIn(path)
    yield {
      path,
      picture: path,
      item: {
        ...(split !== undefined && { split }),
        ...partOf(known),
        ...(id !== undefined && { id }),
        image: { w: known?.w ?? 0, h: known?.h ?? 0 },
        label: withSigns(labelOf([], { verdict: good ? "ok" : "ng", kinds }), known),
      },
      remarks: [],
    }
  }
}

const isMarked = (outline: Outline) => outline.type !== "point" && outline.type !== "line"

/** White where something is wrong. */
function maskPng({ image, label }: ExchangeItem): Uint8Array {
  const pixels = new Uint8Array(image.w * image.h)
  for (const { outline } of label?.drawing.regions ?? [])
    fillRows(fillSpans(outline, image), image.h, image.w, 255, pixels)
  return encodePng({ ...image, pixels })
}

/** Good parts to learn from, good and bad ones to test with, and masks of what is bad: the layout of MVTec AD. */
function mvtecPath(item: ExchangeItem): string | null {
  const folder = classFolder(item)
  if (folder === null) return null
  const product = item.product_id ?? "product"
  if (folder === "ok")
    return `${product}/${item.split === "test" || item.split === "val" ? "test" : "train"}/good/`
  return `${product}/test/${folder}/`
}

async function* writeMvtec(source: ExportSource): AsyncGenerator<Entry> {
  yield manifest(source)
  for await (const item of source.items()) {
    const folder = classFolder(item)
    if (
      folder === null ||
      folder === "ok" ||
      !item.label?.drawing.regions.some(({ outline }) => isMarked(outline))
    )
      continue
    yield {
      path: `${item.product_id ?? "product"}/ground_truth/${folder}/${item.id}_mask.png`,
      content: maskPng(item),
    }
  }
  yield* pictures(source, (item) => {
    const folder = mvtecPath(item)
    return folder === null ? null : `${folder}${pictureFile(item)}`
  })
}

const largestMask = 65_535 * 4_096

async function* readMvtec(tree: Tree, { kindOf }: ReadOptions): AsyncGenerator<ReadItem> {
  const facts = await readManifest(tree)
  for (const path of tree.paths) {
    const [, product = "", split = "", folder = "", file = ""] =
      /^(?:(.*)\/)?(train|test)\/([^/]+)\/([^/]+)$/.exec(path) ?? []
    if (file === "" || !isPicture(path)) continue
    const good = goodNames.has(folder.toLowerCase())
    const kind = good ? undefined : kindOf(folder)
    if (!good && kind === undefined) {
      yield { path, picture: path, item: null, remarks: [{ path, code: "unknown_label", detail: folder }] }
      continue
    }
    const remarks: ReadItem["remarks"] = []
    const marks: { kinds: string[]; outline: Outline }[] = []
    const maskPath = `${product === "" ? "" : `${product}/`}ground_truth/${folder}/${stemOf(file)}_mask.png`
    if (kind !== undefined && tree.has(maskPath)) {
      const png = decodePng(await tree.read(maskPath), largestMask)
      const outline = png && maskOfPng(png.samples, png.channels, png)
      if (outline) marks.push({ kinds: [kind], outline })
      else
        remarks.push({
          path: maskPath,
          code: "broken_outline",
          detail: "the mask cannot be read, or is empty",
        })
    }
    const known = facts.get(file)
    const id = known?.id ?? uuidIn(file)
    const key = product.split("/").at(-1)?.toLowerCase()
    yield {
      path,
      picture: path,
      item: {
        ...(key && /^[a-z0-9][a-z0-9_.-]{0,63}$/.test(key) && { product_id: key }),
        ...(split === "train" && { split }),
        ...partOf(known),
        ...(id !== undefined && { id }),
        image: { w: known?.w ?? 0, h: known?.h ?? 0 },
        label: withSigns(
          labelOf(marks, {
            verdict: good ? "ok" : "ng",
            kinds: kind === undefined ? [] : [kind, ...(known?.kinds ?? [])],
          }),
          known,
        ),
      },
      remarks,
    }
  }
}

function maskOfPng(samples: Uint8Array | Uint16Array, channels: number, { w, h }: { w: number; h: number }) {
  const marked = new Uint8Array(w * h)
  for (let i = 0; i < marked.length; i++) marked[i] = samples[i * channels] ? 1 : 0
  return maskOfSpans(spansOfRows(marked, w, h), { w, h })
}

export const mvtec: Format = {
  writes: areaOutlines,
  needsPictures: true,
  write: writeMvtec,
  recognises: (tree) =>
    tree.paths.some((path) => /(^|\/)train\/good\/[^/]+$/.test(path)) &&
    tree.paths.some((path) => /(^|\/)test\/[^/]+\/[^/]+$/.test(path)),
  read: readMvtec,
}
