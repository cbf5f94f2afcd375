import { expect } from "bun:test"
import { createHash } from "node:crypto"
import { uuidv7 } from "uuidv7"
import * as v from "valibot"
import type { Finding } from "#contract/inspection"
import { JobView } from "#contract/registry"
import { BundleManifest, ClaimedJob, TrainerJob, TrainerSample, TrainerToken } from "#contract/trainer"
import { contractOf } from "#models/infer/session"
import type { Browser, TestHub } from "../support/hub.ts"
import { brightnessModel, partPicture } from "../support/models.ts"

export const sha = (bytes: Uint8Array | string) => createHash("sha256").update(bytes).digest("hex")

export const recipe = {
  id: "stub.classify",
  version: 2,
  task: "anomaly",
  params: [
    { key: "epochs", type: "int", default: 3, min: 1, max: 9 },
    { key: "lr", type: "number", default: 0.1 },
    { key: "augment", type: "bool", default: true },
    { key: "net", type: "choice", default: "small", choices: ["small", "large"] },
  ],
} as const

/** Known parts for a hub: golden ones and ones to learn from, real pictures. */
export async function fillHub(engineer: Browser, ok = 8, ng = 2): Promise<void> {
  const upload = async (path: string, n: number, square: boolean) => {
    const label = { verdict: square ? "ng" : "ok", kinds: square ? ["dent"] : [], boxes: [] }
    const meta = { part_id: `${path}-${square}-${n}`, label }
    const picture = partPicture({ grey: 20 + n + (path === "golden" ? 0 : 60) + (square ? 30 : 0), square })
    const answer = await engineer.post(
      `/api/${path}?meta=${encodeURIComponent(JSON.stringify(meta))}`,
      picture,
    )
    expect(answer.status).toBe(200)
  }
  for (let n = 0; n < 6; n++) await upload("golden", n, false)
  for (let n = 0; n < ok; n++) await upload("references", n, false)
  for (let n = 0; n < ng; n++) await upload("references", n, true)
}

export type TestTrainer = ReturnType<typeof trainerWith>

/** A trainer of these tests: every call of the contract, one by one. */
export function trainerWith(fetch: (request: Request) => Promise<Response>, token: string) {
  const send = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
    fetch(
      new Request(`http://hub.test/trainer/v1${path}`, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body !== undefined && {
            "content-type": body instanceof Uint8Array ? "application/octet-stream" : "application/json",
          }),
          ...headers,
        },
        ...(body !== undefined && {
          body: body instanceof Uint8Array ? (body as BodyInit) : JSON.stringify(body),
        }),
      }),
    )
  const post = (path: string, body: unknown) => send("POST", path, body)
  return {
    send,
    post,
    get: (path: string, headers?: Record<string, string>) => send("GET", path, undefined, headers),
    register: (over: object = {}) =>
      post("/register", {
        software: "stub 1",
        contract_versions: [1],
        recipes: [recipe],
        gpus: [{ name: "Test GPU", mem_gb: 8 }],
        ...over,
      }),
    async claim(over: object = {}): Promise<ClaimedJob | null> {
      const answer = await post("/claim", { request_id: uuidv7(), wait_s: 0, ...over })
      if (answer.status === 204) return null
      expect(answer.status).toBe(200)
      return v.parse(ClaimedJob, await answer.json())
    },
    beat: (id: string, epoch: number, over: object = {}) =>
      post(`/jobs/${id}/heartbeat`, { epoch, phase: "train", progress: 0.5, ...over }),
    put: (id: string, epoch: number, bytes: Uint8Array, range?: string, name = sha(bytes)) =>
      send("PUT", `/jobs/${id}/artifacts/${name}?epoch=${epoch}`, bytes, {
        ...(range === undefined ? { "content-length": String(bytes.length) } : { "content-range": range }),
      }),
    async bundle({ job, lease }: ClaimedJob) {
      const object = async (sha256: string) => {
        const answer = await send("GET", `/jobs/${job.id}/blobs/${sha256}?epoch=${lease.epoch}`)
        expect(answer.status).toBe(200)
        return new Uint8Array(await answer.arrayBuffer())
      }
      const answer = await send("GET", `/jobs/${job.id}/bundle?epoch=${lease.epoch}`)
      expect(answer.status).toBe(200)
      const text = await answer.text()
      expect(sha(text)).toBe(job.bundle)
      const manifest = v.parse(BundleManifest, JSON.parse(text))
      const file = async (path: string) =>
        new TextDecoder().decode(await object(manifest.files.find((one) => one.path === path)!.sha256))
      const samples = (await file("samples.jsonl"))
        .trim()
        .split("\n")
        .map((line) => v.parse(TrainerSample, JSON.parse(line)))
      return { manifest, spec: v.parse(TrainerJob, JSON.parse(await file("job.json"))), samples, object }
    },
  }
}

