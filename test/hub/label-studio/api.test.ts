import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { roles } from "#contract/users"
import { openZip } from "../../../hub/exchange/zip.reader.ts"
import { noisePng, until } from "../support/device.ts"
import { startTestHub, type TestHub } from "../support/hub.ts"
import { newLabel } from "../support/parts.ts"
import { box, config, type Program, programOf, verdict } from "./kit.ts"

let hub: TestHub
let admin: Program
let engineer: Program
let worker: Program
let pictures: ReturnType<typeof Bun.serve>
let asked: string[]
const picture = noisePng(24, 16)

beforeAll(async () => {
  asked = []
  pictures = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request) {
      const { pathname } = new URL(request.url)
      asked.push(pathname)
      if (pathname === "/away.png") return Response.redirect("http://127.0.0.2:1/secret")
      if (pathname === "/text.png") return new Response("not a picture")
      if (pathname === "/missing.png") return new Response("", { status: 404 })
      return new Response(noisePng(24, 16) as BodyInit)
    },
  })
  hub = await startTestHub({ config: { outbound: { allow: "127.0.0.1" } } })
  admin = await programOf(hub, "admin")
  engineer = await programOf(hub, "engineer")
  worker = await programOf(hub, "worker")
})
afterAll(async () => {
  await pictures?.stop(true)
  await hub?.stop()
})

const inside = `data:image/png;base64,${Buffer.from(picture).toString("base64")}`
const at = (path: string) => `http://127.0.0.1:${pictures.port}${path}`

async function projectWith(tasks: unknown[]): Promise<{ id: number; tasks: number[] }> {
  const project = (await engineer.post("/api/projects/", { title: "line", label_config: config })).body.id
  const brought = await engineer.post(`/api/projects/${project}/import?return_task_ids=1`, tasks)
  expect(brought.status).toBe(201)
  return { id: project, tasks: brought.body.task_ids }
}
const taskOf = async (id: number) => (await worker.get(`/api/tasks/${id}`)).body
const settled = (id: number) =>
  until(`the picture of task ${id}`, async () => {
    const task = await taskOf(id)
    return task.crux_picture !== "waiting" && task
  })
const labelsOf = async (part: string) =>
  ((await (await worker.person.get(`/api/inspections/${part}/labels`)).json()) as { items: Any[] }).items
// biome-ignore lint/suspicious/noExplicitAny: what a foreign program would read
type Any = any

