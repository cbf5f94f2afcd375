import type { Outline, Point } from "#contract/drawing"
import type { ExchangeItem } from "#contract/exchange"
import { decodeRuns, encodeRuns, type Spans } from "#contract/outline"
import { createFacts, manifest, partOf } from "./csv.format.ts"
import {
  areaOutlines,
  createFinder,
  type Entry,
  type ExportSource,
  type Format,
  itemsOfSplit,
  labelOf,
  pictureFile,
  pictures,
  type RandomAccess,
  type ReadItem,
  type ReadOptions,
  refusal,
  type Split,
  splitName,
  splitOf,
  type Tree,
  textPieces,
  uuidIn,
} from "./entry.format.ts"
import {
  areaOfRing,
  boundsOn,
  boxOfCorners,
  fillSpans,
  maskOfSpans,
  ringsOf,
  round,
  unionSpans,
} from "./geometry.format.ts"
import { jsonElements, parseJson } from "./json.format.ts"

/**
 * COCO: boxes, polygons and run-length masks of instances, or keypoints. A turned box is its four corners and says its
 * angle in `attributes.rotation`, as CVAT and Datumaro have it; an ellipse becomes a polygon.
 */
type Annotation = Record<string, unknown>

const placeOf = (source: ExportSource, item: ExchangeItem) =>
  source.profile === "ls-exact"
    ? `images/${pictureFile(item)}`
    : `images/${splitName(item.split)}/${pictureFile(item)}`

function instance(outline: Outline, image: { w: number; h: number }): Annotation | null {
  const bbox = boundsOn(outline, image).map((n) => round(n, 2))
  switch (outline.type) {
    case "box":
      if (!outline.angle)
        return { segmentation: [], bbox, area: round((bbox[2] ?? 0) * (bbox[3] ?? 0), 2), iscrowd: 0 }
      return { ...polygons(ringsOf(outline), bbox), attributes: { rotation: outline.angle } }
    case "ellipse":
    case "polygon":
      return polygons(ringsOf(outline), bbox)
    case "mask": {
      const { size, counts } = outline
      const spans = decodeRuns(counts, size[0] * size[1]) ?? new Int32Array()
      let area = 0
      for (let i = 0; i < spans.length; i += 2) area += (spans[i + 1] ?? 0) - (spans[i] ?? 0)
      return { segmentation: { size, counts }, bbox, area, iscrowd: 0 }
    }
    default:
      return null
  }
}

const polygons = (rings: readonly Point[][], bbox: number[]): Annotation => ({
  segmentation: rings.map((ring) => ring.flat().map((n) => round(n, 3))),
  bbox,
  area: round(
    rings.reduce((sum, ring) => sum + areaOfRing(ring), 0),
    2,
  ),
  iscrowd: 0,
})

function keypoint(outline: Outline, { w, h }: { w: number; h: number }): Annotation | null {
  if (outline.type !== "point") return null
  const [x, y] = [round(outline.at[0], 3), round(outline.at[1], 3)]
  const inside = x >= 0 && y >= 0 && x <= w && y <= h
  return {
    keypoints: [x, y, inside ? 2 : 1],
    num_keypoints: 1,
    segmentation: [],
    bbox: [x, y, 0, 0],
    area: 0,
    iscrowd: 0,
  }
}

async function* document(source: ExportSource, split: Split, of: typeof instance) {
  const exact = source.profile === "ls-exact"
  const [firstClass, firstId] = exact ? [0, 0] : [1, 1]
  const numbers = new Map(source.classes.map((name, i) => [name, i + firstClass]))
  const points = of === keypoint ? { keypoints: ["point"], skeleton: [] } : {}
  const categories = source.classes.map((name, i) =>
    exact ? { id: i, name } : { id: i + 1, name, supercategory: "defect", ...points },
  )
  const info = {
    year: 2026,
    version: "1.0",
    description: "",
    contributor: exact ? "Label Studio" : "CRUX",
    url: "",
    date_created: "",
  }
  yield `{"info":${JSON.stringify(info)},\n"licenses":[],\n"categories":${JSON.stringify(categories)},\n"images":[`
  const items = () => (exact ? source.items() : itemsOfSplit(source, split))
  let n = firstId
  for await (const item of items()) {
    const { w: width, h: height } = item.image
    const file_name = exact ? placeOf(source, item) : pictureFile(item)
    yield `${n === firstId ? "\n" : ",\n"}${JSON.stringify({ id: n, width, height, file_name })}`
    n++
  }
  yield '],\n"annotations":['
  n = firstId
  let image_id = firstId
  for await (const item of items()) {
    for (const { kinds, outline } of item.label?.drawing.regions ?? []) {
      const made = of(outline, item.image)
      if (!made) continue
      for (const kind of kinds) {
        const annotation = {
          id: n,
          image_id,
          category_id: numbers.get(kind),
          ...made,
          ...(exact && { ignore: 0 }),
        }
        yield `${n === firstId ? "\n" : ",\n"}${JSON.stringify(annotation)}`
        n++
      }
    }
    image_id++
  }
  yield "]}\n"
}

