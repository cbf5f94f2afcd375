import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { ExchangeFormat, ExportPreview, ExportView } from "#contract/exchange"
import { selfCommand } from "#models/child"
import { type Asker, createAsker } from "#models/infer/asker"
import type { ExportOperations } from "../../../hub/exchange/export.worker.ts"
import { openZip } from "../../../hub/exchange/zip.reader.ts"
import { noisePng, until } from "../support/device.ts"
import { type Browser, startTestHub, type TestHub } from "../support/hub.ts"
import { newLabel, storePictures } from "../support/parts.ts"
import { readAll } from "./kit.ts"

let hub: TestHub
let engineer: Browser & { userId: string }
let folder = ""
let parts: string[] = []
const children: Asker<ExportOperations>[] = []

beforeAll(async () => {
  // The real child: another process that reads the database and the pictures by itself.
  hub = await startTestHub({
    ports: {
      exporter: (database) => {
        const child = createAsker<ExportOperations>({ command: selfCommand("worker", "export", database) })
        children.push(child)
        return child
      },
    },
  })
  engineer = await hub.as("engineer")
  folder = mkdtempSync(join(tmpdir(), "crux-export-test-"))
  await engineer.post("/api/defect-classes", { key: "dent", names: { ko: "찍힘", en: "dent" } })
  // Noise does not pack: the archive is some megabytes, which come one after the other.
  parts = await storePictures(
    hub,
    Array.from({ length: 12 }, () => noisePng(400, 300)),
  )
  for (const [i, id] of parts.slice(0, 9).entries())
    await engineer.post(
      "/api/labels",
      newLabel(
        id,
        i % 3 === 0
          ? { verdict: "ng", kinds: ["dent"], boxes: [{ kind: "dent", box: [10, 10, 40, 30] }] }
          : {},
      ),
    )
}, 60_000)
afterAll(async () => {
  await hub.stop()
  rmSync(folder, { recursive: true, force: true })
})

const living = () => children.filter((child) => child.pid() !== undefined).length
const running = async () =>
  ((await (await engineer.get("/api/exports")).json()) as { items: ExportView[] }).items
async function download(path: string): Promise<Uint8Array> {
  const answer = await engineer.get(path)
  if (answer.status !== 200) throw new Error(await answer.text())
  return new Uint8Array(await answer.arrayBuffer())
}
async function itemsIn(bytes: Uint8Array, format: ExchangeFormat) {
  const path = join(folder, `${format}.zip`)
  await Bun.write(path, bytes)
  const zip = await openZip(path, folder)
  const read = await readAll(format, zip.tree)
  const pictures = zip.tree.paths.filter((name) => name.endsWith(".png"))
  const bodies = await Promise.all(pictures.map((name) => zip.tree.read(name)))
  await zip.close()
  return { read, pictures, bytes: bodies.reduce((sum, body) => sum + body.length, 0) }
}
const wanted = (filter: string) => encodeURIComponent(filter)

describe("an export that a child makes", () => {
  test("holds every labelled part with its picture, and is the same twice, to the byte", async () => {
    const bytes = await download("/api/exports/coco")
    expect(await download("/api/exports/coco")).toEqual(bytes)
    const { read, pictures } = await itemsIn(bytes, "coco")
    expect(read.map(({ item }) => item?.id).sort()).toEqual(parts.slice(0, 9).sort())
    expect(pictures).toHaveLength(9)
    expect(await running()).toEqual([])
    expect(living()).toBe(0)
  })

  test("of a filter holds what the filter finds, judged or not, in every format that has a place for it", async () => {
    for (const format of ["coco", "yolo", "voc"] as const) {
      const { read } = await itemsIn(
        await download(`/api/exports/${format}?filter=${wanted("label:ng")}`),
        format,
      )
      expect([format, read.map(({ item }) => item?.label?.kinds)]).toEqual([
        format,
        [["dent"], ["dent"], ["dent"]],
      ])
    }
    const { read, pictures } = await itemsIn(
      await download(`/api/exports/crux-jsonl?filter=${wanted("label:none")}`),
      "crux-jsonl",
    )
    expect(read.map(({ item }) => [item?.id, item?.label])).toEqual(parts.slice(9).map((id) => [id, null]))
    expect(pictures).toHaveLength(3)
  })

  test("is told of before it is made: how many parts and regions, and what its format leaves out", async () => {
    const answer = await engineer.get(`/api/exports/coco-keypoints/preview?filter=${wanted("label:any")}`)
    expect((await answer.json()) as ExportPreview).toEqual({
      parts: 9,
      ok: 6,
      ng: 3,
      regions: 3,
      by_kind: { dent: 3 },
      left_out: { box: 3 },
    })
  })

  test("is seen while it is made, and ends early for its reader when somebody breaks it off", async () => {
    const before = living()
    const answer = await engineer.get("/api/exports/crux-jsonl?filter=")
    const reader = answer.body!.getReader()
    await reader.read()
    const [export1] = await running()
    expect(export1).toMatchObject({ parts: 12 })
    expect(export1!.bytes).toBeGreaterThan(0)
    expect((await engineer.post(`/api/exports/${export1!.id}/cancel`)).status).toBe(200)
    // Its reader asks for nothing meanwhile, as a tablet that sleeps.
    await until("its end", async () => (await running()).length === 0)
    await until("its process's end", () => living() === before)
    const drain = async () => {
      while (!(await reader.read()).done);
    }
    await expect(drain()).rejects.toThrow()
    expect((await engineer.post(`/api/exports/${export1!.id}/cancel`)).status).toBe(404)
  })

  test("ends with whoever stops reading it", async () => {
    const before = living()
    const answer = await engineer.get("/api/exports/crux-jsonl?filter=")
    const reader = answer.body!.getReader()
    await reader.read()
    expect(await running()).toHaveLength(1)
    await reader.cancel()
    await until("its end", async () => (await running()).length === 0)
    await until("its process's end", () => living() === before)
  })

  test("is refused with a reason: a filter nobody understands, a filter and a set, too many at once, a worker", async () => {
    const problem = async (path: string, who: Browser = engineer) => {
      const answer = await who.get(path)
      return [answer.status, ((await answer.json()) as { key: string }).key]
    }
    expect(await problem(`/api/exports/coco?filter=${wanted("colour:blue")}`)).toEqual([
      400,
      expect.stringMatching(/^parts_filter_/) as unknown as string,
    ])
    expect(await problem(`/api/exports/coco?filter=&dataset=${"a".repeat(64)}`)).toEqual([
      400,
      "export_which",
    ])
    const open = await Promise.all([1, 2, 3, 4].map(() => engineer.get("/api/exports/crux-jsonl")))
    expect(await problem("/api/exports/crux-jsonl")).toEqual([503, "exports_busy"])
    for (const answer of open) await answer.body!.cancel()
    await until("their end", async () => (await running()).length === 0)
    expect((await problem("/api/exports/coco?filter=", await hub.as("reviewer")))[0]).toBe(403)
  })
})
