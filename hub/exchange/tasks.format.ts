import type { ExchangeItem } from "#contract/exchange"
import {
  allOutlines,
  createFinder,
  type ExportSource,
  type Format,
  pictures,
  type ReadItem,
  type ReadOptions,
  refusal,
  splitOf,
  type Tree,
  textPieces,
  uuidIn,
} from "./entry.format.ts"
import { jsonElements, parseJson } from "./json.format.ts"
import { type LabelStudioDialect, plainDialect, readResults, writeResults } from "./label-studio.format.ts"
import { readMin, writeMin } from "./label-studio-min.format.ts"
import { sizeOfResults, taskOf } from "./label-studio-task.format.ts"

/** Files of Label Studio: JSON (whole tasks) and JSON_MIN (flat). */

const dataOf = (item: ExchangeItem) => ({
  image: item.image.file,
  crux_id: item.id,
  width: item.image.w,
  height: item.image.h,
  ...(item.split !== undefined && { split: item.split }),
  ...(item.station !== undefined && { station: item.station }),
  ...(item.part_id !== undefined && { part_id: item.part_id }),
  ...(item.product_id !== undefined && { product_id: item.product_id }),
  ...(item.captured_at !== undefined && { captured_at: item.captured_at }),
})
const time = (at: number) => new Date(at).toISOString().replace("Z", "000Z")

function taskFor(item: ExchangeItem, n: number, exact: boolean) {
  const { label } = item
  const at = time(label?.at ?? item.captured_at ?? 0)
  const created = { created_at: at, updated_at: at }
  const annotation = label && {
    id: n,
    ...(exact && {
      task: n,
      project: 1,
      completed_by: 1,
      updated_by: 1,
      parent_prediction: null,
      parent_annotation: null,
    }),
    was_cancelled: false,
    ground_truth: false,
    ...created,
    unique_id: item.id,
    ...(exact && {
      draft_created_at: null,
      lead_time: null,
      import_id: null,
      last_action: null,
      last_created_by: null,
      result_count: 0,
      prediction: {},
    }),
    result: writeResults(label, item.image),
  }
  return {
    id: n,
    annotations: annotation ? [annotation] : [],
    ...(exact && { drafts: [] }),
    predictions: [],
    data: dataOf(item),
    ...(exact && {
      meta: {},
      ...created,
      inner_id: n,
      total_annotations: annotation ? 1 : 0,
      cancelled_annotations: 0,
      total_predictions: 0,
      comment_count: 0,
      unresolved_comment_count: 0,
      last_comment_updated_at: null,
      project: 1,
      updated_by: annotation ? 1 : null,
      comment_authors: [],
    }),
  }
}

async function* jsonList(items: AsyncIterable<ExchangeItem>, of: (item: ExchangeItem, n: number) => unknown) {
  let n = 0
  for await (const item of items) {
    const made = of(item, ++n)
    yield `${n === 1 ? "[" : ",\n"}${JSON.stringify(made)}`
  }
  yield n === 0 ? "[]\n" : "]\n"
}

const file = (source: ExportSource, path: string, of: (item: ExchangeItem, n: number) => unknown) => ({
  path,
  content: textPieces(jsonList(source.items(), of)),
})

const isJson = (path: string) => /\.json$/i.test(path)

/** First value of a JSON list, to see what it is. */
async function firstOf(tree: Tree, path: string): Promise<unknown> {
  const opened = await tree.open(path)
  try {
    for await (const [first] of jsonElements(opened))
      return first && first.key === "" ? parseJson(first.bytes) : undefined
  } catch {
    return undefined
  } finally {
    await opened.close()
  }
  return undefined
}

async function lists(tree: Tree, is: (first: unknown) => boolean): Promise<string[]> {
  const out: string[] = []
  for (const path of tree.paths.filter(isJson).slice(0, 100))
    if (is(await firstOf(tree, path))) out.push(path)
  return out
}
const isTask = (first: unknown) => typeof first === "object" && first !== null && "data" in first
const isFlat = (first: unknown) =>
  typeof first === "object" &&
  first !== null &&
  !("data" in first) &&
  ("annotation_id" in first || "annotator" in first)

async function* elements(tree: Tree, paths: readonly string[]) {
  for (const path of paths) {
    const opened = await tree.open(path)
    try {
      let n = 0
      for await (const some of jsonElements(opened))
        for (const { bytes } of some) yield { where: `${path}[${n++}]`, bytes }
    } finally {
      await opened.close()
    }
  }
}

const verdictWords = new Set(Object.values(plainDialect.verdict ?? {}).flat())
/** Whether a word of a verdict is among some choices; those of a tree are lists. */
const saysVerdict = (value: unknown): boolean =>
  typeof value === "object" &&
  value !== null &&
  "choices" in value &&
  Array.isArray(value.choices) &&
  value.choices.flat().some((word) => verdictWords.has(word))

/** The words of the config are not in the file: any choices of OK and NG are the verdict. */
function dialectOf(kindOf: ReadOptions["kindOf"], results: readonly unknown[]): LabelStudioDialect {
  const words = plainDialect.verdict
  const control = results.find(
    (r): r is { from_name: string } =>
      typeof r === "object" &&
      r !== null &&
      "type" in r &&
      r.type === "choices" &&
      "from_name" in r &&
      "value" in r &&
      saysVerdict(r.value),
  )?.from_name
  return { ...plainDialect, kindOf, verdict: words && { ...words, control: control ?? words.control } }
}

type Said = {
  where: string
  data: Record<string, unknown>
  results: readonly unknown[] | null
  at?: string | null | undefined
}

