import { afterAll, beforeAll, expect, test } from "bun:test"
import { existsSync, mkdtempSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { noisePng, until } from "../support/device.ts"
import { startTestHub, type TestHub } from "../support/hub.ts"
import { config, type Program, programOf, verdict } from "./kit.ts"

const python = `${import.meta.dir}/../../../.python-ml/bin/python`
let hub: TestHub
let engineer: Program
let server: Bun.Subprocess<"ignore", "pipe", "pipe">
let url: string
beforeAll(async () => {
  if (!existsSync(python))
    throw new Error("Label Studio's own model server is missing: run ./scripts/test once, it installs it")
  server = Bun.spawn(
    [
      python,
      `${import.meta.dir}/../../peers/label_studio_backend.py`,
      mkdtempSync(join(tmpdir(), "crux-ml-")),
    ],
    { stdin: "ignore", stdout: "pipe", stderr: "pipe" },
  )
  const reader = server.stdout.getReader()
  const { value } = await reader.read()
  url = `http://127.0.0.1:${Number(new TextDecoder().decode(value).split("\n")[0])}`
  await until("the model server", () =>
    fetch(`${url}/health`).then(
      ({ ok }) => ok,
      () => false,
    ),
  )
  hub = await startTestHub({ config: { outbound: { allow: "127.0.0.1" } } })
  engineer = await programOf(hub, "engineer")
}, 120_000)
afterAll(async () => {
  server?.kill()
  await server?.exited
  await hub?.stop()
})

async function projectWith(count: number): Promise<{ id: number; tasks: number[] }> {
  const { id } = (await engineer.post("/api/projects", { title: "line", label_config: config })).body
  const image = `data:image/png;base64,${Buffer.from(noisePng(24, 16)).toString("base64")}`
  const tasks = Array.from({ length: count }, () => ({ image }))
  return {
    id,
    tasks: (await engineer.post(`/api/projects/${id}/import?return_task_ids=1`, tasks)).body.task_ids,
  }
}

test("a model server of today's plants is connected, predicts in groups, and its answers are predictions", async () => {
  const { id, tasks } = await projectWith(20)
  const made = await engineer.post("/api/ml/", { project: id, url, title: "old friend" })
  expect([made.status, made.body]).toEqual([
    201,
    expect.objectContaining({
      state: "CO",
      readable_state: "Connected",
      error_message: null,
      model_version: "INITIAL",
    }),
  ])
  const asked = await engineer.post(`/api/dm/actions/?id=retrieve_tasks_predictions&project=${id}`, {
    selectedItems: { all: true, excluded: [] },
  })
  expect(asked.body.processed_items).toBe(20)
  const [first] = (await engineer.get(`/api/predictions?task=${tasks[0]}`)).body
  expect(first).toMatchObject({
    score: 0.7,
    model_version: "INITIAL",
    result: [verdict("NG")].map(({ id: _, ...rest }) => rest),
  })
  // Asked again, it has one opinion of each task and not two.
  await engineer.post(`/api/ml/${made.body.id}/predict`)
  expect((await engineer.get(`/api/projects/${id}`)).body.total_predictions_number).toBe(20)
  expect((await engineer.get(`/api/projects/${id}/model-versions`)).body).toEqual({ INITIAL: 20 })
})

test("while somebody draws it answers at once, and nothing is kept", async () => {
  const { id, tasks } = await projectWith(1)
  const { body: backend } = await engineer.post("/api/ml", { project: id, url, is_interactive: true })
  const point = { type: "keypointlabels", is_positive: true, value: { x: 40, y: 50, width: 1 } }
  const said = await engineer.post(`/api/ml/${backend.id}/interactive-annotating`, {
    task: tasks[0],
    context: { result: [point] },
  })
  expect(said.body.data.result[1].value).toMatchObject({
    x: 35,
    y: 45,
    width: 10,
    rectanglelabels: ["scratch"],
  })
  expect((await engineer.get(`/api/predictions?task=${tasks[0]}`)).body).toEqual([])
})

test("it is asked before people are when it pre-labels: its marks are on the part when that is first shown", async () => {
  const { id } = (await engineer.post("/api/projects", { title: "line 8", label_config: config })).body
  const made = await engineer.person.post("/api/label-studio/servers", { project: id, url, prelabels: true })
  expect([made.status, await made.json()]).toEqual([
    201,
    expect.objectContaining({
      state: "connected",
      model_version: "INITIAL",
      prelabels: true,
      sign_in: "none",
      labels: [
        { word: "scratch", kind: "scratch" },
        { word: "dent", kind: "dent" },
      ],
      run: null,
    }),
  ])
  const image = `data:image/png;base64,${Buffer.from(noisePng(24, 16)).toString("base64")}`
  const [task] = (await engineer.post(`/api/projects/${id}/import?return_task_ids=1`, [{ image }])).body
    .task_ids
  const part = await until("the part", async () => {
    const { body } = await engineer.get(`/api/tasks/${task}`)
    return body.crux_picture === "stored" && body
  })
  expect(part.predictions).toMatchObject([{ model_version: "INITIAL", score: 0.7 }])
  const said = await engineer.person.get(`/api/inspections/${part.crux_inspection}/prelabels`)
  expect((await said.json()).items).toMatchObject([
    {
      role: "server",
      model: "INITIAL",
      verdict: { eval: "ng", score: 0.7 },
      findings: [{ kind: "unknown" }],
    },
  ])
  // Nobody but engineers connects one.
  const worker = await hub.as("worker")
  expect((await worker.get("/api/label-studio/servers")).status).toBe(403)
})

test("one that pre-labels and is away holds no part up, and is left alone for a while", async () => {
  let asked = 0
  const away = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request) => {
      if (!request.url.endsWith("/predict")) return Response.json({ status: "UP", model_version: "1" })
      asked += 1
      return new Response("out of memory", { status: 500 })
    },
  })
  const { id } = (await engineer.post("/api/projects", { title: "line 9", label_config: config })).body
  const address = `http://127.0.0.1:${away.port}`
  const made = await engineer.person.post("/api/label-studio/servers", {
    project: id,
    url: address,
    token: "s3cret",
    prelabels: true,
  })
  const { id: server } = (await made.json()) as { id: number }
  const image = () => `data:image/png;base64,${Buffer.from(noisePng(24, 16)).toString("base64")}`
  for (const _ of [1, 2]) {
    const sent = await engineer.post(`/api/projects/${id}/import?return_task_ids=1`, [{ image: image() }])
    const [task] = sent.body.task_ids
    await until(
      "the part",
      async () => (await engineer.get(`/api/tasks/${task}`)).body.crux_picture === "stored",
    )
  }
  expect(asked).toBe(1)
  const shown = await (await engineer.person.get("/api/label-studio/servers")).text()
  expect(shown).not.toContain("s3cret")
  expect(JSON.parse(shown).items.find((one: { id: number }) => one.id === server)).toMatchObject({
    state: "failed",
    error: "the model server answered 500 to /predict",
    sign_in: "token",
    predicted: 0,
  })
  // Asked by hand it is asked, and says the same of itself.
  const run = await engineer.person.post(`/api/label-studio/servers/${server}/predict`, {})
  expect(run.status).toBe(202)
  await until("the end of the run", async () => {
    const { items } = await (await engineer.person.get("/api/label-studio/servers")).json()
    const { run: seen } = items.find((one: { id: number }) => one.id === server)
    return seen.ended && seen.error !== null
  })
  await away.stop(true)
})

