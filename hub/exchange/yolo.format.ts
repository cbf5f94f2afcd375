import type { Outline, Point } from "#contract/drawing"
import type { ExchangeItem } from "#contract/exchange"
import { manifest, manifestRows, type PartFacts, partOf } from "./csv.format.ts"
import {
  areaOutlines,
  createFinder,
  type Entry,
  type ExportSource,
  type Format,
  isPicture,
  labelOf,
  pictureFile,
  pictures,
  type ReadItem,
  type ReadOptions,
  readText,
  refusal,
  splitOf,
  stemOf,
  type Tree,
  textOf,
  uuidIn,
  withSigns,
} from "./entry.format.ts"
import { boundsOn, boxOfCorners, ringsOf, round } from "./geometry.format.ts"
import { classPagesOf, namesOf } from "./yolo-names.format.ts"

/** One text file for each picture, one line for each region: class number, then coordinates as shares of the picture. */
type Task = "detect" | "segment" | "obb" | "pose"
type Size = { w: number; h: number }

const share = (n: number) => String(round(Math.min(1, Math.max(0, n)), 7))

function line(outline: Outline, { w, h }: Size, task: Task): string | null {
  if (task === "pose") {
    if (outline.type !== "point") return null
    const [x, y] = [outline.at[0] / w, outline.at[1] / h]
    // A point has no size; its box is the pixel it stands on.
    return [share(x), share(y), share(1 / w), share(1 / h), share(x), share(y), 2].join(" ")
  }
  if (outline.type === "point" || outline.type === "line") return null
  if (task === "segment") {
    const rings = ringsOf(outline)
    const ring = rings.length > 1 ? longest(rings) : rings[0]
    return ring ? ring.map(([x, y]) => `${share(x / w)} ${share(y / h)}`).join(" ") : null
  }
  const [x, y, bw, bh] = boundsOn(outline, { w, h })
  if (task === "obb") {
    const corners: Point[] =
      outline.type === "box"
        ? (ringsOf(outline)[0] ?? [])
        : [
            [x, y],
            [x + bw, y],
            [x + bw, y + bh],
            [x, y + bh],
          ]
    return corners.map(([cx, cy]) => `${share(cx / w)} ${share(cy / h)}`).join(" ")
  }
  return bw > 0 && bh > 0
    ? `${share((x + bw / 2) / w)} ${share((y + bh / 2) / h)} ${share(bw / w)} ${share(bh / h)}`
    : null
}

/** Of a mask in several pieces the largest counts: a line holds one ring. */
const longest = (rings: readonly Point[][]) => {
  const extent = (ring: readonly Point[]) => {
    const [xs, ys] = [ring.map(([x]) => x), ring.map(([, y]) => y)]
    return (Math.max(...xs) - Math.min(...xs)) * (Math.max(...ys) - Math.min(...ys))
  }
  return rings.reduce((best, ring) => (extent(ring) > extent(best) ? ring : best))
}

const folderOf = (source: ExportSource, item: ExchangeItem) =>
  source.profile === "ls-exact" ? "" : `${item.split ?? "train"}/`

async function* write(source: ExportSource, task: Task): AsyncGenerator<Entry> {
  const exact = source.profile === "ls-exact"
  const numbers = new Map(source.classes.map((name, i) => [name, i]))
  yield { path: "classes.txt", content: textOf(source.classes.map((name) => `${name}\n`).join("")) }
  if (exact) yield { path: "notes.json", content: textOf(notes(source.classes)) }
  else {
    yield { path: "data.yaml", content: textOf(dataYaml(source, task)) }
    yield manifest(source)
  }
  for await (const item of source.items()) {
    // Without a label it is not known to be empty; an empty file would say that it is.
    if (!item.label && !exact) continue
    const lines: string[] = []
    for (const { kinds, outline } of item.label?.drawing.regions ?? []) {
      const made = line(outline, item.image, task)
      if (made !== null) for (const kind of kinds) lines.push(`${numbers.get(kind)} ${made}\n`)
    }
    yield { path: `labels/${folderOf(source, item)}${item.id}.txt`, content: textOf(lines.join("")) }
  }
  yield* pictures(source, (item) => `images/${folderOf(source, item)}${pictureFile(item)}`)
}

const notes = (classes: readonly string[]) =>
  `${JSON.stringify(
    {
      categories: classes.map((name, id) => ({ id, name })),
      info: { year: 2026, version: "1.0", contributor: "Label Studio" },
    },
    null,
    2,
  )}\n`

