import fc from "fast-check"
import type { Answer, Drawing, Outline, Region } from "#contract/drawing"
import type { ExchangeFormat, ExchangeItem } from "#contract/exchange"
import { encodeRuns } from "#contract/outline"
import type { Entry, ReadOptions, Tree } from "../../../hub/exchange/entry.format.ts"
import { formats } from "../../../hub/exchange/formats.ts"
import { encodePng } from "../../../hub/exchange/png.format.ts"
import type { ExportOrder } from "../../../hub/exchange/survey.ts"

export const image = { w: 64, h: 48 }

/** Tenths of a pixel, as the editor stores them. */
const along = (most: number) => fc.integer({ min: 0, max: most * 10 }).map((n) => n / 10)
const point = fc.tuple(along(image.w), along(image.h))
const box = fc
  .tuple(along(image.w - 10), along(image.h - 10), along(99), along(99))
  .map(([x, y, w, h]): [number, number, number, number] => [
    x,
    y,
    Math.min(w + 0.1, image.w - x),
    Math.min(h + 0.1, image.h - y),
  ])
const angle = fc.integer({ min: -1799, max: 1800 }).map((n) => n / 10)
const turn = fc.oneof(
  fc.constant({}),
  angle.map((a) => (a === 0 ? {} : { angle: a })),
)

export const mask: fc.Arbitrary<Outline & { type: "mask" }> = fc
  .array(fc.tuple(fc.nat(image.w * image.h - 2), fc.integer({ min: 1, max: 90 })), {
    minLength: 1,
    maxLength: 12,
  })
  .map((runs) => {
    const total = image.w * image.h
    const spans: number[] = []
    for (const [start, length] of runs.sort((a, b) => a[0] - b[0])) {
      const end = Math.min(total, start + length)
      if (spans.length > 0 && start <= spans.at(-1)!) spans[spans.length - 1] = Math.max(end, spans.at(-1)!)
      else spans.push(start, end)
    }
    return {
      type: "mask" as const,
      size: [image.h, image.w] as const,
      counts: encodeRuns(Int32Array.from(spans), total),
    }
  })
  .map((m) => ({ ...m, size: [m.size[0], m.size[1]] as [number, number] }))

export const outlines = {
  box: fc.tuple(box, turn).map(([b, t]): Outline => ({ type: "box", box: b, ...t })),
  upright: box.map((b): Outline => ({ type: "box", box: b })),
  ellipse: fc.tuple(box, turn).map(([b, t]): Outline => ({ type: "ellipse", box: b, ...t })),
  polygon: fc
    .array(point, { minLength: 3, maxLength: 8 })
    .map((points): Outline => ({ type: "polygon", points })),
  line: fc.array(point, { minLength: 2, maxLength: 8 }).map((points): Outline => ({ type: "line", points })),
  point: point.map((at): Outline => ({ type: "point", at })),
  mask: mask as fc.Arbitrary<Outline>,
}
export const anyOutline = fc.oneof(...Object.values(outlines))

export const kind = fc.constantFrom("scratch", "dent", "stain", "burr-2", "a.b_c")
const text = fc.string({ maxLength: 20 })
const choice = fc.string({ minLength: 1, maxLength: 10 }).filter((t) => t !== "true" && t !== "false")
const answer: fc.Arbitrary<Answer> = fc.oneof(
  text,
  fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 }).map((n) => n || 0),
  fc.boolean(),
  fc.array(choice, { maxLength: 3 }),
  fc.array(fc.array(choice, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 3 }),
)
const answers = fc.dictionary(fc.constantFrom("note", "depth", "side", "cause.1"), answer, {
  minKeys: 1,
  maxKeys: 3,
})

/** A drawing of regions with these outlines, as rich as ours can be. */
export const drawings = (of: fc.Arbitrary<Outline> = anyOutline): fc.Arbitrary<Drawing> =>
  fc
    .record({
      regions: fc.array(
        fc.record(
          {
            kinds: fc.uniqueArray(kind, { minLength: 1, maxLength: 3 }),
            outline: of,
            by: fc.constantFrom("model" as const, "person" as const),
            score: fc.integer({ min: 0, max: 1000 }).map((n) => n / 1000),
            locked: fc.constant(true as const),
            hidden: fc.constant(true as const),
            answers,
          },
          { requiredKeys: ["kinds", "outline", "by"] },
        ),
        { maxLength: 6 },
      ),
      links: fc.array(fc.tuple(fc.nat(5), fc.nat(5), fc.option(fc.constantFrom("causes", "near"))), {
        maxLength: 3,
      }),
      answers: fc.option(answers),
    })
    .map(({ regions, links, answers: whole }) => {
      const relations = links
        .filter(([a, b]) => a !== b && a < regions.length && b < regions.length)
        .map(([a, b, of]) => ({ from: `r-${a}`, to: `r-${b}`, ...(of && { kind: of }) }))
      return {
        v: 1,
        regions: regions.map((region, i) => ({ id: `r-${i}`, ...region }) as Region),
        ...(relations.length > 0 && { relations }),
        ...(whole && { answers: whole }),
      }
    })