function itemOf(
  { where, data, results, at }: Said,
  find: (name: string) => string | null,
  options: ReadOptions,
): ReadItem {
  const text = (key: string) => (typeof data[key] === "string" && data[key] !== "" ? data[key] : undefined)
  const number = (key: string) => (typeof data[key] === "number" ? data[key] : undefined)
  const address =
    text("image") ??
    Object.values(data).find(
      (value) => typeof value === "string" && /\.(jpe?g|png|webp)(\?.*)?$/i.test(value),
    )
  const name = typeof address === "string" ? nameOf(address) : ""
  const said = results === null ? null : sizeOfResults(results)
  const size = said ?? { w: number("width") ?? 0, h: number("height") ?? 0 }
  const id = text("crux_id") ?? uuidIn(name)
  const split = splitOf(text("split"))
  const [station, part_id, product_id] = [
    text("station"),
    text("part_id") ?? text("serial"),
    text("product_id"),
  ]
  const captured_at = number("captured_at")
  const read =
    results === null || size.w === 0 ? null : readResults(results, size, dialectOf(options.kindOf, results))
  const labelledAt = at ? Date.parse(at) : Number.NaN
  const regions = read?.drawing.regions ?? []
  const verdict = read?.verdict ?? (regions.length > 0 ? "ng" : null)
  const remarks = (read?.remarks ?? []).map((remark) => ({ path: where, ...remark }))
  if (results !== null && results.length > 0 && !read)
    remarks.push({ path: where, code: "no_size", detail: "no result says how large the picture is" })
  return {
    path: where,
    picture: find(name),
    item: {
      ...(id !== undefined && { id }),
      ...(split !== undefined && { split }),
      ...(station !== undefined && { station }),
      ...(part_id !== undefined && { part_id }),
      ...(product_id !== undefined && { product_id }),
      ...(captured_at !== undefined && { captured_at }),
      image: size,
      label:
        read && verdict
          ? {
              verdict,
              kinds: [...new Set(regions.flatMap((region) => region.kinds))].slice(0, 16),
              drawing: read.drawing,
              ...(Number.isFinite(labelledAt) && { at: labelledAt }),
            }
          : null,
    },
    remarks,
  }
}

/** The file an address of Label Studio means: an upload, a local file, or any URL. */
function nameOf(address: string): string {
  const local = /[?&]d=([^&]+)/.exec(address)?.[1]
  const path = local ?? address.replace(/^[a-z0-9]+:\/\/[^/]*/i, "").replace(/[?#].*$/, "")
  try {
    return decodeURIComponent(path).replace(/^\/+/, "")
  } catch {
    return path.replace(/^\/+/, "")
  }
}

export const labelStudioJson: Format = {
  writes: allOutlines,
  async *write(source) {
    yield file(source, "result.json", (item, n) => taskFor(item, n, source.profile === "ls-exact"))
    yield* pictures(source, ({ image }) => image.file)
  },
  recognises: async (tree) => (await lists(tree, isTask)).length > 0,
  async *read(tree, options) {
    const find = createFinder(tree)
    for await (const { where, bytes } of elements(tree, await lists(tree, isTask))) {
      let raw: unknown
      try {
        raw = parseJson(bytes)
      } catch (error) {
        yield refusal(where, "broken", String(error))
        continue
      }
      const task = taskOf(raw)
      if (typeof task === "string") {
        yield refusal(where, "broken", task)
        continue
      }
      const { data, annotations } = task
      const counting = (annotations ?? []).filter(({ was_cancelled }) => !was_cancelled)
      // The newest says what counts; the others are told, not lost in silence.
      const newest = counting.reduce<(typeof counting)[number] | undefined>(
        (best, one) => (best && (best.updated_at ?? "") > (one.updated_at ?? "") ? best : one),
        undefined,
      )
      const read = itemOf(
        { where, data, results: newest?.result ?? null, at: newest?.updated_at },
        find,
        options,
      )
      if (counting.length > 1)
        read.remarks.push({
          path: where,
          code: "several_annotations",
          detail: `${counting.length}; the newest is taken`,
        })
      yield read
    }
  },
}

export const labelStudioMin: Format = {
  writes: allOutlines,
  async *write(source) {
    yield file(source, "result.json", (item, n) => {
      const { label } = item
      if (!label) return { ...dataOf(item), id: n, annotator: null, annotation_id: null }
      const at = time(label.at ?? item.captured_at ?? 0)
      const facts = { id: n, annotator: 1, annotation_id: n, created_at: at, updated_at: at, lead_time: null }
      return writeMin(dataOf(item), writeResults(label, item.image), facts)
    })
    yield* pictures(source, ({ image }) => image.file)
  },
  recognises: async (tree) => (await lists(tree, isFlat)).length > 0,
  async *read(tree, options) {
    const find = createFinder(tree)
    for await (const { where, bytes } of elements(tree, await lists(tree, isFlat))) {
      let raw: unknown
      try {
        raw = parseJson(bytes)
      } catch (error) {
        yield refusal(where, "broken", String(error))
        continue
      }
      if (typeof raw !== "object" || raw === null || Array.isArray(raw)) {
        yield refusal(where, "broken", "not a task")
        continue
      }
      const flat = raw as Record<string, unknown>
      const { data, results } = readMin(flat)
      const verdict =
        typeof data.verdict === "string"
          ? [{ from_name: "verdict", type: "choices", value: { choices: [data.verdict] } }]
          : []
      const labelled = typeof flat.annotation_id === "number" || typeof flat.annotation_id === "string"
      yield itemOf(
        {
          where,
          data,
          results: labelled ? [...verdict, ...results] : null,
          at: typeof flat.updated_at === "string" ? flat.updated_at : null,
        },
        find,
        options,
      )
    }
  },
}
