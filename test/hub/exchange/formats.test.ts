import { expect, test } from "bun:test"
import fc from "fast-check"
import type { Outline } from "#contract/drawing"
import type { ExchangeFormat, ExchangeItem } from "#contract/exchange"
import { boundsOf } from "#contract/outline"
import { recogniseFormat } from "../../../hub/exchange/formats.ts"
import { fillSpans, maskOfSpans, ringsOf, unionSpans } from "../../../hub/exchange/geometry.format.ts"
import { writeExport } from "../../../hub/exchange/survey.ts"
import { image, itemsWith, orderOf, outlines, readAll, treeOf } from "./kit.ts"

const inside = (outline: Outline) => {
  const [x, y, w, h] = boundsOf(outline)
  return x >= 0 && y >= 0 && x + w <= image.w && y + h <= image.h
}
const turnable = outlines.box.filter(inside)
const all = fc.oneof(...Object.values(outlines))

type Marks = { verdict: string | null; marks: unknown[] }
/** Numbers as far as the format keeps them. */
const near = (value: unknown, digits: number): unknown =>
  JSON.parse(JSON.stringify(value), (_key, held) =>
    typeof held === "number" ? Math.round(held * 10 ** digits) / 10 ** digits || 0 : held,
  )

const marksOf = (label: ExchangeItem["label"], digits: number): Marks => ({
  verdict: label?.verdict ?? null,
  // The flat form keeps regions by their control, others in their order.
  marks: (label?.drawing.regions ?? [])
    .flatMap(({ kinds, outline }) => kinds.map((kind) => near({ kind, outline }, digits)))
    .sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)),
})

/** Formats that keep single regions, with the outlines they keep as they are and to how many digits. */
const regional: [ExchangeFormat, fc.Arbitrary<Outline>, number][] = [
  ["csv", all, 6],
  ["parquet", all, 6],
  ["label-studio", all, 5],
  ["label-studio-min", all, 5],
  ["coco", fc.oneof(outlines.upright, outlines.polygon, outlines.mask), 2],
  ["coco-keypoints", outlines.point, 2],
  ["yolo", outlines.upright, 2],
  ["yolo-segment", outlines.polygon, 2],
  ["yolo-pose", outlines.point, 2],
  ["voc", outlines.upright, 1],
  ["datumaro", fc.oneof(outlines.upright, outlines.polygon, outlines.line, outlines.point, outlines.mask), 2],
]

for (const [format, of, digits] of regional)
  test(`${format} keeps every region, verdict, split and part through writing and reading`, async () => {
    await fc.assert(
      fc.asyncProperty(itemsWith(of), async (items) => {
        const { tree } = await treeOf(writeExport(orderOf(format, items)))
        const read = await readAll(format, tree)
        const byId = new Map(read.map((one) => [one.item?.id, one]))
        for (const item of items) {
          const one = byId.get(item.id)
          expect(one?.remarks).toEqual([])
          expect(marksOf(one?.item?.label ?? null, digits)).toEqual(marksOf(item.label, digits))
          expect(one?.item).toMatchObject({
            image: { w: image.w, h: image.h },
            captured_at: item.captured_at,
            ...(item.split && { split: item.split }),
            ...(item.part_id && { part_id: item.part_id }),
            ...(item.product_id && { product_id: item.product_id }),
          })
          expect(tree.has(one?.picture ?? "")).toBe(true)
        }
        expect(read).toHaveLength(items.length)
      }),
      { numRuns: 10 },
    )
  })

for (const format of ["coco", "yolo-obb"] as const)
  test(`${format} keeps boxes that are turned`, async () => {
    await fc.assert(
      fc.asyncProperty(itemsWith(turnable), async (items) => {
        const { tree } = await treeOf(writeExport(orderOf(format, items)))
        const byId = new Map((await readAll(format, tree)).map(({ item }) => [item?.id, item?.label ?? null]))
        for (const item of items) {
          const [was, is] = [item.label?.drawing.regions ?? [], byId.get(item.id)?.drawing.regions ?? []]
          const [before, after] = [was, is].map((regions) =>
            regions.flatMap(({ kinds, outline }) => kinds.map((kind) => ({ kind, outline }))),
          )
          expect(after?.map(({ kind }) => kind)).toEqual(before?.map(({ kind }) => kind) ?? [])
          before?.forEach(({ outline }, i) => {
            const [a, b] = [boundsOf(outline), boundsOf(after?.[i]?.outline ?? outline)]
            for (const side of [0, 1, 2, 3] as const) expect(Math.abs(a[side] - b[side])).toBeLessThan(0.05)
            expect(after?.[i]?.outline.type).toBe("box")
          })
        }
      }),
      { numRuns: 10 },
    )
  })

test("our own lines of JSON keep all there is", async () => {
  await fc.assert(
    fc.asyncProperty(itemsWith(all), async (items) => {
      const { tree } = await treeOf(writeExport(orderOf("crux-jsonl", items)))
      const read = await readAll("crux-jsonl", tree)
      expect(read.map(({ item }) => ({ v: 1 as const, ...item }))).toEqual(items as never)
    }),
    { numRuns: 15 },
  )
})

for (const format of ["image-folder", "yolo-classify", "mvtec"] as const)
  test(`${format} says by its folders what is on a part`, async () => {
    await fc.assert(
      fc.asyncProperty(itemsWith(fc.oneof(outlines.mask, outlines.upright)), async (items) => {
        const { tree } = await treeOf(writeExport(orderOf(format, items)))
        const byId = new Map((await readAll(format, tree)).map(({ item }) => [item?.id, item?.label ?? null]))
        for (const { id, label } of items) {
          expect(byId.get(id)?.verdict).toBe(label?.verdict)
          expect(new Set(byId.get(id)?.kinds)).toEqual(new Set(label?.kinds))
          if (format !== "mvtec" || !label || label.drawing.regions.length === 0) continue
          const spans = unionSpans(label.drawing.regions.map(({ outline }) => fillSpans(outline, image)))
          expect(byId.get(id)?.drawing.regions[0]?.outline).toEqual(maskOfSpans(spans, image) as Outline)
        }
      }),
      { numRuns: 12 },
    )
  })