/** Numbers to six digits, so that what went through percent and sines compares equal. */
export const rounded = <T>(value: T): T =>
  JSON.parse(JSON.stringify(value), (_key, held) =>
    typeof held === "number" ? Math.round(held * 1e5) / 1e5 || 0 : held,
  )

/** Entries of an export as a tree in memory. */
export async function treeOf(
  entries: AsyncIterable<Entry>,
): Promise<{ tree: Tree; files: Map<string, Uint8Array> }> {
  const files = new Map<string, Uint8Array>()
  for await (const { path, content } of entries) {
    const whole = typeof content === "function" ? await content() : content
    files.set(path, whole instanceof Uint8Array ? whole : await joined(whole))
  }
  const get = (path: string) => {
    const bytes = files.get(path)
    if (!bytes) throw new Error(`no ${path}`)
    return bytes
  }
  const tree: Tree = {
    paths: [...files.keys()].sort(),
    has: (path) => files.has(path),
    read: async (path) => get(path),
    open: async (path) => ({
      size: get(path).length,
      slice: async (start, end) => get(path).slice(start, end),
      close: async () => {},
    }),
  }
  return { tree, files }
}

export async function joined(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = []
  for await (const piece of pieces) all.push(piece)
  return new Uint8Array(Buffer.concat(all))
}

const png = encodePng({ ...image, pixels: new Uint8Array(image.w * image.h).fill(90) })
export const pictureOf = async (): Promise<Uint8Array> => png

const hex = (n: number, length: number) => n.toString(16).padStart(length, "0")
export const uuid = (n: number) => `00000000-0000-7000-8000-${hex(n, 12)}`

/** Labelled pictures whose regions have these outlines; some are good, some nobody has judged. */
export const itemsWith = (of: fc.Arbitrary<Outline>): fc.Arbitrary<ExchangeItem[]> =>
  fc
    .array(
      fc.record(
        {
          what: fc.constantFrom("ok", "ng", "ng", "ng", "none"),
          drawing: drawings(of),
          split: fc.constantFrom("train" as const, "val" as const, "test" as const),
          part_id: fc.constantFrom("SN-1", "=SUM(A1)", 'a "b", c', "'quoted", "품번 7"),
          product_id: fc.constantFrom("lid", "box-2"),
        },
        { requiredKeys: ["what", "drawing"] },
      ),
      { minLength: 1, maxLength: 4 },
    )
    .map((list) =>
      list.map(({ what, drawing, ...part }, i): ExchangeItem => {
        const bad = what === "ng" && drawing.regions.length > 0
        const kinds = [...new Set(drawing.regions.flatMap((region) => region.kinds))]
        return {
          v: 1,
          id: uuid(i + 1),
          image: { file: `images/${uuid(i + 1)}.png`, sha256: hex(i + 1, 64), mime: "image/png", ...image },
          ...part,
          captured_at: 1_700_000_000_000 + i,
          label:
            what === "none"
              ? null
              : bad
                ? { verdict: "ng", kinds, drawing, by: "Kim", at: 1_700_000_100_000 }
                : {
                    verdict: "ok",
                    kinds: [],
                    drawing: { v: 1, regions: [] },
                    by: "Kim",
                    at: 1_700_000_100_000,
                  },
        }
      }),
    )

export const orderOf = (
  format: ExchangeFormat,
  items: readonly ExchangeItem[],
  more: Partial<ExportOrder> = {},
): ExportOrder => ({
  format,
  profile: "clean",
  classes: ["dent", "scratch"],
  picture: pictureOf,
  items: async function* () {
    yield* items
  },
  ...more,
})
export const readOptions: ReadOptions = {
  kindOf: (label) => (/^[a-z0-9][a-z0-9_.-]{0,63}$/.test(label) ? label : undefined),
  sizeOf: () => image,
}
export async function readAll(format: ExchangeFormat, tree: Tree) {
  const out = []
  for await (const read of formats[format].read(tree, readOptions)) out.push(read)
  return out
}
