import { afterAll, beforeAll, expect, test } from "bun:test"
import { createHash } from "node:crypto"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Drawing } from "#contract/drawing"
import type { ExchangeFormat, ExchangeItem } from "#contract/exchange"
import { encodeRuns } from "#contract/outline"
import { openFolder, writeFolder } from "../../../hub/exchange/folder.ts"
import { writeExport } from "../../../hub/exchange/survey.ts"
import { openZip } from "../../../hub/exchange/zip.reader.ts"
import { zipStream } from "../../../hub/exchange/zip.writer.ts"
import { image, joined, orderOf, pictureOf, readAll, uuid } from "./kit.ts"

/** Programs that are not ours read what we wrote, and wrote what we read. */
const python = join(import.meta.dir, "../../../.python/bin/python")
let folder = ""
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "crux-exchange-"))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function runPython(script: string, ...args: string[]): Promise<string> {
  const child = Bun.spawn([python, join(import.meta.dir, "peers", script), ...args], {
    stdout: "pipe",
    stderr: "pipe",
  })
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  if (code !== 0) throw new Error(`the peers of the tests cannot run (scripts/test installs them):\n${err}`)
  // Some of them talk before they answer.
  return out.trim().split("\n").at(-1) ?? ""
}

const drawing: Drawing = {
  v: 1,
  regions: [
    { id: "r-0", kinds: ["scratch"], outline: { type: "box", box: [10, 12, 20, 8] }, by: "person" },
    {
      id: "r-1",
      kinds: ["dent"],
      outline: {
        type: "polygon",
        points: [
          [2, 2],
          [12, 2],
          [12, 8],
          [2, 8],
        ],
      },
      by: "person",
    },
    {
      id: "r-2",
      kinds: ["stain"],
      outline: {
        type: "mask",
        size: [image.h, image.w],
        counts: encodeRuns(
          Int32Array.of(50 * 48 + 4, 50 * 48 + 20, 51 * 48 + 4, 51 * 48 + 20),
          image.w * image.h,
        ),
      },
      by: "person",
    },
    { id: "r-3", kinds: ["dent"], outline: { type: "point", at: [30.5, 20.5] }, by: "person" },
  ],
}
const items: ExchangeItem[] = [1, 2].map((n) => ({
  v: 1,
  id: uuid(n),
  image: { file: `images/${uuid(n)}.png`, mime: "image/png", ...image },
  split: "train",
  product_id: "lid",
  captured_at: 1_700_000_000_000,
  label:
    n === 1
      ? { verdict: "ng", kinds: ["dent", "scratch", "stain"], drawing }
      : { verdict: "ok", kinds: [], drawing: { v: 1, regions: [] } },
}))
const write = (format: ExchangeFormat) =>
  writeFolder(join(folder, format), writeExport(orderOf(format, items)))

test("COCO's own tools, Pillow, Arrow, an XML parser and Python's zipfile read what was meant", async () => {
  for (const format of ["coco", "coco-keypoints", "parquet", "masks", "mvtec", "voc"] as const)
    await write(format)
  const zip = await joined(zipStream(writeExport(orderOf("yolo", items))))
  await Bun.write(join(folder, "export.zip"), zip)
  const seen = JSON.parse(await runPython("read_exports.py", folder))
  expect(seen.zip).toMatchObject({ bad: null, dates: ["(1980, 1, 1, 0, 0, 0)"] })
  expect(seen.zip.names).toContain(`labels/train/${uuid(1)}.txt`)
  expect(seen.coco).toEqual({
    images: 2,
    annotations: [
      { name: "scratch", bbox: [10, 12, 20, 8], area: 160, pixels: null },
      { name: "dent", bbox: [2, 2, 10, 6], area: 60, pixels: 60 },
      { name: "stain", bbox: [50, 4, 2, 16], area: 32, pixels: 32 },
    ],
  })
  expect(seen.keypoints).toEqual([[30.5, 20.5, 2]])
  expect(seen.parquet).toMatchObject({
    rows: 5,
    types: { verdict: "string", width: "int32", x: "double", captured_at: "timestamp[ms, tz=UTC]" },
    verdicts: ["ng", "ng", "ng", "ng", "ok"],
    x: [10, null, null, null, null],
  })
  // Classes by name: dent 1, scratch 2, stain 3, each with the colour that VOC gives to its number.
  expect(seen.masks).toMatchObject({
    mode: "P",
    counts: { "1": 60, "2": 160, "3": 32 },
    instance_mode: "I;16",
    instances: [0, 1, 2, 3],
    colour: [128, 0, 0],
  })
  expect(seen.mvtec).toEqual({ mode: "L", white: 252 })
  expect(seen.voc).toEqual([10, 12, 30, 20])
}, 120_000)

