import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { truncate, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { uuidv7 } from "uuidv7"
import * as v from "valibot"
import { ArtifactState, type ClaimedJob, trainerLimits } from "#contract/trainer"
import { selfCommand } from "#models/child"
import { openSqlite } from "../../../hub/platform/sqlite.bun.ts"
import { createProver } from "../../../hub/registry/prover.ts"
import { mostAttempts } from "../../../hub/training/lease.rules.ts"
import { type Browser, startTestHub, type TestHub } from "../support/hub.ts"
import { brightnessModel } from "../support/models.ts"
import { frozenSets } from "../support/parts.ts"
import {
  fillHub,
  handIn,
  hire,
  jobIn,
  jobOf,
  recipe,
  resultOf,
  sha,
  startJob,
  type TestTrainer,
  trainerWith,
} from "./kit.ts"

setDefaultTimeout(240_000)

let plant: TestHub
let engineer: Browser
let trainer: TestTrainer
let other: TestTrainer

beforeAll(async () => {
  // A busy machine is no failure of a model.
  const prover = createProver({ command: selfCommand("worker", "infer"), timeoutMs: 60_000 })
  plant = await startTestHub({ ports: { prover } })
  engineer = await plant.as("engineer")
  await fillHub(engineer)
  trainer = await hire(plant, engineer, "gpu-1")
  other = await hire(plant, engineer, "gpu-2")
  for (const one of [trainer, other]) expect((await one.register()).status).toBe(200)
})
afterAll(() => plant.stop())
afterEach(async () => {
  // No job of one test is claimed in the next.
  const { items } = (await (await engineer.get("/api/training/jobs")).json()) as {
    items: { id: string; state: string }[]
  }
  for (const { id, state } of items)
    if (state === "queued" || state === "running") await engineer.post(`/api/training/jobs/${id}/cancel`)
})

const claimed = async (by: TestTrainer = trainer): Promise<ClaimedJob> => {
  const claim = await by.claim()
  if (!claim) throw new Error("no job")
  return claim
}
const problem = async (answer: Response) => {
  const { key, params } = (await answer.json()) as { key: string; params: Record<string, unknown> }
  return { status: answer.status, key, params }
}
/** Two lease lengths and more: nothing was heard of a trainer for too long. */
const fallSilent = () => plant.clock.pass(130_000)

describe("a job for a trainer", () => {
  test("is claimed, downloaded by digest, trained, handed in, proved, and becomes a candidate", async () => {
    const job = await startJob(engineer, { recipe: { id: recipe.id, params: { epochs: 5 } } })
    expect(job).toMatchObject({ state: "queued", place: "trainer" })
    const claim = await claimed()
    expect(claim).toMatchObject({ job: { id: job.id, attempt: 1, resume_from: null, log_offset: 0 } })
    const { spec, samples, object } = await trainer.bundle(claim)
    expect(spec).toMatchObject({
      recipe: { id: recipe.id, version: 2, params: { epochs: 5, lr: 0.1, augment: true, net: "small" } },
      classes: [{ id: 1, key: "dent" }],
    })
    expect(samples).toHaveLength(10)
    for (const { sha256, size } of samples) {
      const picture = await object(sha256)
      expect([sha(picture), picture.length]).toEqual([sha256, size])
    }
    const { id } = claim.job
    const { epoch } = claim.lease
    expect(await (await trainer.beat(id, epoch, { step: 1, metrics: { loss: 0.5 } })).json()).toMatchObject({
      cancel: false,
      ttl_s: 60,
    })
    await trainer.beat(id, epoch, { gpu: { util: 0.93, mem_gb: 11.2 } })
    expect(await jobOf(engineer, id)).toMatchObject({ progress: { gpu: { util: 0.93, mem_gb: 11.2 } } })
    const points = [
      { step: 1, metrics: { loss: 0.4 } },
      { step: 2, progress: 0.6, metrics: { loss: 0.3, "val/auroc": 0.9 } },
    ]
    for (const _ of [1, 2])
      expect((await trainer.post(`/jobs/${id}/metrics`, { epoch, points })).status).toBe(204)
    expect(await jobOf(engineer, id)).toMatchObject({
      state: "running",
      trainer: "gpu-1",
      curve: [
        { metrics: { loss: 0.4 }, step: 1 },
        { metrics: { loss: 0.3 }, step: 2 },
      ],
      figures: { loss: 0.3, "val/auroc": 0.9 },
    })
    const int8 = brightnessModel({ kinds: ["dent"], stamp: `${id} on whole numbers` })
    const result = resultOf({ id, bundle: claim.job.bundle }, { int8 })
    const answers = [
      await handIn(trainer, claim, result),
      await handIn(trainer, claim, result).catch(() => null),
    ]
    expect(answers[0]?.status).toBe(202)
    const done = await jobIn(engineer, id, "succeeded", "failed")
    expect(done).toMatchObject({ state: "succeeded", error: null, model: result.model, gate_pass: true })
    expect(plant.hub.registry.get(result.model)).toMatchObject({
      state: "candidate",
      job_id: id,
      metrics: { "val/loss": 0.1 },
    })
    // What came with it on whole numbers is a candidate of its own, proved like it.
    expect(plant.hub.registry.get(sha(int8))).toMatchObject({ state: "candidate", job_id: id })
    // Said again, after everything: the same answer, the same model.
    const again = await trainer.post(`/jobs/${id}/complete`, { epoch, manifest_sha256: sha(result.manifest) })
    expect([again.status, await again.json()]).toEqual([
      202,
      expect.objectContaining({ model: result.model }),
    ])
  })

  test("is the same bundle when the same task is asked for again, and another for another seed", async () => {
    const first = await startJob(engineer)
    const one = await claimed()
    await trainer.post(`/jobs/${first.id}/released`, { epoch: one.lease.epoch })
    await engineer.post(`/api/training/jobs/${first.id}/cancel`)
    const answer = await engineer.post(`/api/training/jobs/${first.id}/reproduce`)
    expect(answer.status).toBe(201)
    const again = (await answer.json()) as { id: string }
    expect(again).toMatchObject({ reproduces: first.id, why: "reproduce" })
    await jobIn(engineer, again.id, "queued")
    const two = await claimed()
    expect(two.job.id).not.toBe(first.id)
    expect(two.job.bundle).toBe(one.job.bundle)
    await engineer.post(`/api/training/jobs/${two.job.id}/cancel`)
    await startJob(engineer, { seed: 2 })
    expect((await claimed()).job.bundle).not.toBe(one.job.bundle)
  })

  test("never shows a trainer the golden set, a picture of another job, or anything else of the hub", async () => {
    await startJob(engineer)
    const claim = await claimed()
    const { golden } = await frozenSets(plant)
    const listed = JSON.stringify((await trainer.bundle(claim)).samples)
    const path = (sha256: string) => `/jobs/${claim.job.id}/blobs/${sha256}?epoch=${claim.lease.epoch}`
    expect(golden.samples.length).toBeGreaterThan(0)
    for (const { image } of golden.samples) {
      expect(listed).not.toContain(image)
      expect(await problem(await trainer.get(path(image)))).toMatchObject({ status: 404, key: "object" })
    }
    const stray = await plant.hub.fetch(
      new Request("http://hub.test/api/models", { headers: { authorization: "Bearer ct_gpu-1_x" } }),
      { ip: "10.0.0.9" },
    )
    expect(stray.status).toBe(401)
    // Another trainer learns not even that there is such a job.
    for (const answer of [
      await other.get(`/jobs/${claim.job.id}`),
      await other.get(path(claim.job.bundle)),
      await other.beat(claim.job.id, claim.lease.epoch),
    ])
      expect(await problem(answer)).toMatchObject({ status: 404, key: "job" })
  })

  test("waits for a trainer that knows its recipe, has the memory, and is the one that was named", async () => {
    await startJob(engineer, { trainer: "gpu-2" })
    expect(await trainer.claim()).toBeNull()
    expect(await other.claim({ recipes: ["another"] })).toBeNull()
    const large = { recipes: [{ ...recipe, min_gpu_mem_gb: 24 }] }
    await other.register(large)
    expect(await other.claim({ free_gpu_mem_gb: 8 })).toBeNull()
    expect(await other.claim({ free_gpu_mem_gb: 24 })).not.toBeNull()
    await other.register()
  })

  test("goes to a trainer that waits, as soon as it is there", async () => {
    const waiting = trainer.claim({ wait_s: 25 })
    const job = await startJob(engineer)
    expect((await waiting)?.job.id).toBe(job.id)
  })

  test("whose answer was lost on the way is given again to the same claim, under the same epoch", async () => {
    await startJob(engineer)
    const request_id = uuidv7()
    const [first, again] = [await trainer.claim({ request_id }), await trainer.claim({ request_id })]
    expect(again).toEqual(first)
    expect(await trainer.claim()).toBeNull()
  })

  test("takes only settings its recipe has", async () => {
    for (const params of [{ epochs: 99 }, { epochs: 1.5 }, { net: "huge" }, { augment: 1 }, { foreign: 1 }]) {
      const answer = await engineer.post("/api/training/jobs", { recipe: { id: recipe.id, params } })
      expect(await problem(answer)).toMatchObject({ status: 400, key: "recipe_setting" })
    }
    const unknown = await engineer.post("/api/training/jobs", { recipe: { id: "unheard.of" } })
    expect(await problem(unknown)).toMatchObject({ status: 404, key: "recipe" })
  })
})

describe("a lease", () => {
  test("that was given to another trainer is refused on every call of the first one", async () => {
    const { id } = await startJob(engineer)
    const first = await claimed(trainer)
    fallSilent()
    const second = await claimed(other)
    expect(second).toMatchObject({ job: { id, attempt: 2 }, lease: { epoch: first.lease.epoch + 1 } })
    const { epoch } = first.lease
    const bytes = new TextEncoder().encode("late")
    const digest = sha(bytes)
    for (const answer of [
      await trainer.beat(id, epoch),
      await trainer.post(`/jobs/${id}/metrics`, { epoch, points: [{ step: 1, metrics: { loss: 1 } }] }),
      await trainer.post(`/jobs/${id}/logs`, { epoch, offset: 0, text: "late" }),
      await trainer.put(id, epoch, bytes),
      await trainer.get(`/jobs/${id}/artifacts/${digest}?epoch=${epoch}`),
      await trainer.send("PUT", `/jobs/${id}/checkpoints/1`, { epoch, sha256: digest }),
      await trainer.post(`/jobs/${id}/complete`, { epoch, manifest_sha256: digest }),
      await trainer.post(`/jobs/${id}/fail`, { epoch, class: "crashed", retryable: true, message: "" }),
      await trainer.post(`/jobs/${id}/released`, { epoch }),
      await trainer.get(`/jobs/${id}/bundle?epoch=${epoch}`),
      await trainer.get(`/jobs/${id}/blobs/${digest}?epoch=${epoch}`),
    ])
      expect(await problem(answer)).toMatchObject({ status: 409, key: "lease_lost" })
    // An epoch that was never given out is nobody's.
    expect((await trainer.beat(id, epoch + 9)).status).toBe(404)
    expect((await other.beat(id, second.lease.epoch)).status).toBe(200)
    expect((await jobOf(engineer, id)).attempts).toMatchObject([
      { n: 1, trainer: "gpu-1", end: "lost" },
      { n: 2, trainer: "gpu-2", end: null },
    ])
  })

  test("that ran out goes on when nobody else has had the job since", async () => {
    const { id } = await startJob(engineer)
    const { lease } = await claimed(trainer)
    fallSilent()
    expect(await other.claim({ recipes: ["another"] })).toBeNull()
    expect(await jobOf(engineer, id)).toMatchObject({ state: "queued" })
    expect((await trainer.beat(id, lease.epoch)).status).toBe(200)
    expect(await jobOf(engineer, id)).toMatchObject({ state: "running", attempts: [{ end: null }] })
  })

  test("is not lost while the hub is away", async () => {
    const { id } = await startJob(engineer)
    const { lease } = await claimed(trainer)
    fallSilent()
    await plant.restart()
    engineer = await plant.as("engineer")
    expect(await trainer.claim()).toBeNull()
    expect((await trainer.beat(id, lease.epoch)).status).toBe(200)
  })

  test("of a cancelled job is told so at the next heartbeat, and everything else is refused", async () => {
    const { id } = await startJob(engineer)
    const { lease } = await claimed()
    await engineer.post(`/api/training/jobs/${id}/cancel`)
    expect(await (await trainer.beat(id, lease.epoch)).json()).toMatchObject({ cancel: true })
    const late = await trainer.put(id, lease.epoch, new Uint8Array([1]))
    expect(await problem(late)).toMatchObject({ status: 409, key: "job_ended" })
  })

  test("ends with the trainer's token, and the job goes on with another", async () => {
    const third = await hire(plant, engineer, "gpu-3")
    await third.register()
    const { id } = await startJob(engineer)
    const { lease } = await claimed(third)
    expect((await engineer.send("DELETE", "/api/trainers/gpu-3")).status).toBe(200)
    expect(await problem(await third.beat(id, lease.epoch))).toMatchObject({
      status: 401,
      key: "trainer_token",
    })
    expect((await claimed(other)).job.id).toBe(id)
  })
})

describe("a job that comes back", () => {
  test("is tried five times in all, and then fails with the trainer's words; given back in good order counts as none", async () => {
    const { id } = await startJob(engineer)
    for (let n = 1; n <= mostAttempts; n++) {
      const { lease } = await claimed()
      if (n === 2) {
        await trainer.post(`/jobs/${id}/released`, { epoch: lease.epoch })
        const again = await claimed()
        expect(again.job.attempt).toBe(2)
        lease.epoch = again.lease.epoch
      }
      const failure = { epoch: lease.epoch, class: "out_of_memory", retryable: true, message: `try ${n}` }
      for (const _ of [1, 2]) expect((await trainer.post(`/jobs/${id}/fail`, failure)).status).toBe(200)
    }
    expect(await jobOf(engineer, id)).toMatchObject({ state: "failed", error: "try 5" })
  })

  test("that cannot be tried again fails at once", async () => {
    const { id } = await startJob(engineer)
    const { lease } = await claimed()
    const failure = { epoch: lease.epoch, class: "bad_data", retryable: false, message: "no defects" }
    await trainer.post(`/jobs/${id}/fail`, failure)
    expect(await jobOf(engineer, id)).toMatchObject({ state: "failed", error: "no defects" })
  })

  test("goes on from the newest checkpoint, with its curve and its log", async () => {
    const { id } = await startJob(engineer)
    const { lease } = await claimed(trainer)
    const { epoch } = lease
    const checkpoints = [1, 2, 3].map((n) => new TextEncoder().encode(`weights ${n}`))
    for (const [i, bytes] of checkpoints.entries()) {
      await trainer.put(id, epoch, bytes)
      const body = { epoch, sha256: sha(bytes), step: (i + 1) * 10 }
      for (const _ of [1, 2])
        expect((await trainer.send("PUT", `/jobs/${id}/checkpoints/${i + 1}`, body)).status).toBe(204)
    }
    await trainer.post(`/jobs/${id}/metrics`, { epoch, points: [{ step: 10, metrics: { loss: 0.7 } }] })
    await trainer.post(`/jobs/${id}/logs`, { epoch, offset: 0, text: "step 10\n" })
    fallSilent()
    const next = await claimed(other)
    expect(next.job).toMatchObject({
      log_offset: 8,
      resume_from: { n: 3, sha256: sha(checkpoints[2]!), step: 30 },
    })
    const fetched = await other.get(`/jobs/${id}/blobs/${sha(checkpoints[2]!)}?epoch=${next.lease.epoch}`, {
      range: "bytes=8-",
    })
    expect([fetched.status, await fetched.text()]).toEqual([206, "3"])
    // The oldest is gone, the one before the newest is not.
    for (const [n, status] of [
      [0, 404],
      [1, 200],
    ] as const)
      expect(
        (await other.get(`/jobs/${id}/blobs/${sha(checkpoints[n]!)}?epoch=${next.lease.epoch}`)).status,
      ).toBe(status)
    expect((await jobOf(engineer, id)).curve).toHaveLength(1)
  })
})

describe("what a trainer sends", () => {
  test("arrives in pieces, goes on after a cut where it was, and is compared with its name", async () => {
    const { id } = await startJob(engineer)
    const { lease } = await claimed()
    const { epoch } = lease
    const bytes = crypto.getRandomValues(new Uint8Array(50_000))
    const path = `/jobs/${id}/artifacts/${sha(bytes)}?epoch=${epoch}`
    const state = async () => v.parse(ArtifactState, await (await trainer.get(path)).json())
    expect(await state()).toEqual({ offset: 0, complete: false })
    await trainer.put(id, epoch, bytes.subarray(0, 20_000), "bytes 0-19999/50000", sha(bytes))
    expect(await state()).toEqual({ offset: 20_000, complete: false })
    const gap = await trainer.put(id, epoch, bytes.subarray(30_000), "bytes 30000-49999/50000", sha(bytes))
    expect(await problem(gap)).toMatchObject({
      status: 409,
      key: "artifact_offset",
      params: { offset: 20_000 },
    })

    // A connection that breaks off: what came in stays.
    const broken = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(bytes.slice(20_000, 33_000))
      },
      pull(controller) {
        controller.error(new Error("cable pulled"))
      },
    })
    await plant.hub
      .fetch(
        new Request(`http://hub.test/trainer/v1${path}`, {
          method: "PUT",
          headers: {
            authorization: await tokenOf("gpu-1"),
            "content-type": "application/octet-stream",
            "content-range": "bytes 20000-49999/50000",
          },
          body: broken,
        }),
        { ip: "10.0.0.9" },
      )
      .catch(() => undefined)
    expect(await state()).toEqual({ offset: 33_000, complete: false })
    // Overlap is fine: it is the same bytes.
    const last = await trainer.put(id, epoch, bytes.subarray(25_000), "bytes 25000-49999/50000", sha(bytes))
    expect(await last.json()).toEqual({ offset: 50_000, complete: true })
    expect(await (await trainer.put(id, epoch, bytes)).json()).toEqual({ offset: 50_000, complete: true })

    const wrong = await trainer.put(id, epoch, new Uint8Array([1, 2, 3]), undefined, "0".repeat(64))
    expect(await problem(wrong)).toMatchObject({ status: 400, key: "artifact_hash" })
    const huge = await trainer.put(id, epoch, bytes.subarray(0, 10), "bytes 0-9/9000000000", sha("huge"))
    expect(huge.status).toBe(413)
  })

  test("is bounded by what has been begun, too: a job's pieces fill no disk", async () => {
    const { id } = await startJob(engineer)
    const { lease } = await claimed()
    const most = trainerLimits.artifactBytes
    const begin = async (name: string) =>
      (await trainer.put(id, lease.epoch, new Uint8Array(10), `bytes 0-9/${most}`, sha(name))).status
    expect(await begin("first")).toBe(200)
    // The other side of the limit in a file that holds nothing: only its length counts.
    const begun = join(plant.folder, "trainers", "uploads", id, sha("second"))
    await writeFile(begun, "")
    await truncate(begun, trainerLimits.jobBytes - most)
    expect(await begin("third")).toBe(413)
    expect(await begin("first")).toBe(200)
  })

  test("as a log is added once, in order, without its secrets", async () => {
    const { id } = await startJob(engineer)
    const { lease } = await claimed()
    const log = (offset: number, text: string) =>
      trainer.post(`/jobs/${id}/logs`, { epoch: lease.epoch, offset, text })
    expect(await (await log(0, "에포크 1\n")).json()).toEqual({ offset: 12, full: false })
    expect(await (await log(0, "에포크 1\nloss")).json()).toEqual({ offset: 16, full: false })
    expect(await problem(await log(99, "gap"))).toMatchObject({ status: 409, params: { offset: 16 } })
    await log(16, " 0.1 password=hunter22 token: ct_gpu-1_abcdefghijkl\n")
    const shown = await engineer.get(`/api/training/jobs/${id}/log`)
    expect(await shown.text()).toBe("에포크 1\nloss 0.1 password=******** token: *********************\n")
    expect((await (await plant.as("worker")).get(`/api/training/jobs/${id}/log`)).status).toBe(403)
  })

  test("as a result is refused with the reason when it is not what it says, and the job may be mended", async () => {
    const { id } = await startJob(engineer)
    const claim = await claimed()
    const job = { id, bundle: claim.job.bundle }
    const good = resultOf(job)
    const wrongs: [string, ReturnType<typeof resultOf>, number, string][] = [
      ["another job", resultOf(job, { manifest: { job_id: uuidv7() } }), 400, "model_invalid"],
      ["another bundle", resultOf(job, { manifest: { bundle: "0".repeat(64) } }), 400, "model_invalid"],
      [
        "no ONNX",
        resultOf(job, { manifest: { model: { sha256: "1".repeat(64), size: 1 } } }),
        400,
        "model_invalid",
      ],
      ["no manifest", { ...good, manifest: new TextEncoder().encode("{}") }, 400, "model_invalid"],
    ]
    for (const [, result, status, key] of wrongs)
      expect(await problem(await handIn(trainer, claim, result))).toMatchObject({ status, key })
    const files = [{ path: "model.onnx", sha256: "2".repeat(64), size: 5 }]
    const lacking = resultOf(job, {
      manifest: {
        files: ["model.onnx", "crux.json", "metrics.json", "parity.json"].map((path) => ({
          ...files[0],
          path,
        })),
      },
    })
    expect(await problem(await handIn(trainer, claim, lacking))).toMatchObject({
      status: 409,
      key: "artifact_missing",
    })
    expect(await jobOf(engineer, id)).toMatchObject({ state: "running" })
    expect((await handIn(trainer, claim, good)).status).toBe(202)
  })

  test("as a model that says something else here than at the trainer fails, with the picture and both figures", async () => {
    const { id } = await startJob(engineer)
    const claim = await claimed()
    const model = resultOf({ id, bundle: claim.job.bundle }, { score: 0.2 })
    expect((await handIn(trainer, claim, model)).status).toBe(202)
    const failed = await jobIn(engineer, id, "succeeded", "failed")
    expect(failed).toMatchObject({ state: "failed", model: null })
    expect(failed.error).toContain("parity/00.png: 0.2000 at the trainer, 0.5020 here")
    expect(() => plant.hub.registry.get(model.model)).toThrow("there is no model")
  })
})

