import { expect, test } from "bun:test"
import fc from "fast-check"
import * as v from "valibot"
import { Drawing } from "#contract/drawing"
import { spansOf } from "#contract/outline"
import { decodeBrush, encodeBrush, spansOfRows } from "../../../hub/exchange/brush.format.ts"
import { maskOfSpans } from "../../../hub/exchange/geometry.format.ts"
import { plainDialect, readResults, writeResults } from "../../../hub/exchange/label-studio.format.ts"
import { readMin, writeMin } from "../../../hub/exchange/label-studio-min.format.ts"
import { sizeOfResults, taskOf } from "../../../hub/exchange/label-studio-task.format.ts"
import { decodePng, encodePng } from "../../../hub/exchange/png.format.ts"
import { drawings, image, mask, outlines, rounded } from "./kit.ts"

const verdicts = fc.constantFrom("ok" as const, "ng" as const, "unsure" as const, null)

test("whatever is drawn comes back from Label Studio's results as it was", () => {
  fc.assert(
    fc.property(drawings(), verdicts, (drawing, verdict) => {
      const read = readResults(JSON.parse(JSON.stringify(writeResults({ verdict, drawing }, image))), image)
      expect(read.remarks).toEqual([])
      expect(read.verdict).toBe(verdict)
      expect(rounded(read.drawing)).toEqual(rounded(drawing))
    }),
    { numRuns: 150 },
  )
})

test("a box turned about its corner there is turned about its middle here", () => {
  const value = { x: 20, y: 20, width: 30, height: 20, rotation: 90, rectanglelabels: ["scratch"] }
  const { drawing } = readResults(
    [{ id: "box1", type: "rectanglelabels", value, original_width: 1000, original_height: 500 }],
    { w: 1000, h: 500 },
  )
  // Its corners are (200, 100) (200, 400) (100, 400) (100, 100): 300 × 100 turned by 90° about (150, 250).
  expect(drawing.regions[0]?.outline).toEqual({ type: "box", box: [0, 200, 300, 100], angle: 90 })
})

test("a box of another class of controls, with its label in a second result, is one region with its note", () => {
  const place = { original_width: 100, original_height: 100, image_rotation: 0 }
  const geometry = { x: 10, y: 10, width: 20, height: 20, rotation: 0 }
  const { drawing, remarks } = readResults(
    [
      { id: "Ab_1", from_name: "rect", type: "rectangle", ...place, value: geometry },
      { id: "Ab_1", from_name: "cls", type: "labels", ...place, value: { ...geometry, labels: ["dent"] } },
      {
        id: "Ab_1",
        from_name: "note",
        type: "textarea",
        ...place,
        value: { ...geometry, text: ["near rivet"] },
      },
    ],
    { w: 100, h: 100 },
  )
  expect(remarks).toEqual([])
  expect(drawing.regions).toHaveLength(1)
  expect(drawing.regions[0]).toMatchObject({ kinds: ["dent"], answers: { note: "near rivet" }, by: "person" })
  expect(v.is(Drawing, drawing)).toBe(true)
})

test("classes nobody knows, broken outlines and lost ends are told, and the rest is read", () => {
  const size = { original_width: 100, original_height: 100 }
  const good = { x: 1, y: 1, width: 5, height: 5, rotation: 0 }
  const { drawing, remarks, verdict } = readResults(
    [
      { id: "v", from_name: "verdict", type: "choices", value: { choices: ["NOK"] } },
      { id: "a", type: "rectanglelabels", ...size, value: { ...good, rectanglelabels: ["스크래치"] } },
      { id: "b", type: "rectanglelabels", ...size, value: { ...good, width: 0, rectanglelabels: ["dent"] } },
      { id: "c", type: "rectanglelabels", ...size, value: { ...good, rectanglelabels: ["dent"] } },
      { type: "relation", from_id: "a", to_id: "nowhere", direction: "right" },
      {
        id: "d",
        type: "brushlabels",
        ...size,
        value: { format: "rle", rle: [1, 2, 3], brushlabels: ["dent"] },
      },
      "not a result",
    ],
    { w: 100, h: 100 },
  )
  expect(verdict).toBe("ng")
  expect(drawing.regions.map(({ id }) => id)).toEqual(["c"])
  expect(remarks.map(({ code }) => code)).toEqual([
    "broken_outline",
    "broken_outline",
    "broken",
    "unknown_label",
    "relation",
  ])
})

