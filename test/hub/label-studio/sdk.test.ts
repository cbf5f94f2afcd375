import { afterAll, beforeAll, expect, test } from "bun:test"
import { existsSync } from "node:fs"
import type { Served } from "../../../hub/serve.bun.ts"
import { noisePng } from "../support/device.ts"
import type { TestHub } from "../support/hub.ts"
import { programOf, startServedHub } from "./kit.ts"

const python = `${import.meta.dir}/../../../.python-sdk/bin/python`
const script = `${import.meta.dir}/../../peers/label_studio_client.py`

let hub: TestHub
let served: Served
let url: string
beforeAll(async () => {
  if (!existsSync(python))
    throw new Error("Label Studio's own client is missing: run ./scripts/test once, it installs it")
  ;({ test: hub, served, url } = await startServedHub())
})
afterAll(async () => {
  await served?.stop()
  await hub?.stop()
})

test("scripts written for Label Studio run with its own clients, new and old, when address and key are changed", async () => {
  const admin = await programOf(hub, "admin")
  const picture = `data:image/png;base64,${Buffer.from(noisePng(24, 16)).toString("base64")}`
  const child = Bun.spawn(
    [python, script, `${url}/label-studio`, await admin.keys("refresh"), admin.token, picture],
    { stdout: "pipe", stderr: "pipe", env: { ...process.env, HOME: hub.folder } },
  )
  const [out, problems] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ])
  if ((await child.exited) !== 0) throw new Error(problems)
  const said = JSON.parse(out)

  expect(said).toMatchObject({
    edition: "Community",
    config_kept: true,
    labels: ["scratch", "찍힘"],
    refused: [400, ['toName="b" not found in names']],
    brought: [2, 1],
    picture: "stored",
    annotation: [true, true, ["scratch"]],
    prediction: "m2",
    view: true,
    exported: [
      ["SN-1", 1],
      [null, 0],
    ],
    table: [
      "annotation_id",
      "annotator",
      "created_at",
      "defect",
      "id",
      "image",
      "lead_time",
      "serial",
      "updated_at",
      "verdict",
    ],
    snapshot: [1, 0],
    deleted: [],
    webhooks: ["http://127.0.0.1:9/"],
    person: "kim@plant.example",
    paged: [230, 232],
    up: "UP",
    legacy: {
      labeled: true,
      unlabeled: true,
      exported: [true],
      versions: { m3: 1 },
      taken_over: 1,
      files: ["89504e47"],
      users: [said.me, "kim@plant.example"],
    },
    dropped: 204,
    stranger: [401, "Authentication credentials were not provided."],
  })

  // What the script said is what the hub knows: every step a revision, the deletion a withdrawal.
  const revisions = await (await admin.person.get(`/api/inspections/${said.part}/labels`)).json()
  expect(
    revisions.items.map(({ verdict, kinds }: { verdict: string; kinds: string[] }) => [verdict, kinds]),
  ).toEqual([
    ["ng", [expect.stringMatching(/^k-[0-9a-f]{12}$/)]],
    ["ng", ["scratch"]],
    ["withdrawn", []],
  ])
  const classes = await (await admin.person.get("/api/defect-classes")).json()
  expect(classes.items.map(({ names }: { names: { ko: string } }) => names.ko)).toEqual(["scratch", "찍힘"])
}, 120_000)