async function* write(source: ExportSource, name: string, of: typeof instance): AsyncGenerator<Entry> {
  if (source.profile === "ls-exact")
    yield { path: "result.json", content: textPieces(document(source, undefined, of)) }
  else {
    yield manifest(source)
    for (const split of source.splits)
      yield {
        path: `annotations/${name}_${splitName(split)}.json`,
        content: textPieces(document(source, split, of)),
      }
  }
  yield* pictures(source, (item) => placeOf(source, item))
}

const isDocument = (path: string) => /\.json$/i.test(path)

async function documents(tree: Tree): Promise<string[]> {
  const out: string[] = []
  for (const path of tree.paths.filter(isDocument).slice(0, 100)) {
    const file = await tree.open(path)
    try {
      for await (const some of jsonElements(file)) {
        if (some.some(({ key, whole }) => !whole && ["images", "annotations", "categories"].includes(key)))
          out.push(path)
        break
      }
    } catch {
      // Not JSON, so not COCO.
    } finally {
      await file.close()
    }
  }
  return out
}

type Picture = { name: string; w: number; h: number }

const imageIdKey = Buffer.from('"image_id"')
/**
 * The picture of an annotation without parsing all of it, where that is unmistakable: the key is there once and a number
 * follows. Hundreds of thousands of annotations are parsed once then, when their picture is made.
 */
function imageIdOf(bytes: Uint8Array): number | undefined {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const at = text.indexOf(imageIdKey)
  if (at < 0 || text.indexOf(imageIdKey, at + imageIdKey.length) >= 0) return undefined
  const found = /^\s*:\s*(\d{1,15})\s*[,}]/.exec(
    text.toString("latin1", at + imageIdKey.length, at + imageIdKey.length + 40),
  )
  return found ? Number(found[1]) : undefined
}

function fieldsOf(bytes: Uint8Array): Record<string, unknown> | null {
  try {
    const value = parseJson(bytes)
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : null
  } catch {
    return null
  }
}

/** Where the annotations of each picture stand in the file: they may come in any order, and in any number. */
function createPlaces() {
  let [image, start, length] = [new Int32Array(1024), new Float64Array(1024), new Int32Array(1024)]
  let count = 0
  return {
    add(of: number, at: number, bytes: number) {
      if (count === image.length) {
        const grown = [
          new Int32Array(count * 2),
          new Float64Array(count * 2),
          new Int32Array(count * 2),
        ] as const
        grown[0].set(image)
        grown[1].set(start)
        grown[2].set(length)
        ;[image, start, length] = [...grown]
      }
      image[count] = of
      start[count] = at
      length[count] = bytes
      count++
    },
    /** Positions of the annotations by picture, in the order of the file. */
    byImage(images: number): (of: number) => { start: number; end: number }[] {
      const firsts = new Int32Array(images + 1)
      for (let i = 0; i < count; i++) firsts[(image[i] ?? 0) + 1]!++
      for (let i = 0; i < images; i++) firsts[i + 1]! += firsts[i] ?? 0
      const order = new Int32Array(count)
      const next = firsts.slice()
      for (let i = 0; i < count; i++) order[next[image[i] ?? 0]!++] = i
      return (of) => {
        const out: { start: number; end: number }[] = []
        for (let i = firsts[of] ?? 0; i < (firsts[of + 1] ?? 0); i++) {
          const which = order[i] ?? 0
          out.push({ start: start[which] ?? 0, end: (start[which] ?? 0) + (length[which] ?? 0) })
        }
        return out
      }
    },
  }
}