describe("a result whose parts are not all good", () => {
  const finish = async (over: Parameters<typeof resultOf>[1]) => {
    const { id } = await startJob(engineer)
    const claim = await claimed()
    const result = resultOf({ id, bundle: claim.job.bundle }, over)
    expect((await handIn(trainer, claim, result)).status).toBe(202)
    return { ...(await jobIn(engineer, id, "succeeded", "failed")), expected: result.model }
  }

  test("with a broken form on whole numbers is taken without it, and the job says so", async () => {
    const done = await finish({ int8: new TextEncoder().encode("this is no model") })
    expect(done).toMatchObject({ state: "succeeded", error: null, model: done.expected, gate_pass: true })
    expect(done.note).toContain("model.int8.onnx was not taken: ")
  })

  test("with things found elsewhere than the hub finds them fails, with the thing and the picture", async () => {
    const square = { kind: "unknown", score: 1 }
    const good = await finish({ findings: [{ ...square, box: [8, 8, 8, 8] }] })
    expect(good).toMatchObject({ state: "succeeded", note: null })
    const wrong = await finish({ findings: [{ ...square, box: [16, 16, 8, 8] }] })
    expect(wrong).toMatchObject({ state: "failed", model: null })
    expect(wrong.error).toContain("parity/00.png: unknown of 1.00 at 16, 16, 8, 8 was found at the trainer")
  })
})