test("the words of a config are understood and written back", () => {
  const dialect = {
    ...plainDialect,
    image: "img",
    controls: { ...plainDialect.controls, box: "defect" },
    verdict: { control: "판정", ok: ["양품"], ng: ["불량"], unsure: ["보류"] },
    labelOf: (kind: string) => ({ scratch: "스크래치" })[kind] ?? kind,
    kindOf: (label: string) => ({ 스크래치: "scratch" })[label],
  }
  const drawing: Drawing = {
    v: 1,
    regions: [{ id: "r-0", kinds: ["scratch"], outline: { type: "box", box: [1, 2, 3, 4] }, by: "person" }],
  }
  const results = writeResults({ verdict: "ng", drawing }, image, dialect)
  expect(results[0]).toMatchObject({ from_name: "판정", to_name: "img", value: { choices: ["불량"] } })
  expect(results[1]).toMatchObject({ from_name: "defect", value: { rectanglelabels: ["스크래치"] } })
  expect(readResults(results, image, dialect)).toMatchObject({ verdict: "ng", drawing, remarks: [] })
})

test("no input makes the reader throw, and what it reads is always a drawing of ours", () => {
  const type = fc.constantFrom(
    ...["rectanglelabels", "rectangle", "ellipselabels", "polygonlabels", "polygon", "keypointlabels"],
    ...[
      "brushlabels",
      "bitmasklabels",
      "vectorlabels",
      "labels",
      "choices",
      "textarea",
      "number",
      "relation",
    ],
  )
  const value = fc.dictionary(
    fc.constantFrom(
      "x",
      "y",
      "width",
      "height",
      "rotation",
      "points",
      "vertices",
      "rle",
      "text",
      "choices",
      "labels",
    ),
    fc.oneof(fc.double(), fc.jsonValue(), fc.array(fc.array(fc.double(), { maxLength: 3 }))),
  )
  const item = fc.record(
    {
      id: fc.string(),
      type,
      from_name: fc.string(),
      value,
      from_id: fc.string(),
      to_id: fc.string(),
      score: fc.double(),
    },
    { requiredKeys: ["type"] },
  )
  fc.assert(
    fc.property(fc.array(fc.oneof(item, fc.jsonValue()), { maxLength: 6 }), (results) => {
      expect(v.safeParse(Drawing, readResults(results, image).drawing).issues).toBeUndefined()
    }),
    { numRuns: 300 },
  )
})

test("a brush has the bytes Label Studio reads, and theirs are read", () => {
  // Masks of 2 × 2 and 10 × 10 as the official encoder writes them: literal runs and repeated ones.
  expect(decodeBrush([0, 0, 0, 16, 57, 27, 252, 127, 243, 128, 71, 254], 2, 2)).toEqual(
    Int32Array.of(0, 1, 3, 4),
  )
  const block = [0, 0, 1, 144, 57, 27, 254, 91, 0, 191, 255, 133, 192, 47, 255, 225, 112, 11, 255, 251, 76, 0]
  const spans = Int32Array.of(32, 35, 42, 45, 52, 55, 62, 65)
  expect(decodeBrush(block, 10, 10)).toEqual(spans)
  expect(decodeBrush(encodeBrush(spans, 10, 10), 10, 10)).toEqual(spans)
  expect(decodeBrush(block, 10, 9)).toBeNull()
  expect(decodeBrush(block.slice(0, 12), 10, 10)).toBeNull()
})

test("any mask goes through a brush unchanged", () => {
  fc.assert(
    fc.property(mask, (m) => {
      const spans = spansOf(m)
      expect(decodeBrush(encodeBrush(spans, image.w, image.h), image.w, image.h)).toEqual(spans)
    }),
    { numRuns: 40 },
  )
})

test("a bitmask drawn pixel by pixel is read from its PNG", () => {
  const pixels = new Uint8Array(12).fill(255)
  for (const at of [1, 5, 9, 10]) pixels[at] = 0
  const png = encodePng({ w: 4, h: 3, pixels })
  expect(decodePng(png, 12)?.samples).toEqual(pixels)
  expect(decodePng(png, 11)).toBeNull()
  const imageDataURL = `data:image/png;base64,${Buffer.from(png).toString("base64")}`
  const { drawing } = readResults(
    [{ id: "m", type: "bitmasklabels", value: { imageDataURL, bitmasklabels: ["stain"] } }],
    { w: 4, h: 3 },
  )
  const outline = drawing.regions[0]?.outline
  expect(outline?.type === "mask" && [...spansOf(outline)]).toEqual([3, 6, 8, 9])
})