test("Datumaro opens its own format, COCO and VOC of ours, and finds every region", async () => {
  for (const format of ["datumaro", "coco", "voc"] as const) await write(format)
  const seen = JSON.parse(
    await runPython(
      "read_datumaro.py",
      ...[
        "datumaro",
        join(folder, "datumaro"),
        "coco_instances",
        join(folder, "coco"),
        "voc_detection",
        join(folder, "voc"),
      ],
    ),
  )
  expect(seen.datumaro).toEqual([
    [
      uuid(1),
      "train",
      [
        ["bbox", "scratch"],
        ["mask", "stain"],
        ["points", "dent"],
        ["polygon", "dent"],
      ],
    ],
    [uuid(2), "train", []],
  ])
  // It takes the box of every annotation as one more.
  expect(seen.coco_instances).toEqual([
    [
      uuid(1),
      "train",
      [
        ["bbox", "dent"],
        ["bbox", "scratch"],
        ["bbox", "stain"],
        ["mask", "stain"],
        ["polygon", "dent"],
      ],
    ],
    [uuid(2), "train", []],
  ])
  expect(
    seen.voc_detection.map(([id, subset, marks]: [string, string, unknown[]]) => [id, subset, marks.length]),
  ).toEqual([
    [uuid(1), "train", 3],
    [uuid(2), "train", 0],
  ])
}, 120_000)

test("equal parts give equal bytes", async () => {
  const digest = async () =>
    createHash("sha256")
      .update(await joined(zipStream(writeExport(orderOf("coco", items)))))
      .digest("hex")
  expect(await digest()).toBe(await digest())
})

test("archives of a Korean Windows are read, and of evil ones only what is good", async () => {
  await Bun.write(join(folder, "picture.png"), await pictureOf())
  await runPython("make_archives.py", folder, join(folder, "picture.png"))
  const korean = await openZip(join(folder, "korean.zip"), folder)
  expect(korean.tree.paths).toContain("labels/스크래치01.txt")
  const [read] = await readAll("yolo", korean.tree)
  expect(read).toMatchObject({ picture: "images/스크래치01.png", item: { label: { kinds: ["scratch"] } } })
  await korean.close()

  const evil = await openZip(join(folder, "evil.zip"), folder)
  expect(evil.refused.map(({ path, code }) => [path, code])).toEqual([
    ["../escaped.txt", "unsafe_name"],
    ["/etc/passwd", "unsafe_name"],
    ["C:\\Windows\\evil.txt", "unsafe_name"],
    ["labels/../../up.txt", "unsafe_name"],
    ["labels/GOOD.txt", "twice"],
    ["labels/link.txt", "link"],
    ["labels/bomb.txt", "bomb"],
    ["labels/packed.txt", "packing"],
  ])
  const all = await readAll("yolo", evil.tree)
  expect(all.map(({ path, item, remarks }) => [path, item?.label?.verdict, remarks[0]?.code])).toEqual([
    ["labels/good.txt", "ng", undefined],
    ["labels/rotten.txt", undefined, "no_size"],
  ])
  expect(evil.tree.read("labels/rotten.txt")).rejects.toThrow(/unpacked|checksum/)
  await evil.close()

  const overlap = await openZip(join(folder, "overlap.zip"), folder)
  expect(overlap.tree.paths).toHaveLength(1)
  expect(overlap.refused).toHaveLength(49)
  await overlap.close()
  expect(openZip(join(folder, "cut.zip"), folder)).rejects.toThrow("not a ZIP archive")
}, 60_000)

test("an archive of ours is read again, also in pieces and from a folder", async () => {
  for (const format of ["coco", "label-studio", "crux-jsonl"] as const) {
    const path = join(folder, `${format}.zip`)
    await Bun.write(path, await joined(zipStream(writeExport(orderOf(format, items)))))
    const zip = await openZip(path, folder)
    expect(zip.refused).toEqual([])
    const fromZip = await readAll(format, zip.tree)
    await zip.close()
    await write(format)
    expect(await readAll(format, (await openFolder(join(folder, format))).tree)).toEqual(fromZip)
    expect(fromZip.map(({ item }) => item?.id)).toEqual([uuid(1), uuid(2)])
  }
})
