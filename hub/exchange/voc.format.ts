import type { Outline } from "#contract/drawing"
import type { ExchangeItem } from "#contract/exchange"
import { manifest, partOf, readManifest } from "./csv.format.ts"
import {
  areaOutlines,
  createFinder,
  type Entry,
  type ExportSource,
  type Format,
  isPicture,
  itemsOfSplit,
  labelOf,
  pictureFile,
  pictures,
  type ReadItem,
  type ReadOptions,
  readText,
  refusal,
  splitName,
  splitOf,
  stemOf,
  type Tree,
  textOf,
  textPieces,
  uuidIn,
  withSigns,
} from "./entry.format.ts"
import { boundsOn, round } from "./geometry.format.ts"
import { vocColour } from "./png.format.ts"

/** Pascal VOC: one XML file of upright boxes for each picture. Corners keep their fractions; most readers take them. */
const escaped = (text: string) =>
  text.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c] ?? c)

function xmlOf({ id, image, label }: ExchangeItem, file: string): string {
  const objects = (label?.drawing.regions ?? []).flatMap(({ kinds, outline }) => {
    if (outline.type === "point" || outline.type === "line") return []
    const [x, y, w, h] = boundsOn(outline, image)
    const [xmin, ymin, xmax, ymax] = [x, y, x + w, y + h].map((n) => round(n, 2))
    return kinds.map(
      (kind) => `  <object>
    <name>${escaped(kind)}</name>
    <pose>Unspecified</pose>
    <truncated>0</truncated>
    <difficult>0</difficult>
    <bndbox><xmin>${xmin}</xmin><ymin>${ymin}</ymin><xmax>${xmax}</xmax><ymax>${ymax}</ymax></bndbox>
  </object>
`,
    )
  })
  return `<annotation>
  <folder>JPEGImages</folder>
  <filename>${escaped(file)}</filename>
  <source><database>CRUX</database><annotation>${id}</annotation></source>
  <size><width>${image.w}</width><height>${image.h}</height><depth>3</depth></size>
  <segmented>0</segmented>
${objects.join("")}</annotation>
`
}

async function* write(source: ExportSource): AsyncGenerator<Entry> {
  const exact = source.profile === "ls-exact"
  const folder = exact ? "images" : "JPEGImages"
  if (!exact) {
    yield manifest(source)
    // Classes of one's own must be declared to readers that know only those of the challenge.
    const declared = ["background", ...source.classes].map(
      (name, i) => `${name}:${vocColour(i).join(",")}::\n`,
    )
    yield { path: "labelmap.txt", content: textOf(`# label:color_rgb:parts:actions\n${declared.join("")}`) }
  }
  for await (const item of source.items())
    if (item.label || exact)
      yield { path: `Annotations/${item.id}.xml`, content: textOf(xmlOf(item, pictureFile(item))) }
  if (!exact)
    for (const split of source.splits)
      yield { path: `ImageSets/Main/${splitName(split)}.txt`, content: textPieces(idsOf(source, split)) }
  yield* pictures(source, (item) => `${folder}/${pictureFile(item)}`)
}

async function* idsOf(source: ExportSource, split: ExchangeItem["split"]) {
  for await (const item of itemsOfSplit(source, split)) if (item.label) yield `${item.id}\n`
}

const bareOf = (path: string) => path.replace(/\.[^./]+$/, "")
const isAnnotation = (path: string) => /\.xml$/i.test(path)
const named: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" }
const unescaped = (text: string) =>
  text
    .trim()
    .replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|(\w+));/gi, (all, decimal, hex, name) =>
      name
        ? (named[name] ?? all)
        : String.fromCodePoint(Math.min(0x10ffff, Number.parseInt(decimal ?? hex, decimal ? 10 : 16))),
    )
/** The text of the first element of this name. These files have no attributes and no namespaces; a DTD is not read. */
const inner = (xml: string, name: string): string | undefined =>
  new RegExp(`<${name}(?:\\s[^>]*)?>([\\s\\S]*?)</${name}>`).exec(xml)?.[1]