describe("who may do what", () => {
  test("every route under the base path names one role, and answers 401 without a key", async () => {
    const { labelStudioRoutes: table } = hub.hub
    expect(table.length).toBeGreaterThan(70)
    const open = table.filter(({ access }) => "open" in access).map(({ method, path }) => `${method} ${path}`)
    expect(open.sort()).toEqual([
      "GET /label-studio/api/version",
      "GET /label-studio/health",
      "POST /label-studio/api/token/refresh",
    ])
    const wrong: string[] = []
    for (const { method, path, access } of table) {
      if (!("role" in access)) continue
      const address = path.replace("/label-studio", "").replaceAll(/:\w+(\{[^}]*\})?/g, "1")
      const stranger = await admin.send(method, address, undefined, "Token nobody")
      if (stranger.status !== 401) wrong.push(`${method} ${address}: ${stranger.status}`)
      if (roles.indexOf(access.role) === 0) continue
      const lower = await worker.send(method, address)
      if (lower.status !== 403) wrong.push(`${method} ${address} as worker: ${lower.status}`)
    }
    expect(wrong).toEqual([])
  })

  test("errors have Label Studio's form, and addresses do with and without a slash at the end", async () => {
    const missing = await worker.get("/api/projects/999")
    expect([missing.status, missing.body]).toEqual([
      404,
      {
        id: expect.any(String),
        status_code: 404,
        version: "0.0.0-test",
        detail: "No Project matches the given query.",
        exc_info: null,
      },
    ])
    expect((await worker.get("/api/nothing/")).body.status_code).toBe(404)
    expect((await worker.get("/api/projects/")).body).toEqual((await worker.get("/api/projects")).body)
  })

  test("a browser's cookie means nothing here, and a program's key nothing to the hub's own interface", async () => {
    const cookie = await admin.person.get("/label-studio/api/projects/")
    expect(cookie.status).toBe(401)
    const key = await hub.browser().get("/api/users", { authorization: `Token ${admin.token}` })
    expect(key.status).toBe(401)
  })

  test("a refresh token gives access for minutes, ends when it is ended, and is not one itself", async () => {
    const refresh = await worker.keys("refresh")
    expect((await worker.send("GET", "/api/projects", undefined, `Bearer ${refresh}`)).status).toBe(401)
    const { access } = (await worker.send("POST", "/api/token/refresh/", { refresh }, "")).body
    const whoami = () => worker.send("GET", "/api/current-user/whoami", undefined, `Bearer ${access}`)
    expect((await whoami()).status).toBe(200)
    const { access: another } = (await worker.send("POST", "/api/token/refresh/", { refresh }, "")).body
    hub.clock.pass(6 * 60_000)
    expect((await whoami()).status).toBe(401)
    const { access: third } = (await worker.send("POST", "/api/token/refresh/", { refresh }, "")).body
    expect(another).not.toBe(third)
    expect((await worker.post("/api/token/blacklist/", { refresh })).status).toBe(204)
    expect((await worker.send("GET", "/api/projects", undefined, `Bearer ${third}`)).status).toBe(401)
    expect((await worker.send("POST", "/api/token/refresh/", { refresh }, "")).status).toBe(401)
  })

  test("a key for one thing does that and nothing else, whoever its person is, and makes no other keys", async () => {
    const asked = [
      ["GET", "/api/projects", undefined],
      ["POST", "/api/tasks/999999/annotations", { result: [] }],
      ["POST", "/api/predictions", { task: 999_999, result: [] }],
      ["GET", "/api/ml", undefined],
      ["POST", "/api/ml", {}],
      ["POST", "/api/projects", { title: "taken" }],
      ["GET", "/api/webhooks", undefined],
      ["POST", "/api/current-user/reset-token", {}],
      ["POST", "/api/users", { email: "a@b.c" }],
    ] as const
    const may = async (scope: "read" | "label" | "train") => {
      const key = await admin.keys("legacy", scope)
      const answers: number[] = []
      for (const [method, path, body] of asked)
        answers.push((await admin.send(method, path, body, `Token ${key}`)).status)
      return answers.map((status) => status !== 403)
    }
    expect(await may("read")).toEqual([true, false, false, true, false, false, false, false, false])
    expect(await may("label")).toEqual([true, true, false, true, false, false, false, false, false])
    expect(await may("train")).toEqual([true, false, true, true, true, false, false, false, false])
    const refresh = await admin.keys("refresh", "read")
    const { access } = (await admin.send("POST", "/api/token/refresh/", { refresh }, "")).body
    expect((await admin.send("POST", "/api/projects", { title: "x" }, `Bearer ${access}`)).status).toBe(403)
    expect((await admin.send("POST", "/api/token/rotate", { refresh }, `Bearer ${access}`)).status).toBe(403)
  })

  test("a key says what it is for and when it was last used, and one from before may do everything", async () => {
    const program = await programOf(hub, "engineer")
    const listed = async () => {
      const { items } = (await (await program.person.get("/api/label-studio/keys")).json()) as {
        items: { scope: string; used_at: number | null }[]
      }
      return items
    }
    expect(await listed()).toMatchObject([{ scope: "full", used_at: null }])
    expect((await program.get("/api/projects")).status).toBe(200)
    const [used] = await listed()
    expect(used!.used_at).toBeGreaterThan(0)
    hub.clock.pass(30_000)
    await program.get("/api/projects")
    expect((await listed())[0]!.used_at).toBe(used!.used_at)
    hub.clock.pass(60_000)
    await program.get("/api/projects")
    expect((await listed())[0]!.used_at).toBeGreaterThan(used!.used_at!)
  })

  test("keys are stored as hashes only, and a disabled person's open nothing", async () => {
    const gone = await programOf(hub, "engineer")
    const rows = hub.hub.db.prepare("SELECT * FROM ls_token").all()
    expect(JSON.stringify(rows)).not.toContain(gone.token)
    await admin.person.send("PATCH", `/api/users/${gone.userId}`, { disabled: true })
    expect((await gone.get("/api/projects")).status).toBe(401)
  })
})