/** Reads pieces of a file that mostly follow each other: some at a time. */
function createWindow(file: RandomAccess) {
  let held: Uint8Array = new Uint8Array()
  let base = 0
  return async (start: number, end: number): Promise<Uint8Array> => {
    if (start < base || end > base + held.length) {
      base = start
      held = await file.slice(start, Math.min(file.size, Math.max(end, start + windowSize)))
    }
    return held.subarray(start - base, end - base)
  }
}

const windowSize = 256 * 1024

async function* readDocument(
  tree: Tree,
  path: string,
  facts: ReturnType<typeof createFacts>,
  { kindOf }: ReadOptions,
): AsyncGenerator<ReadItem> {
  const file = await tree.open(path)
  try {
    const numbers = new Map<unknown, number>()
    const images: (Picture | undefined)[] = []
    const classes = new Map<unknown, string>()
    const places = createPlaces()
    const numberOf = (id: unknown) => {
      let number = numbers.get(id)
      if (number === undefined) {
        number = numbers.size
        numbers.set(id, number)
      }
      return number
    }
    const broken: ReadItem[] = []
    for await (const some of jsonElements(file)) {
      for (const { key, whole, bytes, start } of some) {
        if (whole || !["images", "categories", "annotations"].includes(key)) continue
        const simple = key === "annotations" ? imageIdOf(bytes) : undefined
        if (simple !== undefined) {
          places.add(numberOf(simple), start, bytes.length)
          continue
        }
        let value: unknown
        try {
          value = parseJson(bytes)
        } catch (error) {
          broken.push(refusal(`${path}@${start}`, "broken", String(error)))
          continue
        }
        const fields = (typeof value === "object" && value !== null ? value : {}) as Record<string, unknown>
        if (key === "categories" && typeof fields.name === "string") classes.set(fields.id, fields.name)
        else if (key === "annotations") places.add(numberOf(fields.image_id), start, bytes.length)
        else if (key === "images" && typeof fields.file_name === "string")
          images[numberOf(fields.id)] = {
            name: fields.file_name,
            w: typeof fields.width === "number" ? fields.width : 0,
            h: typeof fields.height === "number" ? fields.height : 0,
          }
        else if (key === "images")
          broken.push(refusal(`${path}@${start}`, "broken", "a picture without a name"))
      }
      yield* broken.splice(0)
    }
    const find = createFinder(tree)
    const of = places.byImage(numbers.size)
    const read = createWindow(file)
    const split = splitOf(/_(\w+)\.json$/.exec(path)?.[1])
    const beside = path.replace(/[^/]*$/, "")
    for (let i = 0; i < numbers.size; i++) {
      const image = images[i]
      if (!image) {
        yield refusal(path, "no_picture", `${of(i).length} annotations of a picture that is not in the list`)
        continue
      }
      const name = image.name.split("/").at(-1) ?? image.name
      const known = await facts.of(name)
      const remarks: ReadItem["remarks"] = []
      const marks: { kinds: string[]; outline: Outline; score?: number }[] = []
      for (const { start, end } of of(i)) {
        const fields = fieldsOf(await read(start, end))
        if (!fields) {
          remarks.push({ path: image.name, code: "broken", detail: `annotation at byte ${start}` })
          continue
        }
        const word = classes.get(fields.category_id)
        const kind = word === undefined ? undefined : kindOf(word)
        const outlines = kind === undefined ? null : outlinesOf(fields, image)
        if (kind === undefined)
          remarks.push({
            path: image.name,
            code: "unknown_label",
            detail: word ?? String(fields.category_id),
          })
        else if (!outlines)
          remarks.push({
            path: image.name,
            code: "broken_outline",
            detail: `annotation ${String(fields.id)}`,
          })
        else
          for (const outline of outlines)
            marks.push({
              kinds: [kind],
              outline,
              ...(typeof fields.score === "number" &&
                fields.score >= 0 &&
                fields.score <= 1 && { score: fields.score }),
            })
      }
      const id = known?.id ?? uuidIn(name)
      yield {
        path: image.name,
        picture: find(image.name, beside),
        item: {
          ...(split !== undefined && { split }),
          ...partOf(known),
          ...(id !== undefined && { id }),
          image: { w: image.w, h: image.h },
          label: withSigns(labelOf(marks, { verdict: known?.verdict, kinds: known?.kinds ?? [] }), known),
        },
        remarks,
      }
    }
  } finally {
    await file.close()
  }
}