async function* read(tree: Tree, { kindOf }: ReadOptions): AsyncGenerator<ReadItem> {
  const facts = await readManifest(tree)
  const byStem = new Map([...facts].map(([file, fact]) => [stemOf(file), fact]))
  const splits = new Map<string, ReturnType<typeof splitOf>>()
  for (const path of tree.paths.filter((p) => /(^|\/)ImageSets\/Main\/\w+\.txt$/.test(p)))
    for (const name of readText(await tree.read(path)).split(/\s+/)) splits.set(name, splitOf(stemOf(path)))
  const find = createFinder(tree)
  const done = new Set<string>()
  const [shown, folders] = [new Set<string>(), new Set<string>()]
  for (const path of tree.paths.filter(isAnnotation)) {
    const stem = stemOf(path)
    done.add(stem)
    const folder = path.slice(0, path.lastIndexOf("/") + 1)
    const pictures = folder.replace(/Annotations\//i, "JPEGImages/")
    folders.add(pictures)
    // Also where the file is refused: its picture is not one that nobody has said anything of.
    shown.add(`${pictures}${stem}`)
    let xml: string
    try {
      xml = readText(await tree.read(path))
    } catch (error) {
      yield refusal(path, "broken", error instanceof Error ? error.message : String(error))
      continue
    }
    const size = inner(xml, "size") ?? ""
    const [w, h] = [Number(inner(size, "width")), Number(inner(size, "height"))]
    if (!/<annotation[\s>]/.test(xml) || !(w > 0 && h > 0)) {
      yield refusal(path, "broken", "not an annotation with a size")
      continue
    }
    const remarks: ReadItem["remarks"] = []
    const marks: { kinds: string[]; outline: Outline }[] = []
    for (const [, object = ""] of xml.matchAll(/<object(?:\s[^>]*)?>([\s\S]*?)<\/object>/g)) {
      const word = unescaped(inner(object, "name") ?? "")
      const box = inner(object, "bndbox") ?? ""
      const [xmin = 0, ymin = 0, xmax = 0, ymax = 0] = ["xmin", "ymin", "xmax", "ymax"].map((name) =>
        Number(inner(box, name)),
      )
      const kind = kindOf(word)
      const [bw, bh] = [round(xmax - xmin, 2), round(ymax - ymin, 2)]
      if (kind === undefined) remarks.push({ path, code: "unknown_label", detail: word })
      else if (!(bw > 0 && bh > 0)) remarks.push({ path, code: "broken_outline", detail: word })
      else marks.push({ kinds: [kind], outline: { type: "box", box: [xmin, ymin, bw, bh] } })
    }
    const known = byStem.get(stem)
    const file = unescaped(inner(xml, "filename") ?? "")
    const id = known?.id ?? uuidIn(stem)
    const split =
      known?.split ?? splits.get(stem) ?? splitOf(/(?:^|\/)(train|valid?|test)\//.exec(folder)?.[1])
    const nothing = marks.length === 0 && remarks.length === 0 && known === undefined ? { verdict: "ok" } : {}
    const picture = find(file, folder) ?? find(file, pictures) ?? find(stem)
    if (picture !== null) shown.add(bareOf(picture))
    yield {
      path,
      picture,
      item: {
        ...partOf(known),
        ...(split !== undefined && { split }),
        ...(id !== undefined && { id }),
        image: { w, h },
        label: withSigns(
          labelOf(marks, { ...nothing, ...(known && { verdict: known.verdict, kinds: known.kinds }) }),
          known,
        ),
      },
      remarks,
    }
  }
  // Nobody has said anything of these: they come in without a label. Masks lie in folders of their own.
  if (facts.size === 0)
    for (const path of tree.paths)
      if (
        isPicture(path) &&
        !shown.has(bareOf(path)) &&
        [...folders].some((folder) => path.startsWith(folder))
      )
        yield { path, picture: path, item: { image: { w: 0, h: 0 }, label: null }, remarks: [] }
  for (const [file, known] of facts)
    if (!done.has(stemOf(file)))
      yield {
        path: file,
        picture: find(file),
        item: {
          ...partOf(known),
          image: { w: known.w, h: known.h },
          label: withSigns(labelOf([], { verdict: known.verdict, kinds: known.kinds }), known),
        },
        remarks: [],
      }
}

export const voc: Format = {
  writes: areaOutlines,
  write,
  // Some lay a file beside each picture instead of into a folder of its own.
  async recognises(tree) {
    const first = tree.paths.find(isAnnotation)
    if (first === undefined || /(^|\/)Annotations\/[^/]+$/i.test(first)) return first !== undefined
    const text = await tree.read(first).then(readText, () => "")
    return /<annotation[\s>]/.test(text)
  },
  read,
}
