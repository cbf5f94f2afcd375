import * as v from "valibot"
import { ExchangeItem } from "#contract/exchange"
import { allOutlines, createFinder, type Format, pictures, textPieces } from "./entry.format.ts"
import { textLines } from "./json.format.ts"

/** One line of JSON for each picture: all that CRUX knows of it, and nothing lost. */
export const jsonlFormat: Format = {
  writes: allOutlines,
  async *write(source) {
    yield { path: "items.jsonl", content: textPieces(lines(source.items())) }
    yield* pictures(source, ({ image }) => image.file)
  },
  recognises: (tree) => tree.paths.some((path) => path.endsWith(".jsonl")),
  async *read(tree, { kindOf }) {
    const find = createFinder(tree)
    for (const path of tree.paths.filter((p) => p.endsWith(".jsonl"))) {
      const file = await tree.open(path)
      try {
        let n = 0
        for await (const some of textLines(file))
          for (const line of some) {
            n++
            if (line.trim() === "") continue
            const where = `${path}:${n}`
            const read = v.safeParse(v.pipe(v.string(), v.parseJson(), ExchangeItem), line)
            if (!read.success) {
              const detail = read.issues[0].message
              yield {
                path: where,
                picture: null,
                item: null,
                remarks: [{ path: where, code: "broken", detail }],
              }
              continue
            }
            const { v: _, image, label, ...item } = read.output
            const words = [...(label?.kinds ?? []), ...(label?.drawing.regions.flatMap((r) => r.kinds) ?? [])]
            const unknown = [...new Set(words)].filter((kind) => kindOf(kind) === undefined)
            const remarks = unknown.map((detail) => ({ path: where, code: "unknown_label", detail }))
            yield {
              path: where,
              picture: find(image.file),
              item: { ...item, image, label: label && withKinds(label, kindOf) },
              remarks,
            }
          }
      } finally {
        await file.close()
      }
    }
  },
}

async function* lines(items: AsyncIterable<ExchangeItem>) {
  for await (const item of items) yield `${JSON.stringify(item)}\n`
}

/** A label with its classes in our words; regions of unknown ones are left out, and the relations that end there. */
function withKinds(label: NonNullable<ExchangeItem["label"]>, kindOf: (label: string) => string | undefined) {
  const known = (kinds: readonly string[]) => [...new Set(kinds.flatMap((kind) => kindOf(kind) ?? []))]
  const regions = label.drawing.regions
    .map((region) => ({ ...region, kinds: known(region.kinds) }))
    .filter(({ kinds }) => kinds.length > 0)
  const ids = new Set(regions.map(({ id }) => id))
  const relations = label.drawing.relations?.filter(({ from, to }) => ids.has(from) && ids.has(to)) ?? []
  const { relations: _, ...drawing } = label.drawing
  return {
    ...label,
    kinds: known(label.kinds),
    drawing: { ...drawing, regions, ...(relations.length > 0 && { relations }) },
  }
}
