import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test"
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as v from "valibot"
import { JobView } from "#contract/registry"
import type { ReviewItem, SuspectReport } from "#contract/review"
import { systemIds } from "../../../hub/platform/ids.ts"
import { createTrainerChild } from "../../../hub/training/trainer.child.ts"
import { enrol, until } from "../support/device.ts"
import { type Browser, startTestHub, type TestHub } from "../support/hub.ts"
import { partPicture } from "../support/models.ts"
import { frozenSets, newLabel, storePictures } from "../support/parts.ts"

// Each test starts processes of its own; on a busy machine that takes its time.
setDefaultTimeout(60_000)

let plant: TestHub
let engineer: Browser
let folder: string
let behaviour: string

const behave = (mode: "good" | "wait" | "fail" | "lie" | "doubt") => writeFileSync(behaviour, mode)
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
    expect(queued).toMatchObject({ why: "manual", state: "preparing", dataset: { digest: null } })
    const done = await ended(queued.id)
    expect(done).toMatchObject({ state: "succeeded", gate_pass: true, error: null })
    expect(done.dataset).toMatchObject({ train: 6, calib: 2, ok: 8, ng: 0 })
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
    const golden = (await frozenSets(plant)).golden.samples.map((s) => s.image)
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

  test("may try larger pictures by itself only where every station would hold them", async () => {
    const first = await ended((await start()).id)
    expect(first.recipe.params.side).toBe(0)
    await enrol(plant, "cam-1")
    const paced = async (p99_ms: number) => {
      const slot = { line: "main", release: 1, manifest: first.model!, digest: first.model!, since: 0 }
      await plant.hub.fleet.onReported("cam-1", {
        v: 1,
        device: "cam-1",
        ts: 0,
        rev_seen: 0,
        rev_applied: 0,
        activation: { state: "committed", since: 0 },
        slots: { current: slot },
        queue: { depth: 0, bytes: 0, oldest_ms: 0 },
        shed: {},
        latency: { p50_ms: p99_ms / 2, p99_ms },
        counts: { inspected: 100, ok: 100, ng: 0, undecidable: 0 },
      })
      return (await ended((await start()).id)).recipe.params.side
    }
    expect(await paced(0.01)).toBe(0)
    expect(await paced(1_000)).toBe(384)
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

  test("puts labels its trainer doubts before a reviewer, changes none, and says how many were wrong", async () => {
    await engineer.post("/api/defect-classes", { key: "dent", names: { ko: "찍힘", en: "Dent" } })
    const pictures = Array.from({ length: 5 }, (_, n) => partPicture({ grey: 150 + n, square: true }))
    const parts = await storePictures(plant, pictures)
    const worker = await plant.as("worker")
    for (const id of parts) await worker.post("/api/labels", newLabel(id, { verdict: "ng", kinds: ["dent"] }))
    const reviewer = await plant.as("reviewer")
    const waiting = async (): Promise<ReviewItem[]> =>
      (await (await reviewer.get("/api/reviews")).json()).items
    const report = async (): Promise<SuspectReport> => (await reviewer.get("/api/msa/suspects")).json()
    behave("doubt")
    await ended((await start()).id)
    // One of five is golden: its label is in no bundle.
    const doubted = await waiting()
    expect(doubted).toHaveLength(4)
    for (const { why, doubt, inspection } of doubted) {
      expect({ why, said: doubt?.said, p_said: doubt?.p_said }).toEqual({
        why: "suspect",
        said: null,
        p_said: 0.96,
      })
      expect(inspection.label).toMatchObject({ verdict: "ng", kinds: ["dent"], revision: 1 })
    }
    expect(plant.hub.labelling.settled()).toBe(5)
    expect(await report()).toMatchObject({ waiting: 4, wrong: { n: 0, of: 0, share: null } })

    const review = (n: number, of: object) =>
      reviewer.post("/api/reviews", {
        id: systemIds.uuid(),
        inspection_id: doubted[n]!.inspection.id,
        revision: 1,
        ...of,
      })
    expect((await review(0, { outcome: "accepted" })).status).toBe(200)
    const good = { verdict: "ok", kinds: [], boxes: [] }
    expect((await review(1, { outcome: "fixed", label: good })).status).toBe(200)
    expect(await report()).toMatchObject({ waiting: 2, wrong: { n: 1, of: 2, share: 0.5 } })

    // What is doubted already, and what a reviewer has looked at, is not asked about again.
    await ended((await start()).id)
    expect((await waiting()).map(({ inspection }) => inspection.id)).toEqual(
      doubted.slice(2).map(({ inspection }) => inspection.id),
    )
    expect(await report()).toMatchObject({ waiting: 2, wrong: { n: 1, of: 2 } })
    expect((await worker.get("/api/msa/suspects")).status).toBe(403)
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