/** A result as a trainer makes it: a real model, and what that model really says about a real picture. */
export function resultOf(
  job: { id: string; bundle: string },
  over: {
    score?: number
    manifest?: object
    model?: Uint8Array
    int8?: Uint8Array
    /** The picture has a bright square, and this is what the trainer found of it. */
    findings?: Finding[]
  } = {},
) {
  const onnx = over.model ?? brightnessModel({ kinds: ["dent"], stamp: job.id })
  const contract = contractOf(onnx)
  const picture = partPicture({ grey: 128, square: over.findings !== undefined })
  const sample = over.findings
    ? { score: 1, eval: "ng", findings: over.findings }
    : { score: over.score ?? 128 / 255, eval: "ok" }
  const parity = { v: 1, samples: [{ image: "parity/00.png", ...sample }] }
  const text = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))
  const files: Record<string, Uint8Array> = {
    "model.onnx": onnx,
    "crux.json": text(contract),
    "metrics.json": text({ loss: 0.1 }),
    "parity.json": text(parity),
    "parity/00.png": picture,
    ...(over.int8 && { "model.int8.onnx": over.int8 }),
  }
  const manifest = text({
    v: 1,
    job_id: job.id,
    bundle: job.bundle,
    files: Object.entries(files).map(([path, bytes]) => ({ path, sha256: sha(bytes), size: bytes.length })),
    model: { sha256: sha(onnx), size: onnx.length },
    contract,
    metrics: { "val/loss": 0.1 },
    finished_at: Date.now(),
    ...over.manifest,
  })
  return { files, manifest, model: sha(onnx) }
}

/** Uploads a result whole and completes the job. */
export async function handIn(
  trainer: TestTrainer,
  { job, lease }: ClaimedJob,
  result: ReturnType<typeof resultOf>,
): Promise<Response> {
  for (const bytes of [...Object.values(result.files), result.manifest])
    expect((await trainer.put(job.id, lease.epoch, bytes)).status).toBe(200)
  return await trainer.post(`/jobs/${job.id}/complete`, {
    epoch: lease.epoch,
    manifest_sha256: sha(result.manifest),
  })
}

export const jobOf = async (engineer: Browser, id: string): Promise<JobView> =>
  v.parse(JobView, await (await engineer.get(`/api/training/jobs/${id}`)).json())

/** Waits for a state that several processes bring about together; a busy machine takes minutes for what is seconds. */
export async function eventually<T>(what: string, look: () => Promise<T | false>): Promise<T> {
  const deadline = performance.now() + 200_000
  for (;;) {
    const found = await look()
    if (found !== false) return found
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`)
    await Bun.sleep(25)
  }
}

export const jobIn = (engineer: Browser, id: string, ...states: string[]): Promise<JobView> =>
  eventually(`the job to be ${states.join(" or ")}`, async () => {
    const job = await jobOf(engineer, id)
    return states.includes(job.state) ? job : false
  })

export async function startJob(engineer: Browser, over: object = {}): Promise<JobView> {
  const answer = await engineer.post("/api/training/jobs", { recipe: { id: recipe.id }, ...over })
  const body = await answer.json()
  if (answer.status !== 201) throw new Error(JSON.stringify(body))
  const { id } = v.parse(JobView, body)
  // Until its sets are frozen it waits for nobody.
  return eventually("the job's sets", async () => {
    const job = await jobOf(engineer, id)
    return job.state !== "preparing" && job
  })
}

/** A new trainer of a hub, with its token. */
export async function hire(plant: TestHub, engineer: Browser, id: string): Promise<TestTrainer> {
  const answer = await engineer.post("/api/trainers", { id })
  expect(answer.status).toBe(201)
  const { token } = v.parse(TrainerToken, await answer.json())
  return trainerWith((request) => plant.hub.fetch(request, { ip: "10.0.0.9" }), token)
}