describe("tasks and pictures", () => {
  test("a picture by address is fetched, becomes a part, and waits for people", async () => {
    const { tasks } = await projectWith([{ data: { image: at("/1.png"), serial: "SN-7" } }])
    const task = await settled(tasks[0]!)
    expect(task.crux_picture).toBe("stored")
    const part = await (await worker.person.get(`/api/inspections/${task.crux_inspection}`)).json()
    expect(part).toMatchObject({
      device_id: "label-studio",
      part_id: "SN-7",
      image: { w: 24, h: 16 },
      label: null,
    })
  })

  test("only hosts the plant has named are asked, redirects are not followed, and what is no picture is said", async () => {
    const { tasks } = await projectWith([
      { data: { image: "http://169.254.169.254/latest" } },
      { data: { image: at("/away.png") } },
      { data: { image: at("/text.png") } },
      { data: { image: at("/missing.png") } },
      { data: { image: "s3://bucket/1.png" } },
    ])
    const seen = await Promise.all(tasks.map(settled))
    expect(seen.map(({ crux_picture, crux_picture_why }) => [crux_picture, crux_picture_why])).toEqual([
      ["failed", "the hub does not ask 169.254.169.254: it is not among the hosts of outbound.allow"],
      ["failed", "the server answered 302"],
      ["failed", "it is no JPEG, PNG or WebP picture"],
      ["failed", "the server answered 404"],
      ["failed", "its address is not one the hub can ask"],
    ])
    expect(asked).not.toContain("/secret")
  })

  test("the newest prediction is what the label screen offers first", async () => {
    const { tasks } = await projectWith([
      {
        data: { image: inside },
        predictions: [{ model_version: "m", score: 0.7, result: [box("scratch")] }],
      },
    ])
    const task = await settled(tasks[0]!)
    const part = await (await worker.person.get(`/api/inspections/${task.crux_inspection}`)).json()
    expect((part as Any).findings).toEqual([{ kind: "scratch", score: 0.7, box: [6, 4, 6, 8] }])
  })

  test("bringing the same tasks again, by name, makes no second ones", async () => {
    const sent = [
      {
        data: { image: inside },
        crux_key: "a",
        annotations: [{ unique_id: "ann-a", result: [verdict("OK")] }],
      },
    ]
    const { id, tasks } = await projectWith(sent)
    const again = await engineer.post(`/api/projects/${id}/import?return_task_ids=1`, sent)
    expect(again.body).toMatchObject({ task_ids: tasks, annotation_count: 0, crux_known: 1 })
    expect((await worker.get(`/api/tasks?project=${id}`)).body).toMatchObject({
      total: 1,
      total_annotations: 1,
    })
  })

  test("a list with one wrong task brings none of them", async () => {
    const { id } = await projectWith([])
    const answer = await engineer.post(`/api/projects/${id}/import`, [{ image: inside }, { picture: inside }])
    expect([answer.status, answer.body.validation_errors]).toEqual([
      400,
      { non_field_errors: ['Error at item 1: "image" key is expected in task data'] },
    ])
    expect((await worker.get(`/api/tasks?project=${id}`)).body.total).toBe(0)
  })

  test("files are uploaded as pictures and as tables, and served to whoever has a key", async () => {
    const { id } = await projectWith([])
    const form = new FormData()
    form.append("a", new File([picture as BlobPart], "../한글 1.png"))
    form.append("b", new File([`image,serial\n${at("/2.png")},"SN ""8"", left"\n`], "list.csv"))
    const answer = await hub.hub.fetch(
      new Request(`http://hub.test/label-studio/api/projects/${id}/import`, {
        method: "POST",
        headers: { authorization: `Token ${engineer.token}` },
        body: form,
      }),
    )
    expect(await answer.json()).toMatchObject({ task_count: 2, found_formats: [".png", ".csv"] })
    const { tasks } = (await worker.get(`/api/tasks?project=${id}`)).body
    expect(tasks[0].data.image).toMatch(
      new RegExp(`^/data/upload/${id}/[0-9a-f]{8}-%ED%95%9C%EA%B8%80_1\\.png$`),
    )
    expect(tasks[1].data.serial).toBe('SN "8", left')
    const bytes = (authorization: string) =>
      hub.hub.fetch(
        new Request(`http://hub.test/label-studio${tasks[0].data.image}`, { headers: { authorization } }),
      )
    expect(new Uint8Array(await (await bytes(`Token ${worker.token}`)).arrayBuffer())).toEqual(
      Uint8Array.from(picture),
    )
    expect((await bytes("")).status).toBe(401)
  })

  test("filters find by numbers, times and data, and one that is not understood is refused", async () => {
    const { id, tasks } = await projectWith([
      { image: inside, serial: "A-1", n: 3 },
      { image: inside, serial: "B-2", n: 11 },
    ])
    const found = async (items: unknown[], conjunction = "and") => {
      const query = encodeURIComponent(JSON.stringify({ filters: { conjunction, items } }))
      const { body } = await worker.get(`/api/tasks?project=${id}&query=${query}`)
      return body.tasks?.map((task: Any) => tasks.indexOf(task.id)) ?? body.detail
    }
    const filter = (column: string, operator: string, value: unknown, type = "String") => ({
      filter: `filter:tasks:${column}`,
      operator,
      value,
      type,
    })
    expect(await found([filter("data.serial", "contains", "a-")])).toEqual([0])
    expect(await found([filter("data.n", "greater", "4", "Number")])).toEqual([1])
    expect(await found([filter("id", "in_list", tasks, "Number")])).toEqual([0, 1])
    expect(await found([filter("created_at", "less", "2001-01-01T00:00:00Z", "Datetime")])).toEqual([])
    expect(
      await found([filter("data.serial", "equal", "A-1"), filter("data.n", "equal", 11, "Number")], "or"),
    ).toEqual([0, 1])
    expect(await found([filter("data.x') OR 1=1 --", "equal", "1")])).toEqual([])
    expect(await found([filter("password", "equal", "1")])).toBe("Validation error")
  })
})

