import * as v from "valibot"
import type { Outline, Point } from "#contract/drawing"
import { manifest, partOf, readManifest } from "./csv.format.ts"
import {
  allOutlines,
  createFinder,
  type Entry,
  type ExportSource,
  type Format,
  itemsOfSplit,
  labelOf,
  pictureFile,
  pictures,
  type ReadItem,
  type ReadOptions,
  type Split,
  splitName,
  splitOf,
  stemOf,
  type Tree,
  textPieces,
  uuidIn,
  withSigns,
} from "./entry.format.ts"
import { ringsOf, round } from "./geometry.format.ts"
import { jsonElements, parseJson } from "./json.format.ts"

/** Datumaro's own format: one JSON of items for each subset. It has no masks with several outlines but run-length ones. */
function annotationOf(outline: Outline): Record<string, unknown> | null {
  const flat = (points: readonly Point[]) => points.flat().map((n) => round(n, 3))
  switch (outline.type) {
    case "box":
      if (outline.angle) return { type: "polygon", points: flat(ringsOf(outline)[0] ?? []) }
      return { type: "bbox", bbox: outline.box.map((n) => round(n, 3)) }
    case "ellipse": {
      if (outline.angle) return { type: "polygon", points: flat(ringsOf(outline)[0] ?? []) }
      const [x, y, w, h] = outline.box
      return { type: "ellipse", points: [x, y, x + w, y + h].map((n) => round(n, 3)) }
    }
    case "polygon":
      return { type: "polygon", points: flat(outline.points) }
    case "line":
      return { type: "polyline", points: flat(outline.points) }
    case "point":
      return { type: "points", points: flat([outline.at]), visibility: [2] }
    case "mask":
      return { type: "mask", rle: { counts: outline.counts, size: outline.size } }
  }
}

async function* document(source: ExportSource, split: Split) {
  const numbers = new Map(source.classes.map((name, i) => [name, i]))
  const labels = source.classes.map((name) => ({ name, parent: "", attributes: [] }))
  const categories = { label: { labels, attributes: [] } }
  yield `{"dm_format_version":"1.0","media_type":2,"infos":{},"categories":${JSON.stringify(categories)},\n"items":[`
  let first = true
  for await (const item of itemsOfSplit(source, split)) {
    let n = 0
    const annotations = (item.label?.drawing.regions ?? []).flatMap(({ kinds, outline, score }) => {
      const made = annotationOf(outline)
      if (!made) return []
      return kinds.map((kind) => ({
        id: n++,
        group: n,
        label_id: numbers.get(kind),
        z_order: 0,
        attributes: score === undefined ? {} : { score },
        ...made,
      }))
    })
    const { w, h } = item.image
    const attr = item.label ? { verdict: item.label.verdict } : {}
    const made = { id: item.id, annotations, attr, image: { path: pictureFile(item), size: [h, w] } }
    yield `${first ? "\n" : ",\n"}${JSON.stringify(made)}`
    first = false
  }
  yield "]}\n"
}

async function* write(source: ExportSource): AsyncGenerator<Entry> {
  yield manifest(source)
  for (const split of source.splits)
    yield { path: `annotations/${splitName(split)}.json`, content: textPieces(document(source, split)) }
  yield* pictures(source, (item) => `images/${splitName(item.split)}/${pictureFile(item)}`)
}

const Categories = v.object({ label: v.object({ labels: v.array(v.object({ name: v.string() })) }) })
const Numbers = v.array(v.pipe(v.number(), v.finite()))
const Item = v.object({
  id: v.string(),
  attr: v.optional(v.record(v.string(), v.unknown()), {}),
  annotations: v.array(
    v.object({
      type: v.string(),
      label_id: v.optional(v.nullable(v.number())),
      attributes: v.optional(v.record(v.string(), v.unknown()), {}),
      bbox: v.optional(Numbers),
      points: v.optional(Numbers),
      rle: v.optional(v.object({ counts: v.string(), size: v.tuple([v.number(), v.number()]) })),
    }),
  ),
  image: v.optional(
    v.object({ path: v.optional(v.string()), size: v.optional(v.tuple([v.number(), v.number()])) }),
  ),
})
type Annotation = v.InferOutput<typeof Item>["annotations"][number]

