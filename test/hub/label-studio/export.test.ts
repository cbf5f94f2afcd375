import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { createHash } from "node:crypto"
import { selfCommand } from "#models/child"
import { type Asker, createAsker } from "#models/infer/asker"
import type { ExportOperations } from "../../../hub/exchange/export.worker.ts"
import type { HubPorts } from "../../../hub/hub.ts"
import { noisePng, until } from "../support/device.ts"
import { startTestHub, type TestHub } from "../support/hub.ts"
import { newLabel } from "../support/parts.ts"
import { box, config, type Program, programOf, verdict } from "./kit.ts"

let hub: TestHub
let engineer: Program
let project = 0
let tasks: number[] = []
const children: Asker<ExportOperations>[] = []
/** The real child; without it the hub makes exports itself. */
const exporter: NonNullable<HubPorts["exporter"]> = (database) => {
  const child = createAsker<ExportOperations>({ command: selfCommand("worker", "export", database) })
  children.push(child)
  return child
}
const ports: Partial<HubPorts> = { exporter }

beforeAll(async () => {
  hub = await startTestHub({ ports })
  engineer = await programOf(hub, "engineer")
  project = (await engineer.post("/api/projects/", { title: "line", label_config: config })).body.id
  const picture = () => `data:image/png;base64,${Buffer.from(noisePng(24, 16)).toString("base64")}`
  const sent = Array.from({ length: 7 }, (_, n) => ({
    image: picture(),
    serial: `A-${n}`,
    "10": n,
    note: '1;\n"2"',
  }))
  tasks = (await engineer.post(`/api/projects/${project}/import?return_task_ids=1`, sent)).body.task_ids
  for (const id of tasks)
    await until(`the picture of task ${id}`, async () => {
      const { body } = await engineer.get(`/api/tasks/${id}`)
      return body.crux_picture !== "waiting"
    })
  for (const [n, id] of tasks.slice(0, 5).entries())
    await engineer.post(`/api/tasks/${id}/annotations`, {
      result: n % 2 === 0 ? [verdict("NG"), box("scratch"), box("dent", 50)] : [verdict("OK")],
      was_cancelled: n === 3,
    })
  await engineer.post("/api/predictions", { task: tasks[0], result: [verdict("OK")], score: 0.3 })
  // Somebody whom no program has asked for: their label of a tablet becomes an annotation, under a number.
  const worker = await hub.as("worker")
  const said = await worker.post("/api/labels", newLabel(await partOf(tasks[5]!)))
  expect(said.status).toBe(201)
}, 60_000)
afterAll(() => hub.stop())

const partOf = async (id: number): Promise<string> => {
  const { body } = await engineer.get(`/api/tasks/?project=${project}&page_size=100`)
  return (
    (body.tasks as { id: number; crux_inspection: string | null }[]).find((one) => one.id === id)
      ?.crux_inspection ?? ""
  )
}
const living = () => children.filter((child) => child.pid() !== undefined).length

async function fetched(path: string) {
  const answer = await hub.hub.fetch(
    new Request(`http://hub.test/label-studio${path}`, {
      headers: { authorization: `Token ${engineer.token}` },
    }),
  )
  const bytes = new Uint8Array(await answer.arrayBuffer())
  const { headers } = answer
  return {
    status: answer.status,
    bytes,
    name: headers.get("filename") ?? "",
    length: headers.get("content-length"),
  }
}
const exported = (kind: string, more = "") =>
  fetched(`/api/projects/${project}/export?export_type=${kind}&download_all_tasks=true${more}`)
const kinds = ["JSON", "CSV", "COCO", "YOLO_WITH_IMAGES"]

describe("what goes out of a project", () => {
  test("is made by a child, to the byte as the hub itself would make it", async () => {
    const byChild = new Map<string, Uint8Array<ArrayBuffer>>()
    for (const kind of kinds) {
      const { status, bytes } = await exported(kind)
      expect([kind, status]).toEqual([kind, 200])
      byChild.set(kind, bytes)
    }
    expect([children.length, living()]).toEqual([kinds.length, 0])
    delete ports.exporter
    await hub.restart()
    for (const kind of kinds) expect([kind, (await exported(kind)).bytes]).toEqual([kind, byChild.get(kind)!])
    expect(children).toHaveLength(kinds.length)
    ports.exporter = exporter
    await hub.restart()
  }, 60_000)

  test("holds every task with what was said of it, under a name that says what is in it", async () => {
    const { bytes, name, length } = await exported("JSON")
    const list = JSON.parse(new TextDecoder().decode(bytes)) as Any[]
    expect(list.map(({ id }) => id)).toEqual(tasks)
    expect(list.map(({ annotations }) => annotations.length)).toEqual([1, 1, 1, 1, 1, 1, 0])
    expect(list[0].predictions).toHaveLength(1)
    const md5 = createHash("md5").update(bytes).digest("hex")
    expect(name).toMatch(new RegExp(`^project-${project}-at-[\\d-]+-${md5.slice(0, 8)}\\.json$`))
    expect(length).toBe(String(bytes.length))
    const some = await exported("JSON", `&ids[]=${tasks[1]}&ids[]=${tasks[4]}`)
    expect((JSON.parse(new TextDecoder().decode(some.bytes)) as Any[]).map(({ id }) => id)).toEqual([
      tasks[1],
      tasks[4],
    ])
    const table = new TextDecoder().decode((await exported("CSV")).bytes)
    expect(table.split("\n")[0]).toBe(
      "10,annotation_id,annotator,created_at,defect,id,image,lead_time,note,serial,updated_at,verdict",
    )
    expect(table).toContain('"1;\n""2"""')
  })

  test("as a snapshot stays as it was, in every form, whatever the project becomes", async () => {
    const made = await engineer.post(`/api/projects/${project}/exports/`, {
      serialization_options: { annotations__completed_by: { only_id: false } },
    })
    expect(made.status).toBe(201)
    const forms = async () => {
      const all: [string, Uint8Array<ArrayBuffer>][] = []
      for (const kind of ["JSON", "JSON_MIN", "CSV"])
        all.push([
          kind,
          (await fetched(`/api/projects/${project}/exports/${made.body.id}/download?exportType=${kind}`))
            .bytes,
        ])
      return all
    }
    const before = await forms()
    const [, json] = before[0]!
    expect(createHash("md5").update(json).digest("hex")).toBe(made.body.md5)
    const list = JSON.parse(new TextDecoder().decode(json)) as Any[]
    const by = list.flatMap(({ annotations }) => annotations.map((one: Any) => one.completed_by.email))
    expect(new Set(by).size).toBe(2)
    await engineer.post(`/api/tasks/${tasks[6]}/annotations`, { result: [verdict("NG"), box("dent")] })
    expect(await forms()).toEqual(before)
    expect(living()).toBe(0)
  })

  test("is refused where there is no such form, and a look at the address alone makes nothing", async () => {
    const count = children.length
    expect((await exported("PDF")).status).toBe(400)
    const head = await hub.hub.fetch(
      new Request(`http://hub.test/label-studio/api/projects/${project}/export?export_type=COCO`, {
        method: "HEAD",
        headers: { authorization: `Token ${engineer.token}` },
      }),
    )
    expect([head.status, children.length]).toEqual([200, count])
    expect(hub.hub.exports.list()).toEqual([])
  })
})

// biome-ignore lint/suspicious/noExplicitAny: what a foreign program would read
type Any = any
