import { afterAll, beforeAll, expect, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { ExchangeFormat, ExchangeItem, ImportView } from "#contract/exchange"
import type { LabelRevision } from "#contract/labelling"
import { selfCommand } from "#models/child"
import { createAsker } from "#models/infer/asker"
import { writeExport } from "../../../hub/exchange/survey.ts"
import { openZip } from "../../../hub/exchange/zip.reader.ts"
import { zipStream } from "../../../hub/exchange/zip.writer.ts"
import { noisePng, until } from "../support/device.ts"
import { type Browser, startTestHub, type TestHub } from "../support/hub.ts"
import { joined, orderOf, readAll, uuid } from "./kit.ts"

let hub: TestHub
let engineer: Browser & { userId: string }
let folder = ""
beforeAll(async () => {
  // Uploads are read by the real child.
  hub = await startTestHub({
    ports: { importer: () => createAsker({ command: selfCommand("worker", "import") }) },
  })
  engineer = await hub.as("engineer")
  folder = mkdtempSync(join(tmpdir(), "crux-exchange-"))
  for (const [key, ko] of [
    ["scratch", "스크래치"],
    ["dent", "찍힘"],
  ])
    await engineer.post("/api/defect-classes", { key, names: { ko, en: key } })
})
afterAll(async () => {
  await hub.stop()
  rmSync(folder, { recursive: true, force: true })
})

const pictures = new Map<string, Uint8Array>()
const picture = async ({ id }: ExchangeItem) => {
  const known = pictures.get(id) ?? noisePng(64, 48)
  pictures.set(id, known)
  return known
}

const item = (n: number, label: ExchangeItem["label"]): ExchangeItem => ({
  v: 1,
  id: uuid(n),
  image: { file: `images/${uuid(n)}.png`, mime: "image/png", w: 64, h: 48 },
  part_id: `SN-${n}`,
  captured_at: 1_700_000_000_000 + n,
  label,
})
const bad = (kind: string, x: number): ExchangeItem["label"] => ({
  verdict: "ng",
  kinds: [kind],
  drawing: {
    v: 1,
    regions: [{ id: "r-1", kinds: [kind], outline: { type: "box", box: [x, 4, 10, 8] }, by: "person" }],
  },
})
const good: ExchangeItem["label"] = { verdict: "ok", kinds: [], drawing: { v: 1, regions: [] } }
const archive = (format: ExchangeFormat, items: ExchangeItem[]) =>
  joined(zipStream(writeExport(orderOf(format, items, { picture, classes: [] }))))

async function bring(name: string, bytes: Uint8Array, query = ""): Promise<ImportView> {
  const answer = await engineer.post(`/api/imports?name=${encodeURIComponent(name)}${query}`, bytes)
  if (answer.status !== 202) throw new Error(await answer.text())
  const { id } = (await answer.json()) as ImportView
  return until("the import", async () => {
    const job = (await (await engineer.get(`/api/imports/${id}`)).json()) as ImportView
    return job.state !== "running" && job
  })
}
const labelsOf = async (n: number) =>
  ((await (await engineer.get(`/api/inspections/${uuid(n)}/labels`)).json()) as { items: LabelRevision[] })
    .items

test("labelled pictures of another hub become parts with labels, and a second time nothing", async () => {
  const items = [item(1, bad("scratch", 5)), item(2, good), item(3, null)]
  const first = await bring("coco.zip", await archive("coco", items))
  expect(first).toMatchObject({
    state: "done",
    seen: 3,
    error: null,
    report: {
      format: "coco",
      new_parts: 3,
      known_parts: 0,
      new_labels: 2,
      unlabelled: 1,
      refused: 0,
      remarks: [],
    },
  })
  const part = await (await engineer.get(`/api/inspections/${uuid(1)}`)).json()
  expect(part).toMatchObject({
    part_id: "SN-1",
    device_id: "import",
    label: { verdict: "ng", kinds: ["scratch"] },
  })
  expect((await labelsOf(1))[0]).toMatchObject({
    revision: 1,
    boxes: [{ kind: "scratch", box: [5, 4, 10, 8] }],
  })
  // The one that nobody judged waits for a person.
  const next = await (await hub.as("worker")).post("/api/labelling/next", {})
  expect(((await next.json()) as { inspection: { id: string } }).inspection.id).toBe(uuid(3))

  for (const format of ["coco", "yolo", "label-studio"] as const)
    expect((await bring(`${format}.zip`, await archive(format, items))).report).toMatchObject({
      new_parts: 0,
      known_parts: 3,
      new_labels: 0,
      known_labels: 2,
    })
  expect(await labelsOf(1)).toHaveLength(1)
})

test("what was corrected outside comes back as a new revision, not over the old one", async () => {
  const labelled = await bring(
    "labels.jsonl",
    new TextEncoder().encode(`${JSON.stringify(item(1, bad("dent", 7)))}\n`),
  )
  expect(labelled.report).toMatchObject({ known_parts: 1, new_labels: 1, refused: 0 })
  expect((await labelsOf(1)).map(({ kinds }) => kinds)).toEqual([["scratch"], ["dent"]])
})

test("an export holds what was imported, byte for byte the same twice, and is made while it is read", async () => {
  const download = async () => {
    const answer = await engineer.get("/api/exports/crux-jsonl")
    expect(answer.headers.get("content-disposition")).toMatch(
      /attachment; filename="crux-crux-jsonl-\d+\.zip"/,
    )
    return new Uint8Array(await answer.arrayBuffer())
  }
  const bytes = await download()
  expect(await download()).toEqual(bytes)
  const path = join(folder, "out.zip")
  await Bun.write(path, bytes)
  const zip = await openZip(path, folder)
  const read = await readAll("crux-jsonl", zip.tree)
  // Pictures of one handful arrive in any order.
  expect(
    read.map((one) => [one.item?.id, one.item?.label?.verdict, one.item?.label?.kinds] as const).sort(),
  ).toEqual([
    [uuid(1), "ng", ["dent"]],
    [uuid(2), "ok", []],
  ])
  expect(await zip.tree.read(`images/${uuid(1)}.png`)).toEqual(Buffer.from(pictures.get(uuid(1))!))
  await zip.close()
  const preview = await (await engineer.get("/api/exports/coco-keypoints/preview")).json()
  expect(preview).toEqual({ parts: 2, ok: 1, ng: 1, regions: 1, by_kind: { dent: 1 }, left_out: { box: 1 } })
})

test("one that is judged while an export runs is not half in it", async () => {
  const user = hub.hub.users.find(engineer.userId)!
  const { bytes } = hub.hub.exports.start({ format: "coco", profile: "clean", pictures: false }, user)
  const pieces = bytes[Symbol.asyncIterator]()
  const first = pieces.next()
  await engineer.post("/api/labels", {
    id: crypto.randomUUID(),
    inspection_id: uuid(2),
    verdict: "ng",
    kinds: ["dent"],
    boxes: [{ kind: "dent", box: [1, 1, 5, 5] }],
    accepted: false,
    shown_at: 1,
    decided_at: 2,
    active_ms: 1,
  })
  const all = [(await first).value as Uint8Array]
  for (let next = await pieces.next(); !next.done; next = await pieces.next()) all.push(next.value)
  const path = join(folder, "during.zip")
  await Bun.write(path, Buffer.concat(all))
  const zip = await openZip(path, folder)
  const read = await readAll("coco", zip.tree)
  expect(read.map((one) => one.item?.label?.verdict).sort()).toEqual(["ng", "ok"])
  await zip.close()
})

test("a frozen training set goes out as it was frozen, whatever is said since; the golden set stays", async () => {
  const drawn: ExchangeItem["label"] = {
    verdict: "ng",
    kinds: ["dent"],
    drawing: {
      v: 1,
      regions: [{ id: "r-1", kinds: ["dent"], outline: { type: "point", at: [5, 6] }, by: "person" }],
    },
  }
  await bring(
    "points.zip",
    await archive(
      "crux-jsonl",
      [30, 31, 32, 33, 34, 35].map((n) => item(n, drawn)),
    ),
  )
  const { training, golden } = (await (await engineer.post("/api/datasets")).json()) as Record<
    string,
    { digest: string }
  >
  const out = async () =>
    new Uint8Array(
      await (await engineer.get(`/api/exports/crux-jsonl?dataset=${training?.digest}`)).arrayBuffer(),
    )
  const before = await out()
  await bring("again.jsonl", new TextEncoder().encode(`${JSON.stringify(item(30, bad("scratch", 3)))}\n`))
  expect(await out()).toEqual(before)
  await Bun.write(join(folder, "frozen.zip"), before)
  const zip = await openZip(join(folder, "frozen.zip"), folder)
  const read = await readAll("crux-jsonl", zip.tree)
  expect(
    read.some((one) => one.item?.label?.drawing.regions.some(({ outline }) => outline.type === "point")),
  ).toBe(true)
  expect(read.every((one) => ["train", "val"].includes(one.item?.split ?? ""))).toBe(true)
  await zip.close()
  const refused = await engineer.get(`/api/exports/coco?dataset=${golden?.digest}`)
  expect([refused.status, ((await refused.json()) as { key: string }).key]).toEqual([403, "golden_stays"])
})

test("one broken picture, one unknown class and one of another size are refused with a reason; the rest comes in", async () => {
  pictures.set(uuid(11), new TextEncoder().encode("not a picture at all"))
  pictures.set(uuid(12), noisePng(32, 24))
  const items = [
    item(10, bad("dent", 1)),
    item(11, good),
    item(12, bad("dent", 2)),
    item(13, bad("burr", 3)),
    item(14, good),
  ]
  const { state, report } = await bring("mixed.zip", await archive("label-studio", items))
  expect(state).toBe("done")
  expect(report).toMatchObject({ new_parts: 4, new_labels: 3, refused: 1 })
  expect(report.remarks.map(({ path, code }) => [path, code])).toEqual([
    [`images/${uuid(11)}.png`, "not_a_picture"],
    ["result.json[2]", "size_differs"],
    ["result.json[3]", "unknown_label"],
  ])
  // Its verdict was said, the class was not understood.
  expect((await labelsOf(13))[0]).toMatchObject({ verdict: "ng", kinds: ["unknown"] })
})

test("a class is found by its name in any language, and made when asked for", async () => {
  const named = (n: number, word: string) => {
    const text = JSON.stringify([
      {
        data: { image: `images/${uuid(n)}.png` },
        annotations: [
          {
            result: [
              {
                id: "a",
                from_name: "결함",
                to_name: "img",
                type: "rectanglelabels",
                original_width: 64,
                original_height: 48,
                value: { x: 10, y: 10, width: 20, height: 20, rotation: 0, rectanglelabels: [word] },
              },
            ],
          },
        ],
      },
    ])
    return joined(
      zipStream(
        (async function* () {
          yield { path: "result.json", content: new TextEncoder().encode(text) }
          yield { path: `images/${uuid(n)}.png`, content: await picture(item(n, null)) }
        })(),
      ),
    )
  }
  await bring("korean.zip", await named(20, "스크래치"))
  expect((await labelsOf(20))[0]?.kinds).toEqual(["scratch"])
  const refused = await bring("new.zip", await named(21, "기포"))
  expect(refused.report.by_code).toEqual({ unknown_label: 1 })
  await bring("new.zip", await named(22, "Air Bubble"), "&new_classes=true")
  expect((await labelsOf(22))[0]?.kinds).toEqual(["air-bubble"])
})

test("what is no archive of labels is told so, and workers neither take data out nor bring any in", async () => {
  const odd = await engineer.post("/api/imports?name=note.docx", new TextEncoder().encode("hello"))
  const { id } = (await odd.json()) as ImportView
  const job = await until("the refusal", async () => {
    const one = (await (await engineer.get(`/api/imports/${id}`)).json()) as ImportView
    return one.state !== "running" && one
  })
  expect(job).toMatchObject({ state: "failed", error: expect.stringContaining("ZIP archive") })
  const worker = await hub.as("worker")
  expect((await worker.get("/api/exports/coco")).status).toBe(403)
  expect((await worker.post("/api/imports?name=a.zip", new Uint8Array(4))).status).toBe(403)
  const needs = await engineer.get("/api/exports/image-folder?pictures=false")
  expect(await needs.json()).toMatchObject({ key: "export_pictures" })
})
