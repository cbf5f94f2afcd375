import { afterAll, beforeAll, expect, test } from "bun:test"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { theHub } from "../../../hub/platform/audit.ts"
import type { Served } from "../../../hub/serve.bun.ts"
import { noisePng, sha256, until } from "../support/device.ts"
import { type TestHub, testPassword } from "../support/hub.ts"
import { box, config, type Program, programOf, startServedHub, verdict } from "./kit.ts"

const main = `${import.meta.dir}/../../../hub/main.ts`
type Side = { test: TestHub; served: Served; url: string }
let from: Side
let to: Side
let source: Program
beforeAll(async () => {
  from = await startServedHub()
  to = await startServedHub()
  await to.test.hub.users.create(theHub, {
    login: "mover",
    name: "Mover",
    role: "admin",
    language: "en",
    password: testPassword,
  })
  source = await programOf(from.test, "admin")
})
afterAll(async () => {
  for (const side of [from, to]) {
    await side?.served.stop()
    await side?.test.stop()
  }
})

async function run(args: string[]) {
  const child = Bun.spawn(
    [
      process.execPath,
      main,
      "import",
      "label-studio",
      "--json",
      "--hub",
      to.url,
      "--login",
      "mover",
      ...args,
    ],
    {
      stdout: "pipe",
      stderr: "pipe",
      env: {
        ...process.env,
        CRUX_PASSWORD: testPassword,
        LABEL_STUDIO_API_KEY: await source.keys("refresh"),
      },
    },
  )
  const [out, problems] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ])
  const exit = await child.exited
  if (!out) throw new Error(problems)
  return { exit, report: JSON.parse(out) }
}

// The other side is a hub, which speaks the same language; what a real Label Studio answers beside it, this does not show.
test("whole projects move with people, pictures, annotations and predictions, and a second run brings nothing twice", async () => {
  const kim = await source.post("/api/users", { email: "kim@plant.example", first_name: "Kim" })
  const project = (await source.post("/api/projects", { title: "line 4", label_config: config })).body.id
  const pictures = [noisePng(24, 16), noisePng(24, 16)]
  const inside = (bytes: Uint8Array) => `data:image/png;base64,${Buffer.from(bytes).toString("base64")}`
  await source.post(`/api/projects/${project}/import`, [
    {
      data: { image: inside(pictures[0]!), serial: "SN-1" },
      annotations: [{ result: [verdict("NG"), box("dent")], completed_by: kim.body.id, lead_time: 3 }],
      predictions: [{ result: [box("scratch")], score: 0.4, model_version: "m" }],
    },
    { data: { image: inside(pictures[1]!) }, annotations: [{ result: [], was_cancelled: true }] },
  ])

  const first = await run(["--from", `${from.url}/label-studio`])
  expect(first.exit).toBe(0)
  expect(first.report.people).toEqual({ made: 2, known: 0, not_made: [] })
  expect(first.report.projects).toEqual([
    expect.objectContaining({
      title: "line 4",
      tasks: { found: 2, new: 2, known: 0 },
      annotations: { found: 2, new: 2, known: 0 },
      predictions: { found: 1, new: 1, known: 0 },
      pictures: { brought: 2, bytes: pictures[0]!.length + pictures[1]!.length, missing: [] },
      differences: [],
    }),
  ])

  const program = await programOf(to.test, "admin")
  const moved = first.report.projects[0].target
  const task = await until("the part", async () => {
    const [one] = (await program.get(`/api/tasks?project=${moved}`)).body.tasks
    return one.crux_picture === "stored" && one
  })
  const part = await program.person.get(`/api/inspections/${task.crux_inspection}`)
  expect(await part.json()).toMatchObject({
    part_id: "SN-1",
    image: { sha256: sha256(pictures[0]!) },
    label: { verdict: "ng", kinds: ["dent"], by: "Kim" },
  })
  expect((await program.get(`/api/projects/${moved}`)).body.label_config).toBe(config)

  // Somebody went on working there meanwhile.
  await source.post(`/api/projects/${project}/import`, [{ data: { image: inside(noisePng(24, 16)) } }])
  const second = await run(["--from", `${from.url}/label-studio`, "--project", String(project)])
  expect(second.report.projects[0]).toMatchObject({
    target: moved,
    tasks: { found: 3, new: 1, known: 2 },
    annotations: { found: 2, new: 0, known: 2 },
    pictures: { brought: 1 },
    differences: [],
  })
  expect(second.report.people).toMatchObject({ made: 0, known: 2 })
}, 60_000)

test("an export and a folder of pictures come in the same way; a picture that is missing is said and the rest comes in", async () => {
  const folder = join(to.test.folder, "export")
  mkdirSync(join(folder, "media", "upload"), { recursive: true })
  const picture = noisePng(24, 16)
  writeFileSync(join(folder, "media", "upload", "1f0c9a2b-cam 2.png"), picture)
  writeFileSync(join(folder, "config.xml"), config)
  writeFileSync(
    join(folder, "line7.json"),
    JSON.stringify([
      {
        id: 17,
        data: { image: "/data/upload/3/1f0c9a2b-cam%202.png" },
        annotations: [
          { id: 41, completed_by: { id: 5, email: "Lee@plant.example" }, result: [verdict("OK")] },
        ],
        predictions: [90],
      },
      {
        id: 18,
        data: { image: "/data/upload/3/00000000-gone.png" },
        annotations: [{ id: 42, result: [verdict("NG")] }],
      },
    ]),
  )
  const args = [
    "--export",
    join(folder, "line7.json"),
    "--config",
    join(folder, "config.xml"),
    "--media",
    join(folder, "media"),
  ]
  const { exit, report } = await run(args)
  expect(exit).toBe(10)
  expect(report.people).toMatchObject({ made: 1 })
  expect(report.projects[0]).toMatchObject({
    tasks: { new: 2 },
    annotations: { new: 2 },
    pictures: { brought: 1 },
    differences: ["task 18: its picture was not brought: it is not in the folder"],
  })
  // What is missing is said again, until it is there.
  const again = await run(args)
  expect(again.report.projects[0]).toMatchObject({
    tasks: { new: 0, known: 2 },
    annotations: { new: 0 },
    differences: report.projects[0].differences,
  })
  writeFileSync(join(folder, "media", "upload", "00000000-gone.png"), noisePng(24, 16))
  const whole = await run(args)
  expect([whole.exit, whole.report.projects[0].pictures.brought]).toEqual([0, 1])
  const program = await programOf(to.test, "admin")
  await until("the part", async () => {
    const { tasks } = (await program.get(`/api/tasks?project=${report.projects[0].target}`)).body
    return tasks.every((task: { crux_picture: string }) => task.crux_picture === "stored")
  })
}, 60_000)
