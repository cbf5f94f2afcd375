import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test"
import * as v from "valibot"
import { JobView } from "#contract/registry"
import { selfCommand } from "#models/child"
import type { Asker } from "#models/infer/asker"
import { createAsker } from "#models/infer/asker"
import type { FreezeOperations } from "../../../hub/dataset/freeze.worker.ts"
import { until } from "../support/device.ts"
import { type Browser, startTestHub, type TestHub } from "../support/hub.ts"
import { brightnessModel } from "../support/models.ts"
import { newLabel, storeParts } from "../support/parts.ts"
import { jobIn, jobOf } from "./kit.ts"

setDefaultTimeout(60_000)

let plant: TestHub
let engineer: Browser
/** The child is asked nothing more while this is not there. */
let gate: PromiseWithResolvers<void>
let asked: string[]

/** The real child, which can be held between two steps. */
function held(database: string): Asker<FreezeOperations> {
  const child = createAsker<FreezeOperations>({ command: selfCommand("worker", "freeze", database) })
  return {
    ...child,
    ask: async (request, ms) => {
      asked.push(request.op)
      if (request.op === "step") await gate.promise
      return await child.ask(request, ms)
    },
  }
}
const hold = () => {
  gate = Promise.withResolvers()
}

beforeAll(async () => {
  gate = Promise.withResolvers()
  gate.resolve()
  plant = await startTestHub({ ports: { freezer: held } })
  engineer = await plant.as("engineer")
})
afterAll(async () => {
  gate.resolve()
  await plant.stop()
})
beforeEach(() => {
  asked = []
})

async function label(count: number): Promise<string[]> {
  const parts = storeParts(plant, count)
  for (const id of parts) await engineer.post("/api/labels", newLabel(id))
  return parts
}
/** A job that nobody takes by himself. */
async function start(over: object = {}): Promise<JobView> {
  const offline = { task: "anomaly" }
  const answer = await engineer.post("/api/training/jobs", { recipe: { id: "far.away" }, offline, ...over })
  expect(answer.status).toBe(201)
  return v.parse(JobView, await answer.json())
}

describe("a training whose sets are being frozen", () => {
  test("fails visibly when all that is good proves models, and is not begun when nothing is good", async () => {
    const refused = await engineer.post("/api/training/jobs", {})
    expect([refused.status, await refused.json()]).toMatchObject([409, { key: "training_no_ok" }])
    const [part = ""] = await label(1)
    const { image, part_id } = plant.hub.inspectionStore.view(part)!
    plant.hub.dataset.choose(part_id, image!.sha256, "golden")
    const { id } = await start()
    const failed = await jobIn(engineer, id, "failed")
    expect(failed.error).toContain("no OK part to learn from")
  })

  test("says how far that is while the hub answers others, and waits in the queue afterwards", async () => {
    await label(12)
    hold()
    const { id } = await start()
    await until("the child at work", () => asked.includes("step"))
    const waiting = await jobOf(engineer, id)
    expect(waiting).toMatchObject({
      state: "preparing",
      progress: { phase: "prepare" },
      dataset: { digest: null },
    })
    expect(waiting.progress?.progress).toBeGreaterThan(0)
    expect((await engineer.get(`/api/training/jobs/${id}/bundle.tar`)).status).toBe(409)
    gate.resolve()
    const { dataset } = await jobIn(engineer, id, "queued")
    expect(dataset).toMatchObject({ ok: dataset.train + dataset.calib, ng: 0 })
    expect(plant.hub.dataset.version(dataset.digest!)).toMatchObject({ samples: dataset.ok })
  })

  test("ends at once when it is cancelled, and holds up no other", async () => {
    await label(12)
    hold()
    const { id } = await start()
    await until("the child at work", () => asked.includes("step"))
    expect(await (await engineer.post(`/api/training/jobs/${id}/cancel`)).json()).toMatchObject({
      state: "cancelled",
    })
    gate.resolve()
    const next = await start()
    await jobIn(engineer, next.id, "queued")
    expect(await jobOf(engineer, id)).toMatchObject({ state: "cancelled", dataset: { digest: null } })
  })

  test("begins again after the hub was stopped in the middle", async () => {
    await label(12)
    hold()
    const { id } = await start()
    await until("the child at work", () => asked.includes("step"))
    const stopping = plant.restart()
    gate.resolve()
    await stopping
    engineer = await plant.as("engineer")
    const { dataset } = await jobIn(engineer, id, "queued")
    expect(dataset.train).toBeGreaterThan(0)
  })

  test("takes a set that was frozen before, as it was", async () => {
    await label(12)
    const first = await jobIn(engineer, (await start()).id, "queued")
    await label(5)
    const named = await start({ dataset: first.dataset.digest })
    expect(named).toMatchObject({ state: "preparing", dataset: first.dataset })
    expect((await jobIn(engineer, named.id, "queued")).dataset).toEqual(first.dataset)
    const newest = await jobIn(engineer, (await start()).id, "queued")
    expect(newest.dataset.digest).not.toBe(first.dataset.digest)
  })
})

test("the proof of a model from elsewhere has its golden set frozen by the child as well", async () => {
  const answer = await engineer.post("/api/models", brightnessModel({ stamp: "elsewhere" }))
  const { digest } = (await answer.json()) as { digest: string }
  await plant.hub.registry.idle()
  expect(asked).toContain("begin")
  expect(plant.hub.registry.get(digest).gate?.golden).toMatchObject({ ok: expect.any(Number) })
})
