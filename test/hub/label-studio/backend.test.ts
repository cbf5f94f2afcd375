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