test("a mask goes to a project that paints bitmasks as a PNG, and comes back pixel by pixel", () => {
  const size = { w: 23, h: 17 }
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(23 * 17 - 1), { minLength: 1 }), (marked) => {
      const pixels = new Uint8Array(size.w * size.h)
      for (const at of marked) pixels[at] = 1
      const outline = maskOfSpans(spansOfRows(pixels, size.w, size.h), size)!
      const drawing = {
        v: 1 as const,
        regions: [{ id: "m", kinds: ["stain"], by: "person" as const, outline }],
      }
      const [, result] = writeResults({ verdict: "ng", drawing }, size, { ...plainDialect, masks: "bitmask" })
      expect(result).toMatchObject({ type: "bitmasklabels", value: { bitmasklabels: ["stain"] } })
      expect(readResults([result], size).drawing.regions[0]?.outline).toEqual(outline)
    }),
    { numRuns: 30 },
  )
})

test("the flat form keeps verdict, regions and the task's data", () => {
  fc.assert(
    fc.property(drawings(outlines.upright), (drawing) => {
      const plain = {
        v: 1 as const,
        regions: drawing.regions.map(({ answers, score, ...r }) => ({ ...r, id: "r" })),
      }
      const results = writeResults(
        { verdict: "ng", drawing: { ...plain, regions: numbered(plain.regions) } },
        image,
      )
      const flat = writeMin({ image: "/a.png", serial: "SN 1" }, results, { annotator: 1, annotation_id: 7 })
      expect(flat.verdict).toBe("NG")
      const back = readMin(JSON.parse(JSON.stringify(flat)))
      expect(back.data).toMatchObject({ image: "/a.png", serial: "SN 1", annotator: 1 })
      const read = readResults(back.results, image)
      expect(read.drawing.regions.map(({ outline, kinds }) => rounded({ outline, kinds }))).toEqual(
        drawing.regions.map(({ outline, kinds }) => rounded({ outline, kinds })),
      )
    }),
    { numRuns: 50 },
  )
})
const numbered = <T extends object>(regions: readonly T[]) => regions.map((r, i) => ({ ...r, id: `r-${i}` }))

test("a task of an export is read, whatever else stands in it", () => {
  const usual = {
    id: 17,
    data: { image: "/data/upload/3/a.jpg", serial: "SN-88" },
    file_upload: "a.jpg",
    annotations: [{ id: 41, completed_by: { email: "a@b" }, was_cancelled: false, extra: 1, result: [] }],
    predictions: [90],
  }
  // The last two are seen by the schema; the first needs none.
  for (const raw of [
    usual,
    { ...usual, id: "17" },
    { ...usual, predictions: [{ result: [], score: 0.5 }] },
  ]) {
    const task = taskOf(raw)
    if (typeof task === "string") throw new Error(task)
    expect(task.annotations?.[0]?.was_cancelled).toBe(false)
    expect(task.data.serial).toBe("SN-88")
  }
  const [annotation] = usual.annotations
  for (const wrong of [
    { annotations: [] },
    { ...usual, annotations: [{ ...annotation, result: "none" }] },
    { ...usual, annotations: [{ ...annotation, was_cancelled: "no" }] },
    { ...usual, predictions: ["many"] },
    [usual],
    null,
  ])
    expect(typeof taskOf(wrong)).toBe("string")
  expect(sizeOfResults([{ type: "choices" }, { original_width: 10, original_height: 5 }])).toEqual({
    w: 10,
    h: 5,
  })
})

test("a result that is not what it should be is told and left out, whatever of it is wrong", () => {
  const right = {
    id: "a",
    type: "rectanglelabels",
    from_name: "box",
    to_name: "image",
    original_width: 100,
    original_height: 100,
    value: { x: 1, y: 1, width: 10, height: 10, rectanglelabels: ["dent"] },
  }
  const size = { w: 100, h: 100 }
  expect(readResults([right, { ...right, id: "b", score: null, meta: { text: ["x"] } }], size)).toMatchObject(
    {
      drawing: { regions: [{ id: "a" }, { id: "b", answers: { note: "x" } }] },
      remarks: [],
    },
  )
  for (const wrong of [
    { ...right, type: 7 },
    { ...right, id: 7 },
    { ...right, value: "many" },
    { ...right, original_width: "100" },
    { ...right, score: Number.NaN },
    { ...right, meta: { text: "x" } },
    { ...right, readonly: "yes" },
    "right",
    null,
  ]) {
    const { drawing, remarks } = readResults([wrong], size)
    expect([drawing.regions, remarks.map(({ code }) => code)]).toEqual([[], ["broken"]])
  }
})