test("masks keep pixels and classes of every region, the later ones on top", async () => {
  await fc.assert(
    fc.asyncProperty(
      itemsWith(fc.oneof(outlines.mask, outlines.polygon, outlines.ellipse)),
      async (items) => {
        const { tree } = await treeOf(writeExport(orderOf("masks", items)))
        const byId = new Map((await readAll("masks", tree)).map((one) => [one.item?.id, one]))
        for (const { id, label } of items) {
          if (!label) continue
          const owner = new Int16Array(image.w * image.h).fill(-1)
          label.drawing.regions.forEach(({ outline }, i) => {
            const spans = fillSpans(outline, image)
            for (let s = 0; s < spans.length; s += 2) owner.fill(i, spans[s], spans[s + 1])
          })
          const seen = label.drawing.regions.filter((_, i) => owner.includes(i))
          const read = byId.get(id)
          expect(read?.remarks).toEqual([])
          expect(read?.item?.label?.drawing.regions.map(({ kinds }) => kinds)).toEqual(
            seen.map(({ kinds }) => kinds),
          )
          read?.item?.label?.drawing.regions.forEach(({ outline }, i) => {
            const was = label.drawing.regions.indexOf(seen[i]!)
            const pixels = [...owner.keys()].filter((at) => owner[at] === was)
            const spans = fillSpans(outline, image)
            expect([...spans].reduce((sum, at, k) => sum + (k % 2 === 0 ? -at : at), 0)).toBe(pixels.length)
            expect(spans[0]).toBe(pixels[0]!)
          })
        }
      },
    ),
    { numRuns: 10 },
  )
})

test("the edge of a mask, walked and filled again, is the mask without its holes", () => {
  fc.assert(
    fc.property(outlines.mask, (outline) => {
      const rings = ringsOf(outline)
      const again = unionSpans(rings.map((points) => fillSpans({ type: "polygon", points }, image)))
      const was = fillSpans(outline, image)
      expect(unionSpans([again, was])).toEqual(again)
      // What it gained are holes: pixels from which no way leads out.
      const filled = new Set<number>()
      for (let i = 0; i < again.length; i += 2)
        for (let at = again[i]!; at < again[i + 1]!; at++) filled.add(at)
      for (let i = 0; i < was.length; i += 2) for (let at = was[i]!; at < was[i + 1]!; at++) filled.delete(at)
      for (const at of filled) {
        expect(at % image.h).toBeGreaterThan(0)
        expect(at).toBeGreaterThanOrEqual(image.h)
      }
    }),
    { numRuns: 40 },
  )
})

test("every format is recognised by what lies there", async () => {
  const [item] =
    fc.sample(
      itemsWith(outlines.upright).filter(([one]) => one?.label?.verdict === "ng"),
      {
        numRuns: 1,
        seed: 7,
      },
    )[0] ?? []
  const good: ExchangeItem = {
    ...item!,
    split: "train",
    id: item!.id.replace(/1$/, "9"),
    label: { verdict: "ok", kinds: [], drawing: { v: 1, regions: [] } },
  }
  const told = [
    "crux-jsonl",
    "csv",
    "parquet",
    "label-studio",
    "label-studio-min",
    "coco",
    "yolo",
    "voc",
    "mvtec",
    "masks",
    "datumaro",
  ] as const
  for (const format of told) {
    const { tree } = await treeOf(writeExport(orderOf(format, [item!, good])))
    expect([format, await recogniseFormat(tree)]).toEqual([format, format])
  }
  expect(await recogniseFormat((await treeOf(writeExport(orderOf("image-folder", [item!])))).tree)).toBe(
    "image-folder",
  )
})

test("Label Studio's own layout has its names and numbers", async () => {
  const [items = []] = fc.sample(
    itemsWith(outlines.upright).filter((list) => list.some((i) => i.label?.verdict === "ng")),
    { numRuns: 1, seed: 3 },
  )
  const yolo = await treeOf(writeExport(orderOf("yolo", items, { profile: "ls-exact" })))
  expect(
    [...yolo.files.keys()].filter((path) => !path.startsWith("labels/") && !path.startsWith("images/")),
  ).toEqual(["classes.txt", "notes.json"])
  // Alphabetical over the words of all controls, the verdict's among them.
  expect(new TextDecoder().decode(yolo.files.get("classes.txt")).split("\n").slice(0, 2)).toEqual([
    "NG",
    "OK",
  ])
  const { files } = await treeOf(writeExport(orderOf("coco", items, { profile: "ls-exact" })))
  const result = JSON.parse(new TextDecoder().decode(files.get("result.json")))
  expect(result.categories[0]).toEqual({ id: 0, name: "NG" })
  expect(result.images[0]).toMatchObject({ id: 0, file_name: `images/${items[0]!.id}.png` })
  const task = JSON.parse(
    new TextDecoder().decode(
      (await treeOf(writeExport(orderOf("label-studio", items, { profile: "ls-exact" })))).files.get(
        "result.json",
      ),
    ),
  )[0]
  expect(Object.keys(task)).toEqual(
    expect.arrayContaining([
      "id",
      "annotations",
      "drafts",
      "predictions",
      "data",
      "meta",
      "inner_id",
      "project",
    ]),
  )
})
