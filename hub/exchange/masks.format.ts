import * as v from "valibot"
import type { Outline } from "#contract/drawing"
import type { ExchangeItem } from "#contract/exchange"
import { fillRows, spansOfRows } from "./brush.format.ts"
import { manifest, partOf, readManifest } from "./csv.format.ts"
import {
  areaOutlines,
  createFinder,
  type Entry,
  type ExportSource,
  type Format,
  labelOf,
  pictureFile,
  pictures,
  type ReadItem,
  type ReadOptions,
  readText,
  stemOf,
  type Tree,
  textOf,
  textPieces,
  uuidIn,
  withSigns,
} from "./entry.format.ts"
import { fillSpans, maskOfSpans } from "./geometry.format.ts"
import { textLines } from "./json.format.ts"
import { decodePng, encodePng, vocColour } from "./png.format.ts"

/**
 * Pixels as labels: `semantic/` holds the number of a class in every pixel (0 is none; a palette shows them), `instance/`
 * the number of a region in 16 bits, and `instances.jsonl` what each of those regions is. Later regions lie on top.
 */
const areas = ({ label }: ExchangeItem) =>
  (label?.drawing.regions ?? []).filter(({ outline }) => outline.type !== "point" && outline.type !== "line")

const palette = Array.from({ length: 256 }, (_, number) => vocColour(number))

async function* write(source: ExportSource): AsyncGenerator<Entry> {
  const numbers = new Map(source.classes.map((name, i) => [name, i + 1]))
  const deep = source.classes.length > 255
  yield {
    path: "classes.txt",
    content: textOf(["background", ...source.classes].map((name) => `${name}\n`).join("")),
  }
  yield manifest(source)
  yield { path: "instances.jsonl", content: textPieces(instanceLines(source)) }
  for await (const item of source.items()) {
    const { image, id, label } = item
    if (!label) continue
    const total = image.w * image.h
    const [classes, instances] = [
      deep ? new Uint16Array(total) : new Uint8Array(total),
      new Uint16Array(total),
    ]
    for (const [i, { outline, kinds }] of areas(item).entries()) {
      const spans = fillSpans(outline, image)
      fillRows(spans, image.h, image.w, numbers.get(kinds[0] ?? "") ?? 0, classes)
      fillRows(spans, image.h, image.w, i + 1, instances)
    }
    yield {
      path: `semantic/${id}.png`,
      content: encodePng({ ...image, pixels: classes }, deep ? undefined : palette),
    }
    yield { path: `instance/${id}.png`, content: encodePng({ ...image, pixels: instances }) }
  }
  yield* pictures(source, (item) => `images/${pictureFile(item)}`)
}

async function* instanceLines(source: ExportSource) {
  for await (const item of source.items())
    if (item.label)
      yield `${JSON.stringify({ id: item.id, instances: areas(item).map(({ kinds }, i) => ({ number: i + 1, kinds })) })}\n`
}

const Instances = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({
    id: v.string(),
    instances: v.array(v.object({ number: v.pipe(v.number(), v.integer()), kinds: v.array(v.string()) })),
  }),
)

const largestMask = 65_535 * 4_096

async function* read(tree: Tree, options: ReadOptions): AsyncGenerator<ReadItem> {
  const facts = await readManifest(tree)
  const byStem = new Map([...facts].map(([file, fact]) => [stemOf(file), fact]))
  const classes = tree.has("classes.txt") ? readText(await tree.read("classes.txt")).split(/\r?\n/) : []
  const kindsOf = new Map<string, Map<number, string[]>>()
  if (tree.has("instances.jsonl")) {
    const file = await tree.open("instances.jsonl")
    for await (const lines of textLines(file))
      for (const line of lines) {
        const parsed = v.safeParse(Instances, line)
        if (parsed.success)
          kindsOf.set(
            parsed.output.id,
            new Map(parsed.output.instances.map(({ number, kinds }) => [number, kinds])),
          )
      }
    await file.close()
  }
  const find = createFinder({
    ...tree,
    paths: tree.paths.filter((path) => !/^(semantic|instance)\//.test(path)),
  })
  for (const path of tree.paths.filter((p) => /^semantic\/[^/]+\.png$/.test(p))) {
    const stem = stemOf(path)
    const instancePath = `instance/${stem}.png`
    const byInstance = kindsOf.get(stem)
    const from = byInstance && tree.has(instancePath) ? instancePath : path
    const remarks: ReadItem["remarks"] = []
    const png = decodePng(await tree.read(from), largestMask)
    if (png?.channels !== 1) {
      const detail = "not a picture of numbers (grey or palette PNG)"
      yield { path: from, picture: null, item: null, remarks: [{ path: from, code: "broken", detail }] }
      continue
    }
    const marks: { kinds: string[]; outline: Outline }[] = []
    for (const number of numbersIn(png.samples)) {
      const words = from === path ? [classes[number] ?? ""] : (byInstance?.get(number) ?? [])
      const kinds = words.flatMap((word) => options.kindOf(word) ?? [])
      if (kinds.length === 0)
        remarks.push({ path: from, code: "unknown_label", detail: words[0] || `number ${number}` })
      const marked = Uint8Array.from(png.samples, (sample) => (sample === number ? 1 : 0))
      const outline = maskOfSpans(spansOfRows(marked, png.w, png.h), png)
      if (kinds.length > 0 && outline) marks.push({ kinds, outline })
    }
    const known = byStem.get(stem)
    const id = known?.id ?? uuidIn(stem)
    yield {
      path,
      picture: find(stem),
      item: {
        ...partOf(known),
        ...(id !== undefined && { id }),
        image: { w: png.w, h: png.h },
        label: withSigns(
          labelOf(
            marks,
            known
              ? { verdict: known.verdict, kinds: known.kinds }
              : marks.length === 0
                ? { verdict: "ok" }
                : {},
          ),
          known,
        ),
      },
      remarks,
    }
  }
}

function numbersIn(samples: Uint8Array | Uint16Array): number[] {
  const seen = new Uint8Array(65_536)
  for (const sample of samples) seen[sample] = 1
  const out: number[] = []
  for (let number = 1; number < seen.length; number++) if (seen[number]) out.push(number)
  return out
}

export const masks: Format = {
  writes: areaOutlines,
  write,
  recognises: (tree) => tree.paths.some((path) => /^semantic\/[^/]+\.png$/.test(path)),
  read,
}