export const withSigns = (
  label: ExchangeItem["label"],
  known?: { by?: string; at?: number },
): ExchangeItem["label"] =>
  label && {
    ...label,
    ...(known?.by !== undefined && { by: known.by }),
    ...(known?.at !== undefined && { at: known.at }),
  }

const isNumbers = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((n) => typeof n === "number" && Number.isFinite(n))

function outlinesOf(fields: Record<string, unknown>, image: { w: number; h: number }): Outline[] | null {
  const { segmentation, bbox, keypoints, attributes } = fields
  if (isNumbers(keypoints) && keypoints.length >= 3) {
    const out: Outline[] = []
    for (let i = 0; i + 2 < keypoints.length; i += 3)
      if (keypoints[i + 2]) out.push({ type: "point", at: [keypoints[i] ?? 0, keypoints[i + 1] ?? 0] })
    if (out.length > 0) return out
  }
  if (
    typeof segmentation === "object" &&
    segmentation !== null &&
    "counts" in segmentation &&
    "size" in segmentation
  ) {
    const { counts, size } = segmentation
    if (!isNumbers(size) || size.length !== 2) return null
    const [h = 0, w = 0] = size
    if (!(Number.isInteger(h) && Number.isInteger(w) && h > 0 && w > 0 && h <= 65_535 && w <= 65_535))
      return null
    const spans =
      typeof counts === "string"
        ? decodeRuns(counts, h * w)
        : isNumbers(counts)
          ? spansOfRuns(counts, h * w)
          : null
    return spans && spans.length > 0
      ? [{ type: "mask", size: [h, w], counts: encodeRuns(spans, h * w) }]
      : null
  }
  if (Array.isArray(segmentation) && segmentation.length > 0) {
    const rings: Point[][] = []
    for (const ring of segmentation) {
      if (!isNumbers(ring) || ring.length < 6 || ring.length > 40_000) return null
      rings.push(
        Array.from({ length: ring.length >> 1 }, (_, i): Point => [ring[i * 2] ?? 0, ring[i * 2 + 1] ?? 0]),
      )
    }
    const [first] = rings
    if (!first) return null
    const turned =
      typeof attributes === "object" && attributes !== null && "rotation" in attributes && attributes.rotation
    const made = turned && rings.length === 1 ? boxOfCorners(first) : null
    if (made) return [{ type: "box", box: made.box, ...(made.angle !== 0 && { angle: made.angle }) }]
    if (rings.length === 1) return [{ type: "polygon", points: first }]
    // Several rings are one thing that something else hides in part.
    const mask = maskOfSpans(
      unionSpans(rings.map((points) => fillSpans({ type: "polygon", points }, image))),
      image,
    )
    return mask ? [mask] : null
  }
  if (!isNumbers(bbox) || bbox.length !== 4) return null
  const [x = 0, y = 0, w = 0, h = 0] = bbox
  return w > 0 && h > 0 ? [{ type: "box", box: [x, y, w, h] }] : null
}

/** Counts that are not compressed: lengths of runs, the first of them outside. */
function spansOfRuns(runs: readonly number[], total: number): Spans | null {
  const out: number[] = []
  let at = 0
  for (const [i, run] of runs.entries()) {
    if (!Number.isInteger(run) || run < 0) return null
    if (i % 2 === 1 && run > 0) {
      if (out.at(-1) === at) out[out.length - 1] = at + run
      else out.push(at, at + run)
    }
    at += run
  }
  return at === total ? Int32Array.from(out) : null
}

async function* read(tree: Tree, options: ReadOptions) {
  const facts = createFacts(tree)
  try {
    for (const path of await documents(tree)) yield* readDocument(tree, path, facts, options)
  } finally {
    await facts.close()
  }
}

export const coco: Format = {
  writes: areaOutlines,
  write: (source) => write(source, "instances", instance),
  recognises: async (tree) => (await documents(tree)).length > 0,
  read,
}

export const cocoKeypoints: Format = {
  writes: ["point"],
  write: (source) => write(source, "person_keypoints", keypoint),
  recognises: () => false,
  read,
}