test("the key it is given fetches pictures and makes no lasting key", async () => {
  let given = ""
  const curious = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      if (request.method === "POST") given = ((await request.json()) as { access_token: string }).access_token
      return Response.json({ status: "UP", model_version: "1" })
    },
  })
  const { id, tasks } = await projectWith(1)
  await engineer.post("/api/ml", { project: id, url: `http://127.0.0.1:${curious.port}` })
  await curious.stop(true)
  const as = (method: string, path: string) => engineer.send(method, path, undefined, `Bearer ${given}`)
  expect((await as("GET", (await as("GET", `/api/tasks/${tasks[0]}`)).body.data.image)).status).toBe(200)
  expect((await as("GET", "/api/current-user/token")).status).toBe(403)
  expect((await as("POST", "/api/current-user/reset-token")).status).toBe(403)
  expect((await as("POST", "/api/token/")).status).toBe(403)
  hub.clock.pass(25 * 3_600_000)
  expect((await as("GET", "/api/projects")).status).toBe(401)
})

test("one that does not answer, or is not among the named hosts, is shown with the reason and stops nothing", async () => {
  const { id } = await projectWith(1)
  const state = async (address: string) => {
    const { body } = await engineer.post("/api/ml", { project: id, url: address })
    return [body.state, body.error_message]
  }
  expect(await state("http://127.0.0.1:1")).toEqual(["ER", "127.0.0.1:1 cannot be reached"])
  expect(await state("http://192.168.0.9:9090")).toEqual([
    "ER",
    "the hub does not ask 192.168.0.9: it is not among the hosts of outbound.allow",
  ])
  expect((await engineer.get(`/api/ml?project=${id}`)).body).toHaveLength(2)
})
