import { describe, expect, test } from "bun:test"
import type { ExchangeFormat } from "#contract/exchange"
import { formats, recogniseFormat } from "../../../hub/exchange/formats.ts"
import { noisePng } from "../support/device.ts"
import { image, readOptions, treeOf } from "./kit.ts"

const picture = noisePng(image.w, image.h)
const box = (cls: number) => `${cls} 0.5 0.5 0.2 0.2\n`
const names = "names: ['dent', 'scratch']\nnc: 2\n"
const xml = (name: string) =>
  `<annotation><filename>1.png</filename><size><width>${image.w}</width><height>${image.h}</height></size>
   <object><name>${name}</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>9</xmax><ymax>8</ymax></bndbox></object></annotation>`
const coco = (category: number) =>
  JSON.stringify({
    images: [{ id: 1, file_name: "1.png", width: image.w, height: image.h }],
    categories: [
      { id: 0, name: "dent" },
      { id: 1, name: "scratch" },
    ],
    annotations: [{ id: 1, image_id: 1, category_id: category, bbox: [1, 2, 8, 6], area: 48, iscrowd: 0 }],
  })

/** What is read: each picture with its side and what is on it. */
async function readFrom(files: Record<string, string | Uint8Array>, format?: ExchangeFormat) {
  const entries = Object.entries(files).map(([path, content]) => ({
    path,
    content: typeof content === "string" ? new TextEncoder().encode(content) : content,
  }))
  async function* all() {
    yield* entries
  }
  const { tree } = await treeOf(all())
  const recognised = await recogniseFormat(tree)
  const seen: string[] = []
  for await (const read of formats[format ?? recognised ?? "csv"].read(tree, readOptions)) {
    const regions = read.item?.label?.drawing.regions ?? []
    const drawn = regions.map(
      ({ kinds, outline }) =>
        `${kinds} ${outline.type}${outline.type === "box" && outline.angle ? " turned" : ""}`,
    )
    const remarks = read.remarks.map(({ code }) => code)
    seen.push([read.picture, read.item?.split ?? "-", ...drawn, ...remarks].join(" | "))
  }
  return [recognised, ...seen]
}

describe("data sets as other programs lay them out", () => {
  test("pictures of one name in several folders keep each its own labels, and its side", async () => {
    const both = ["train/images/1.png | train | dent box", "valid/images/1.png | val | scratch box"]
    expect(
      await readFrom({
        "data.yaml": names,
        "train/images/1.png": picture,
        "train/labels/1.txt": box(0),
        "valid/images/1.png": picture,
        "valid/labels/1.txt": box(1),
      }),
    ).toEqual(["yolo", ...both])
    expect(
      await readFrom({
        "train/1.png": picture,
        "train/1.xml": xml("dent"),
        "valid/1.png": picture,
        "valid/1.xml": xml("scratch"),
      }),
    ).toEqual(["voc", "train/1.png | train | dent box", "valid/1.png | val | scratch box"])
    expect(
      await readFrom({
        "train/_annotations.coco.json": coco(0),
        "train/1.png": picture,
        "valid/_annotations.coco.json": coco(1),
        "valid/1.png": picture,
      }),
    ).toEqual(["coco", "train/1.png | train | dent box", "valid/1.png | val | scratch box"])
    expect(
      await readFrom({
        "annotations/instances_train2017.json": coco(0),
        "train2017/1.png": picture,
        "annotations/instances_val2017.json": coco(1),
        "val2017/1.png": picture,
      }),
    ).toEqual(["coco", "train2017/1.png | train | dent box", "val2017/1.png | val | scratch box"])
  })

  test("a picture without labels is one, beside a namesake that has some", async () => {
    expect(
      await readFrom({
        "data.yaml": names,
        "train/images/1.png": picture,
        "train/labels/1.txt": box(0),
        "valid/images/1.png": picture,
      }),
    ).toEqual(["yolo", "train/images/1.png | train | dent box", "valid/images/1.png | -"])
    expect(
      await readFrom({
        "VOC2012/Annotations/1.xml": xml("dent"),
        "VOC2012/JPEGImages/1.png": picture,
        "VOC2012/JPEGImages/2.png": picture,
        "VOC2012/Annotations/3.xml": "<html>",
        "VOC2012/JPEGImages/3.png": picture,
        "VOC2012/SegmentationClass/1.png": picture,
      }),
    ).toEqual([
      "voc",
      "VOC2012/JPEGImages/1.png | - | dent box",
      " | - | broken",
      "VOC2012/JPEGImages/2.png | -",
    ])
  })

  test("classes are read from whatever page names them, however it is written", async () => {
    for (const [page, text] of [
      ["lids.yaml", "path: .\ntrain: images\nnames:\n  0: dent # deep\n  1: 'scratch'\n"],
      ["data.yaml", "names: {0: dent, 1: scratch}\n"],
      ["data.yaml", "nc: 2\nnames: [\n  'dent',\n  \"scratch\"\n]\n"],
      ["dataset.yml", "names:\n- dent\n- scratch\n"],
      ["obj.names", "dent\nscratch\n"],
    ] as const)
      expect([
        text,
        await readFrom({ [page]: text, "images/1.png": picture, "labels/1.txt": box(0) + box(1) }),
      ]).toEqual([text, ["yolo", "images/1.png | - | dent box | scratch box"]])
  })

  test("four corners are a turned box for whoever says so, else a polygon", async () => {
    const files = {
      "data.yaml": names,
      "images/1.png": picture,
      "labels/1.txt": "0 0.2 0.2 0.4 0.4 0.3 0.6 0.1 0.4\n",
    }
    expect(await readFrom(files)).toEqual(["yolo", "images/1.png | - | dent polygon"])
    expect(await readFrom(files, "yolo-obb")).toEqual(["yolo", "images/1.png | - | dent box turned"])
  })

  test("labels beside their pictures, and lists of pictures that are no labels", async () => {
    expect(
      await readFrom({
        "obj.names": "dent\nscratch\n",
        "train.txt": "data/obj_train_data/1.png\n",
        "obj_train_data/1.png": picture,
        "obj_train_data/1.txt": box(1),
      }),
    ).toEqual(["yolo", "obj_train_data/1.png | - | scratch box"])
  })

  test("folders of sides are no classes", async () => {
    expect(await readFrom({ "train/1.png": picture, "val/dent/2.png": picture })).toEqual([
      "image-folder",
      "train/1.png | - | no_class",
      "val/dent/2.png | val",
    ])
  })
})
