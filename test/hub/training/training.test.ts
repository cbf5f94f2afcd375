import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test"
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as v from "valibot"
import { JobView } from "#contract/registry"
import { createTrainerChild } from "../../../hub/training/trainer.child.ts"
import { until } from "../support/device.ts"
import { type Browser, startTestHub, type TestHub } from "../support/hub.ts"
import { partPicture } from "../support/models.ts"

// Each test starts processes of its own; on a busy machine that takes its time.
setDefaultTimeout(60_000)

let plant: TestHub
let engineer: Browser
let folder: string
let behaviour: string

const behave = (mode: "good" | "wait" | "fail" | "lie") => writeFileSync(behaviour, mode)
const read = async (answer: Response) => v.parse(JobView, await answer.json())
const job = async (id: string) => read(await engineer.get(`/api/training/jobs/${id}`))
const start = async () => read(await engineer.post("/api/training/jobs", {}))
const ended = (id: string) =>
  until("the end of the job", async () => {
    const view = await job(id)
    return ["succeeded", "failed", "cancelled"].includes(view.state) && view
  })
const trainerPid = () =>
  until(
    "the trainer",
    () => existsSync(`${behaviour}.pid`) && Number(readFileSync(`${behaviour}.pid`, "utf8")),
  )
const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

async function upload(path: string, n: number, verdict: "ok" | "ng") {
  const meta = {
    part_id: `${path}-${verdict}-${n}`,
    label: { verdict, kinds: verdict === "ng" ? ["dent"] : [], boxes: [] },
  }
  const picture = partPicture({ grey: 20 + n + (path === "golden" ? 0 : 60), square: verdict === "ng" })
  const answer = await engineer.post(`/api/${path}?meta=${encodeURIComponent(JSON.stringify(meta))}`, picture)
  expect(answer.status).toBe(200)
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "crux-trainer-"))
  behaviour = join(folder, "behaviour")
  behave("good")
  const stub = join(import.meta.dir, "trainer.stub.ts")
  const trainer = createTrainerChild({ command: [process.execPath, stub, behaviour] })
  plant = await startTestHub({ ports: { trainer } })
  engineer = await plant.as("engineer")
  for (let n = 0; n < 12; n++) await upload("golden", n, "ok")
  for (let n = 0; n < 8; n++) await upload("references", n, "ok")
})
afterEach(async () => {
  await plant.stop()
  rmSync(folder, { recursive: true, force: true })
})

describe("a training job", () => {
  test("makes the first model from good parts alone, proved but warned about", async () => {
    const queued = await start()
    expect(queued).toMatchObject({ why: "manual", dataset: { train: 6, calib: 2, ok: 8, ng: 0 } })
    const done = await ended(queued.id)
    expect(done).toMatchObject({ state: "succeeded", gate_pass: true, error: null })
    expect(done.curve.at(-1)).toMatchObject({ metrics: { loss: 0.1 } })
    const model = plant.hub.registry.get(done.model!)
    expect(model).toMatchObject({ state: "candidate", job_id: queued.id, metrics: { loss: 0.1 } })
    expect(model.gate?.checks.find((c) => c.id === "escape")).toMatchObject({ status: "warn" })
    await until("the bundle's end", () => readdirSync(join(plant.folder, "training")).length === 0)
  })

  test("learns the kinds of its training split, and its bundle never holds a golden part", async () => {
    for (let n = 0; n < 6; n++) await upload("references", n, "ng")
    behave("wait")
    const { id } = await start()
    process.kill(await trainerPid(), 0)
    const bundle = join(plant.folder, "training", id)
    expect(JSON.parse(readFileSync(join(bundle, "job.json"), "utf8"))).toMatchObject({
      classes: [{ id: 1, key: "dent" }],
    })
    const samples = readFileSync(join(bundle, "samples.jsonl"), "utf8")
    const golden = plant.hub.dataset.freeze().golden.samples.map((s) => s.image)
    expect(golden).toHaveLength(12)
    for (const image of golden) expect(samples).not.toContain(image)
  })

  test("fails visibly with the trainer's own words", async () => {
    behave("fail")
    expect(await ended((await start()).id)).toMatchObject({ state: "failed", error: "too few good images" })
  })

  test("fails when the trainer hands in another file than it names", async () => {
    behave("lie")
    const failed = await ended((await start()).id)
    expect(failed).toMatchObject({ state: "failed", error: "model.onnx is not the file the manifest names" })
  })

  test("is cancelled with its process", async () => {
    behave("wait")
    const { id } = await start()
    const pid = await trainerPid()
    const answer = await engineer.post(`/api/training/jobs/${id}/cancel`)
    expect(await read(answer)).toMatchObject({ state: "cancelled" })
    await until("the trainer's end", () => !isAlive(pid))
    expect((await engineer.post(`/api/training/jobs/${id}/cancel`)).status).toBe(409)
  })

  test("is started again after the hub was stopped, and given up visibly the second time", async () => {
    behave("wait")
    const { id } = await start()
    for (const expected of ["running", "failed"] as const) {
      const pid = await trainerPid()
      rmSync(`${behaviour}.pid`)
      await plant.restart()
      engineer = await plant.as("engineer")
      expect(isAlive(pid)).toBe(false)
      const view = await until(`the job to be ${expected}`, async () => {
        const now = await job(id)
        return now.state === expected && now
      })
      if (expected === "failed") expect(view.error).toContain("interrupted twice")
    }
  })

  test("needs an OK part, and an engineer", async () => {
    const empty = await startTestHub()
    try {
      const answer = await (await empty.as("engineer")).post("/api/training/jobs", {})
      expect(answer.status).toBe(409)
      expect(await answer.json()).toMatchObject({ key: "training_no_ok" })
      expect((await (await empty.as("reviewer")).post("/api/training/jobs", {})).status).toBe(403)
    } finally {
      await empty.stop()
    }
  })
})