function outlineOf({ type, bbox, points = [], rle }: Annotation): Outline[] | null {
  const pairs = Array.from(
    { length: points.length >> 1 },
    (_, i): Point => [points[i * 2] ?? 0, points[i * 2 + 1] ?? 0],
  )
  const [x = 0, y = 0, w = 0, h = 0] =
    type === "ellipse"
      ? [
          points[0] ?? 0,
          points[1] ?? 0,
          (points[2] ?? 0) - (points[0] ?? 0),
          (points[3] ?? 0) - (points[1] ?? 0),
        ]
      : (bbox ?? [])
  switch (type) {
    case "bbox":
    case "ellipse":
      return w > 0 && h > 0
        ? [{ type: type === "bbox" ? "box" : "ellipse", box: [x, y, round(w, 3), round(h, 3)] }]
        : null
    case "polygon":
      return pairs.length >= 3 && pairs.length <= 20_000 ? [{ type: "polygon", points: pairs }] : null
    case "polyline":
      return pairs.length >= 2 && pairs.length <= 20_000 ? [{ type: "line", points: pairs }] : null
    case "points":
      return pairs.map((at) => ({ type: "point", at }))
    case "mask":
      return rle ? [{ type: "mask", size: rle.size, counts: rle.counts }] : null
    default:
      return null
  }
}

async function documents(tree: Tree): Promise<string[]> {
  const out: string[] = []
  for (const path of tree.paths.filter((p) => /(^|\/)annotations\/[^/]+\.json$/.test(p)).slice(0, 20)) {
    const file = await tree.open(path)
    try {
      for await (const some of jsonElements(file)) {
        if (some.some(({ key }) => key === "dm_format_version" || key === "items")) out.push(path)
        break
      }
    } catch {
      // Not JSON, so not Datumaro's.
    } finally {
      await file.close()
    }
  }
  return out
}

async function* read(tree: Tree, options: ReadOptions): AsyncGenerator<ReadItem> {
  const facts = await readManifest(tree)
  const byStem = new Map([...facts].map(([file, fact]) => [stemOf(file), fact]))
  const find = createFinder(tree)
  for (const path of await documents(tree)) {
    const split = splitOf(stemOf(path))
    const file = await tree.open(path)
    try {
      let labels: string[] = []
      for await (const some of jsonElements(file))
        for (const { key, whole, bytes, start } of some) {
          if (key === "categories" && whole) {
            const parsed = v.safeParse(Categories, parseJson(bytes))
            labels = parsed.success ? parsed.output.label.labels.map(({ name }) => name) : []
          }
          if (key === "items" && !whole) yield itemOf(bytes, `${path}@${start}`, labels, split)
        }
    } finally {
      await file.close()
    }
  }

  function itemOf(bytes: Uint8Array, where: string, labels: readonly string[], split: Split): ReadItem {
    let parsed: v.SafeParseResult<typeof Item>
    try {
      parsed = v.safeParse(Item, parseJson(bytes))
    } catch (error) {
      return {
        path: where,
        picture: null,
        item: null,
        remarks: [{ path: where, code: "broken", detail: String(error) }],
      }
    }
    if (!parsed.success) {
      const detail = parsed.issues[0].message
      return { path: where, picture: null, item: null, remarks: [{ path: where, code: "broken", detail }] }
    }
    const { id: name, annotations, attr, image } = parsed.output
    const remarks: ReadItem["remarks"] = []
    const marks: { kinds: string[]; outline: Outline; score?: number }[] = []
    for (const annotation of annotations) {
      if (annotation.type === "label") continue
      const word = labels[annotation.label_id ?? -1]
      const kind = word === undefined ? undefined : options.kindOf(word)
      const outlines = outlineOf(annotation)
      const { score } = annotation.attributes
      if (kind === undefined) remarks.push({ path: name, code: "unknown_label", detail: word ?? "no label" })
      else if (!outlines) remarks.push({ path: name, code: "broken_outline", detail: annotation.type })
      else
        for (const outline of outlines)
          marks.push({
            kinds: [kind],
            outline,
            ...(typeof score === "number" && score >= 0 && score <= 1 && { score }),
          })
    }
    const known = byStem.get(stemOf(name))
    const id = known?.id ?? uuidIn(name)
    const verdict = known?.verdict ?? (typeof attr.verdict === "string" ? attr.verdict : undefined)
    return {
      path: name,
      picture: find(image?.path ?? name),
      item: {
        ...(split !== undefined && { split }),
        ...partOf(known),
        ...(id !== undefined && { id }),
        image: { w: image?.size?.[1] ?? known?.w ?? 0, h: image?.size?.[0] ?? known?.h ?? 0 },
        label: withSigns(labelOf(marks, { verdict, kinds: known?.kinds ?? [] }), known),
      },
      remarks,
    }
  }
}

export const datumaro: Format = {
  writes: allOutlines,
  write,
  recognises: async (tree) => (await documents(tree)).length > 0,
  read,
}
