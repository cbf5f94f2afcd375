import type { ExchangeItem } from "#contract/exchange"
import { instance, keypoint } from "./coco-annotation.format.ts"
import { documents, readDocument } from "./coco-document.format.ts"
import { createFacts, manifest } from "./csv.format.ts"
import {
  areaOutlines,
  type Entry,
  type ExportSource,
  type Format,
  itemsOfSplit,
  pictureFile,
  pictures,
  type ReadOptions,
  type Split,
  splitName,
  type Tree,
  textPieces,
} from "./entry.format.ts"

/** COCO: boxes, polygons and run-length masks of instances, or keypoints. */
const placeOf = (source: ExportSource, item: ExchangeItem) =>
  source.profile === "ls-exact"
    ? `images/${pictureFile(item)}`
    : `images/${splitName(item.split)}/${pictureFile(item)}`

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