test("archives have the config's words in alphabetical order and boxes where they were drawn", async () => {
  const { id, tasks } = await projectWith([{ image: inside }])
  await settled(tasks[0]!)
  await engineer.post(`/api/tasks/${tasks[0]}/annotations`, { result: [verdict("NG"), box("scratch")] })
  const answer = await hub.hub.fetch(
    new Request(
      `http://hub.test/label-studio/api/projects/${id}/export?export_type=YOLO&download_resources=true`,
      { headers: { authorization: `Token ${engineer.token}` } },
    ),
  )
  expect(answer.headers.get("content-disposition")).toMatch(/filename="project-\d+-at-.*\.zip"/)
  const path = `${hub.folder}/yolo.zip`
  await Bun.write(path, await answer.arrayBuffer())
  const zip = await openZip(path, hub.folder)
  const read = async (name: string) => new TextDecoder().decode(await zip.tree.read(name))
  expect((await read("classes.txt")).trim().split("\n")).toEqual(["NG", "OK", "dent", "scratch"])
  const label = zip.tree.paths.find((name) => name.startsWith("labels/"))!
  expect((await read(label)).trim()).toBe("3 0.375 0.5 0.25 0.5")
  const image = zip.tree.paths.find((name) => name.startsWith("images/"))!
  expect(await zip.tree.read(image)).toEqual(picture as never)
  await zip.close()
})