function dataYaml({ classes, splits }: ExportSource, task: Task): string {
  const has = (split: string) => splits.some((s) => (s ?? "train") === split)
  return [
    `# task: ${task}`,
    "path: .",
    "train: images/train",
    `val: images/${has("val") ? "val" : "train"}`,
    ...(has("test") ? ["test: images/test"] : []),
    ...(task === "pose" ? ["kpt_shape: [1, 3]"] : []),
    `nc: ${classes.length}`,
    "names:",
    ...classes.map((name, i) => `  ${i}: ${JSON.stringify(name)}`),
    "",
  ].join("\n")
}

/** A label file's picture lies beside it, or in a folder that is called after pictures instead. */
function createPictureOf(
  tree: Tree,
  find: (name: string) => string | null,
): (labels: string) => string | null {
  if (!tree.paths.some(isPicture)) return () => null
  return (labels) => {
    const bare = labels.replace(/(^|\/)labels?\//, "$1images/").replace(/\.txt$/, "")
    return extensions.map((of) => `${bare}.${of}`).find((path) => tree.has(path)) ?? find(`${bare}.jpg`)
  }
}
const extensions = ["jpg", "png", "jpeg", "webp", "JPG", "PNG", "JPEG"]

/** A list of the pictures of one side, as Darknet has them, and no labels of a picture. */
const isSplitList = (path: string, find: (name: string) => string | null): boolean =>
  /(^|\/)(train|val|valid|test)\.txt$/i.test(path) && find(`${stemOf(path)}.jpg`) === null

async function* read(tree: Tree, options: ReadOptions, task: Task): AsyncGenerator<ReadItem> {
  const { yaml = "", listPath } = await classPagesOf(tree)
  const named = namesOf(yaml)
  const names =
    named.length > 0 || !listPath
      ? named
      : readText(await tree.read(listPath))
          .split(/\r?\n/)
          .map((name) => name.trim())
  const pose = /kpt_shape:\s*\[\s*(\d+)\s*,\s*([23])/.exec(yaml)
  const layout = pose ? { points: Number(pose[1]), values: Number(pose[2]) } : null
  const turned = task === "obb" || /^# task: obb$/m.test(yaml)
  const find = createFinder(tree)
  const pictureOf = createPictureOf(tree, find)
  const labels = tree.paths.filter((path) => /(^|\/)labels?\//.test(path) && path.endsWith(".txt"))
  const flat =
    labels.length > 0
      ? labels
      : tree.paths.filter((path) => path.endsWith(".txt") && path !== listPath && !isSplitList(path, find))
  /** Label files by the name of their picture; in several folders there may be more of one name. */
  const left = new Map<string, string>()
  const namesakes: string[] = []
  for (const path of flat)
    if (left.has(stemOf(path))) namesakes.push(path)
    else left.set(stemOf(path), path)
  // By the index where there is one, so that it is not held; then what it does not name.
  for await (const [file, known] of manifestRows(tree)) {
    const path = left.get(stemOf(file))
    left.delete(stemOf(file))
    yield path === undefined ? bare(file, known) : await itemAt(path, known)
  }
  const shown = new Set<string | null>()
  for (const paths of [left.values(), namesakes])
    for (const path of paths) {
      // Also where the file is refused: its picture is not one that nobody has said anything of.
      shown.add(pictureOf(path))
      yield await itemAt(path, undefined)
    }
  if (!tree.has("images.csv"))
    for (const path of tree.paths) if (isPicture(path) && !shown.has(path)) yield bare(path, undefined)

  async function itemAt(path: string, known: PartFacts | undefined): Promise<ReadItem> {
    const picture = pictureOf(path)
    const size = known?.w ? known : picture ? options.sizeOf(await tree.read(picture)) : undefined
    if (!size?.w) return refusal(path, "no_size", "neither the picture nor images.csv says how large it is")
    try {
      const text = readText(await tree.read(path))
      return itemOf(path, text, { w: size.w, h: size.h }, picture, known, stemOf(path))
    } catch (error) {
      return refusal(path, "broken", error instanceof Error ? error.message : String(error))
    }
  }

  function bare(file: string, known: PartFacts | undefined): ReadItem {
    const id = known?.id ?? uuidIn(file)
    return {
      path: file,
      picture: find(file),
      item: {
        ...partOf(known),
        ...(id !== undefined && { id }),
        image: { w: known?.w ?? 0, h: known?.h ?? 0 },
        label: withSigns(labelOf([], { verdict: known?.verdict, kinds: known?.kinds ?? [] }), known),
      },
      remarks: [],
    }
  }

  function itemOf(
    path: string,
    text: string,
    size: Size,
    picture: string | null,
    known: PartFacts | undefined,
    stem: string,
  ): ReadItem {
    const remarks: ReadItem["remarks"] = []
    const marks: { kinds: string[]; outline: Outline }[] = []
    for (const [i, raw] of text.split("\n").entries()) {
      const values = numbersOf(raw)
      const number = values.shift()
      if (number === undefined) continue
      const word = names[number]
      const kind = word === undefined ? undefined : options.kindOf(word)
      const outlines = kind === undefined ? [] : outlinesOf(values, size, layout, turned)
      if (kind === undefined) remarks.push({ path, code: "unknown_label", detail: word ?? `class ${number}` })
      else if (outlines.length === 0) remarks.push({ path, code: "broken_outline", detail: `line ${i + 1}` })
      else for (const outline of outlines) marks.push({ kinds: [kind], outline })
    }
    const split = splitOf(/(?:^|\/)(train|val|valid|test)\//.exec(path)?.[1])
    const id = known?.id ?? uuidIn(stem)
    // A label file without lines says that somebody looked and found nothing, unless the index knows better.
    const nothing = marks.length === 0 && remarks.length === 0 && known === undefined ? { verdict: "ok" } : {}
    return {
      path,
      picture,
      item: {
        ...(split !== undefined && { split }),
        ...partOf(known),
        ...(id !== undefined && { id }),
        image: { w: size.w, h: size.h },
        label: withSigns(
          labelOf(marks, { ...nothing, ...(known && { verdict: known.verdict, kinds: known.kinds }) }),
          known,
        ),
      },
      remarks,
    }
  }
}

/** The numbers of a line, whatever stands between them. */
function numbersOf(line: string): number[] {
  const out: number[] = []
  for (const word of line.split(" ")) {
    if (word === "") continue
    const number = Number(word)
    // Tabs and the like: seldom, and slower to tell apart.
    if (Number.isNaN(number)) return line.trim().split(/\s+/).map(Number)
    if (word.trim() !== "") out.push(number)
  }
  return out
}

function outlinesOf(
  values: readonly number[],
  { w, h }: Size,
  pose: { points: number; values: number } | null,
  turned: boolean,
): Outline[] {
  if (!values.every((n) => Number.isFinite(n) && n >= -0.001 && n <= 2.001)) return []
  const at = (i: number) => values[i] ?? 0
  if (pose && values.length >= 4 + pose.points * pose.values)
    return Array.from({ length: pose.points }, (_, i) => 4 + i * pose.values).flatMap((i): Outline[] =>
      pose.values === 3 && at(i + 2) === 0
        ? []
        : [{ type: "point", at: [round(at(i) * w, 3), round(at(i + 1) * h, 3)] }],
    )
  if (values.length === 4 || values.length === 5) {
    const [bw, bh] = [at(2) * w, at(3) * h]
    const box = [at(0) * w - bw / 2, at(1) * h - bh / 2, bw, bh].map((n) => round(n, 3))
    const [x = 0, y = 0, width = 0, height = 0] = box
    return width > 0 && height > 0 ? [{ type: "box", box: [x, y, width, height] }] : []
  }
  if (values.length < 6) return []
  const points = Array.from(
    { length: values.length >> 1 },
    (_, i): Point => [round(at(i * 2) * w, 3), round(at(i * 2 + 1) * h, 3)],
  )
  const made = turned && points.length === 4 ? boxOfCorners(points) : null
  if (made) return [{ type: "box", box: made.box, ...(Math.abs(made.angle) > 0.01 && { angle: made.angle }) }]
  return points.length <= 20_000 ? [{ type: "polygon", points }] : []
}

const yolo = (task: Task): Format => ({
  writes: task === "pose" ? ["point"] : areaOutlines,
  write: (source) => write(source, task),
  recognises: async (tree) => {
    if (task !== "detect" || !tree.paths.some((path) => path.endsWith(".txt"))) return false
    const { yaml, listPath } = await classPagesOf(tree)
    if (yaml === undefined && listPath === undefined) return false
    return tree.paths.some((path) => path.endsWith(".txt") && path !== listPath)
  },
  read: (tree, options) => read(tree, options, task),
})
export const yoloDetect = yolo("detect")
export const yoloSegment = yolo("segment")
export const yoloObb = yolo("obb")
export const yoloPose = yolo("pose")
