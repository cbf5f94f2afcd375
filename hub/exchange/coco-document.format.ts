import type { Outline } from "#contract/drawing"
import { outlinesOf } from "./coco-annotation.format.ts"
import { createPlaces, createWindow } from "./coco-places.format.ts"
import { type createFacts, partOf } from "./csv.format.ts"
import {
  createFinder,
  labelOf,
  type ReadItem,
  type ReadOptions,
  refusal,
  splitOf,
  type Tree,
  uuidIn,
  withSigns,
} from "./entry.format.ts"
import { jsonElements, parseJson } from "./json.format.ts"

const isDocument = (path: string) => /\.json$/i.test(path)

/** The files of COCO in a tree. */
export async function documents(tree: Tree): Promise<string[]> {
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

/** The pictures of one file, each with its annotations, wherever in the file they stand. */
export async function* readDocument(
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
    // `instances_train2017.json` is of the folder `train2017`; others lie in the folder of their pictures.
    const part = /_(\w+)\.json$/.exec(path)?.[1]
    const split =
      splitOf(part?.replace(/\d+$/, "")) ?? splitOf(/(?:^|\/)(train|valid?|test)\/[^/]+$/.exec(path)?.[1])
    const beside = path.replace(/[^/]*$/, "")
    const above = beside.replace(/annotations\/$/, "")
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
        picture: find(image.name, beside) ?? (part ? find(`${part}/${image.name}`, above) : null),
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