describe("annotations and labels", () => {
  test("what a program says is a label, what a person says on a tablet is an annotation", async () => {
    const { tasks } = await projectWith([{ image: inside }])
    const task = await settled(tasks[0]!)
    const made = await engineer.post(`/api/tasks/${task.id}/annotations/`, {
      result: [verdict("NG"), box("dent")],
      lead_time: 2.5,
    })
    expect(made.status).toBe(201)
    const [label] = await labelsOf(task.crux_inspection)
    expect(label).toMatchObject({
      verdict: "ng",
      kinds: ["dent"],
      boxes: [{ kind: "dent", box: [6, 4, 6, 8] }],
      by: { id: engineer.userId },
      active_ms: 2500,
    })
    expect(made.body.crux_label).toBe(label.id)

    const tablet = await hub.as("worker")
    await tablet.post(
      "/api/labels",
      newLabel(task.crux_inspection, {
        verdict: "ng",
        kinds: ["scratch"],
        boxes: [{ kind: "scratch", box: [12, 4, 6, 8] }],
      }),
    )
    const annotations = (await worker.get(`/api/tasks/${task.id}/annotations`)).body
    expect(annotations).toHaveLength(2)
    expect(annotations[0].result.map(({ from_name, value }: Any) => [from_name, value])).toEqual([
      ["verdict", { choices: ["NG"] }],
      ["defect", { x: 50, y: 25, width: 25, height: 50, rotation: 0, rectanglelabels: ["scratch"] }],
    ])
    // Given without knowing of the first, and it says something else: two judges differ.
    expect((await taskOf(task.id)).total_annotations).toBe(2)
  })

  test("a change is a revision and a deletion a withdrawal; every revision stays", async () => {
    const { tasks } = await projectWith([{ image: inside }])
    const task = await settled(tasks[0]!)
    const { id } = (await engineer.post(`/api/tasks/${task.id}/annotations`, { result: [verdict("OK")] }))
      .body
    await engineer.patch(`/api/annotations/${id}`, { result: [verdict("NG"), box("dent")] })
    await engineer.del(`/api/annotations/${id}/`)
    expect((await labelsOf(task.crux_inspection)).map(({ verdict: said }) => said)).toEqual([
      "ok",
      "ng",
      "withdrawn",
    ])
    expect((await engineer.get(`/api/annotations/${id}`)).status).toBe(404)
    const kept = hub.hub.db
      .prepare("SELECT action FROM ls_annotation_revision WHERE annotation = $id")
      .all({ id })
    expect(kept).toEqual([{ action: "submitted" }, { action: "updated" }, { action: "deleted" }])
    expect(() => hub.hub.db.exec(`DELETE FROM ls_annotation_revision WHERE annotation = ${id}`)).toThrow(
      "append-only",
    )
  })

  test("a worker changes only what is their own; a reviewer may change it", async () => {
    const { tasks } = await projectWith([{ image: inside }])
    await settled(tasks[0]!)
    const { id } = (await engineer.post(`/api/tasks/${tasks[0]}/annotations`, { result: [verdict("OK")] }))
      .body
    expect((await worker.patch(`/api/annotations/${id}`, { result: [] })).status).toBe(403)
    const reviewer = await programOf(hub, "reviewer")
    expect(
      (await reviewer.patch(`/api/annotations/${id}`, { result: [verdict("NG"), box("dent")] })).status,
    ).toBe(200)
    const labels = await labelsOf((await taskOf(tasks[0]!)).crux_inspection)
    expect(labels.map(({ by, verdict: said }) => [by.id, said])).toEqual([
      [engineer.userId, "ok"],
      [reviewer.userId, "ng"],
    ])
  })

  test("an annotation that comes before the picture becomes a label when the picture is here, also over a restart", async () => {
    const own = await startTestHub({ config: { outbound: { allow: "127.0.0.1" } } })
    try {
      const program = await programOf(own, "engineer")
      const project = (await program.post("/api/projects", { title: "line", label_config: config })).body.id
      let slow = true
      const server = Bun.serve({
        port: 0,
        hostname: "127.0.0.1",
        fetch: () => (slow ? new Response("", { status: 503 }) : new Response(picture as BodyInit)),
      })
      const brought = await program.post(`/api/projects/${project}/import?return_task_ids=1`, [
        {
          data: { image: `http://127.0.0.1:${server.port}/a.png` },
          annotations: [{ result: [verdict("NG"), box("scratch")] }],
        },
      ])
      const [id] = brought.body.task_ids
      expect((await program.get(`/api/tasks/${id}`)).body.crux_picture).toBe("waiting")
      slow = false
      await own.restart()
      const task = await until("the picture", async () => {
        const { body } = await program.get(`/api/tasks/${id}`)
        return body.crux_picture === "stored" && body
      })
      const labels = await own.hub.labelling.revisions(task.crux_inspection)
      expect(labels.map(({ verdict: said, kinds }) => [said, kinds])).toEqual([["ng", ["scratch"]]])
      await server.stop(true)
    } finally {
      await own.stop()
    }
  })

  test("the same unique_id is stored once; on another task it is refused", async () => {
    const { tasks } = await projectWith([{ image: inside }, { image: inside }])
    const said = { result: [verdict("OK")], unique_id: "u-1" }
    const first = await engineer.post(`/api/tasks/${tasks[0]}/annotations`, said)
    const again = await engineer.post(`/api/tasks/${tasks[0]}/annotations`, said)
    expect(again.body.id).toBe(first.body.id)
    expect((await engineer.post(`/api/tasks/${tasks[1]}/annotations`, said)).status).toBe(400)
  })

  test("a config that would orphan what was said is refused, one that only adds is taken, to the byte", async () => {
    const { id, tasks } = await projectWith([{ image: inside }])
    await engineer.post(`/api/tasks/${tasks[0]}/annotations`, { result: [verdict("NG"), box("dent")] })
    const less = config.replace('<Label value="dent"/>', "")
    const refused = await engineer.patch(`/api/projects/${id}`, { label_config: less })
    expect([refused.status, refused.body.validation_errors.label_config[0]]).toEqual([
      400,
      expect.stringContaining('"dent" of "defect"'),
    ])
    const more = `${config.replace("<Label", "<!-- 새 것 -->\n\t<Label")}\n`
    expect((await engineer.patch(`/api/projects/${id}/`, { label_config: more })).body.label_config).toBe(
      more,
    )
  })

  test("what the config has no word for stays in the annotation, and the annotation says so", async () => {
    const { tasks } = await projectWith([{ image: inside }])
    await settled(tasks[0]!)
    const strange = {
      ...box("scratch"),
      type: "rectanglelabels",
      value: { ...box("x").value, rectanglelabels: ["?"] },
    }
    const made = await engineer.post(`/api/tasks/${tasks[0]}/annotations`, {
      result: [verdict("NG"), strange],
    })
    expect(made.body.result[1].value.rectanglelabels).toEqual(["?"])
    expect(made.body.crux_note).toBe("unknown_label: ?")
  })
})