describe("a trainer's token", () => {
  test("is the only thing that opens its door, is stored hashed, and ends with a new one", async () => {
    const fetch = (request: Request) => plant.hub.fetch(request, { ip: "10.0.0.77" })
    for (const token of ["", "ct_gpu-1_wrong-wrong-wrong", "ct_nobody_x", "Bearer"])
      expect((await trainerWith(fetch, token).register()).status).toBe(401)
    for (let i = 0; i < 30; i++) await trainerWith(fetch, "ct_gpu-1_guess").register()
    const slowed = await trainerWith(fetch, "ct_gpu-1_guess").register()
    expect([slowed.status, slowed.headers.get("retry-after")]).toEqual([429, "60"])
    const older = trainer
    trainer = await hire(plant, engineer, "gpu-1")
    expect((await older.register()).status).toBe(401)
    expect((await trainer.register()).status).toBe(200)
    const db = openSqlite(`${plant.folder}/hub.db`)
    const rows = JSON.stringify(db.prepare("SELECT * FROM trainer").all())
    db.close()
    expect(rows).not.toContain("ct_gpu-1_")
    expect(plant.log.join("\n")).not.toContain("ct_gpu-1_")
  })

  test("is made and taken back by engineers alone", async () => {
    const reviewer = await plant.as("reviewer")
    expect((await reviewer.post("/api/trainers", { id: "mine" })).status).toBe(403)
    expect((await reviewer.send("DELETE", "/api/trainers/gpu-1")).status).toBe(403)
  })

  test("is refused without a version of the contract in common", async () => {
    const answer = await trainer.register({ contract_versions: [2] })
    expect(await problem(answer)).toMatchObject({ status: 415, key: "contract_version" })
  })
})

/** The header of a new token of a trainer; the one before ends. */
async function tokenOf(id: string): Promise<string> {
  const answer = await engineer.post("/api/trainers", { id })
  const { token } = (await answer.json()) as { token: string }
  trainer = trainerWith((request) => plant.hub.fetch(request, { ip: "10.0.0.9" }), token)
  return `Bearer ${token}`
}
