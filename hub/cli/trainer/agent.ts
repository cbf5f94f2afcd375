import { mkdir, readFile, rm, writeFile } from "node:fs/promises"
import { cpus, totalmem } from "node:os"
import { join } from "node:path"
import { packTar, unpackTar } from "modern-tar"
import * as v from "valibot"
import {
  BundleManifest,
  type ClaimedJob,
  type Recipe,
  type ResultManifest,
  TrainerJob,
  TrainerSample,
} from "#contract/trainer"
import {
  type TrainingJobSpec,
  type TrainingProgress,
  TrainingResult,
  type TrainingSample,
} from "#contract/training"
import { selfCommand } from "#models/child"
import { createInferChild } from "#models/infer/child"
import { embeddedRecipe } from "../../training/recipe.rules.ts"
import { createTrainerChild } from "../../training/trainer.child.ts"
import { createHubCalls, digestOfFile, type Held, type HubCalls, LeaseLost, Refused } from "./hub-calls.ts"

/** The embedded trainer's recipe, on another machine. */
const agentRecipe: Recipe = {
  ...embeddedRecipe,
  id: "crux.patch",
  title: { en: "As on the hub, on another machine", ko: "허브와 같은 방식, 다른 장비" },
}

const Manifest = v.pipe(v.string(), v.parseJson(), BundleManifest)
const Job = v.pipe(v.string(), v.parseJson(), TrainerJob)
const Sample = v.pipe(v.string(), v.parseJson(), TrainerSample)
const Result = v.pipe(v.string(), v.parseJson(), TrainingResult)

export type AgentOptions = {
  hub: string
  token: string
  ca?: string | undefined
  /** Folder for pictures and results; pictures stay for the next job. */
  data: string
  version: string
  backbone?: TrainingJobSpec["backbone"] | undefined
  say: (line: string) => void
  /** Ends it: the job it has is given back first. */
  stopped: AbortSignal
}

/**
 * The reference trainer: takes jobs of a hub, makes models with the embedded trainer's code in a child process, and hands
 * them in. It goes on through restarts of the hub and of the network; a lease it has lost it drops at once.
 */
export async function runAgent(options: AgentOptions): Promise<void> {
  const { say, stopped } = options
  const calls = createHubCalls(options)
  await mkdir(join(options.data, "blobs"), { recursive: true, mode: 0o700 })
  const registered = await calls.register(
    {
      software: `crux ${options.version}`,
      contract_versions: [1],
      recipes: [agentRecipe],
      gpus: [],
      cpus: cpus().length,
      mem_gb: Math.round(totalmem() / 1e9),
      labels: {},
    },
    stopped,
  )
  say(`Trainer ${registered.trainer_id} is at the hub and waits for jobs.`)
  while (!stopped.aborted) {
    const claimed = await calls.claim(stopped)
    if (claimed) await workOn(claimed, calls, options)
  }
}

/** One job from the claim to its end, however it ends. */
async function workOn(claimed: ClaimedJob, calls: HubCalls, options: AgentOptions): Promise<void> {
  const { say, stopped } = options
  const held: Held = { id: claimed.job.id, epoch: claimed.lease.epoch }
  const dir = join(options.data, "jobs", held.id)
  const ended = new AbortController()
  const lose = (why: string) => ended.abort(new LeaseLost(why))
  const onStop = () => ended.abort(new Stopped())
  stopped.addEventListener("abort", onStop)
  const log = createLogLine(calls, held, claimed.job.log_offset, ended.signal)
  let progress: TrainingProgress = { phase: "prepare", progress: 0 }
  const report = (next: TrainingProgress) => {
    if (next.phase !== progress.phase) log(`${next.phase} ${next.message ?? ""}`.trim())
    progress = next
  }
  const beat = async () => {
    const { phase, progress: share, eta_s, metrics, message } = progress
    const known = Object.entries(metrics ?? {}).slice(0, 32)
    const body = {
      phase,
      progress: share,
      ...(eta_s !== undefined && { eta_s }),
      ...(known.length > 0 && { metrics: Object.fromEntries(known), step: Math.round(share * 1000) }),
      ...(message !== undefined && { message: message.slice(0, 256) }),
    }
    try {
      const answer = (await (await calls.tell(held, "heartbeat", body, ended.signal)).json()) as {
        cancel?: boolean
      }
      if (answer.cancel) lose("it was cancelled")
    } catch (error) {
      if (error instanceof LeaseLost) lose(error.message)
      else if (!ended.signal.aborted) say(`heartbeat: ${error}`)
    }
  }
  const beating = setInterval(() => void beat(), (claimed.lease.ttl_s * 1000) / 3)
  try {
    await rm(dir, { recursive: true, force: true })
    await mkdir(dir, { recursive: true, mode: 0o700 })
    await beat()
    log(`attempt ${claimed.job.attempt} of job ${held.id}`)
    await make(claimed, held, dir, calls, options, report, ended.signal)
    say(`Job ${held.id} is handed in.`)
  } catch (error) {
    const reason: unknown = ended.signal.aborted ? ended.signal.reason : error
    if (reason instanceof LeaseLost) say(`Job ${held.id} is dropped: ${reason.message}.`)
    else if (reason instanceof Stopped) await giveBack(calls, held, say)
    else {
      const message = reason instanceof Error ? reason.message : String(reason)
      say(`Job ${held.id} failed: ${message}`)
      // What is wrong with the task stays wrong.
      const failure = {
        class: "failed",
        retryable: !(reason instanceof TaskError),
        message: message.slice(0, 2000),
      }
      await calls.tell(held, "fail", failure, AbortSignal.any([ended.signal, stopped])).catch(() => undefined)
    }
  } finally {
    clearInterval(beating)
    stopped.removeEventListener("abort", onStop)
    await rm(dir, { recursive: true, force: true })
  }
}

class Stopped extends Error {}
class TaskError extends Error {}

async function giveBack(calls: HubCalls, held: Held, say: (line: string) => void): Promise<void> {
  await calls.tell(held, "released", {}, AbortSignal.timeout(5_000)).catch(() => undefined)
  say(`Job ${held.id} is given back.`)
}

/** Fetches the bundle, trains unless a checkpoint holds the model already, and hands the result in. */
async function make(
  claimed: ClaimedJob,
  held: Held,
  dir: string,
  calls: HubCalls,
  options: AgentOptions,
  report: (progress: TrainingProgress) => void,
  ended: AbortSignal,
): Promise<void> {
  const { bundle } = claimed.job
  report({ phase: "download", progress: 0.01 })
  const { task, samples } = await fetchBundle(claimed, held, dir, calls, options, report, ended)
  const resume = claimed.job.resume_from
  if (resume) {
    const path = join(dir, "checkpoint.tar")
    await calls.download(held, resume.sha256, path, ended)
    for (const { header, data } of await unpackTar(await readFile(path)))
      if (data && ["model.onnx", "crux.json", "manifest.json", "metrics.json"].includes(header.name))
        await writeFile(join(dir, header.name), data)
    report({ phase: "verify", progress: 0.9, message: `goes on from checkpoint ${resume.n}` })
  } else {
    await train(held.id, task, samples, dir, options, report, ended)
    await keepCheckpoint(held, dir, calls, ended)
  }
  report({ phase: "verify", progress: 0.92 })
  await writeParity(dir, samples, task.export.parity_samples, ended)
  report({ phase: "upload", progress: 0.95 })
  const manifest = await writeManifest(held.id, bundle, dir)
  for (const path of [...manifest.files.map((file) => file.path), "result.json"])
    await calls.upload(held, join(dir, path), await digestOfFile(join(dir, path)), ended)
  const manifest_sha256 = await digestOfFile(join(dir, "result.json"))
  await calls.tell(held, "complete", { manifest_sha256 }, ended)
}

async function fetchBundle(
  claimed: ClaimedJob,
  held: Held,
  dir: string,
  calls: HubCalls,
  { data }: AgentOptions,
  report: (progress: TrainingProgress) => void,
  ended: AbortSignal,
): Promise<{ task: TrainerJob; samples: TrainerSample[] }> {
  const bytes = await calls.bundle(held, ended)
  await writeFile(join(dir, "bundle.json"), bytes)
  if ((await digestOfFile(join(dir, "bundle.json"))) !== claimed.job.bundle)
    throw new Error("bundle.json is not the one the job names")
  const manifest = v.parse(Manifest, new TextDecoder().decode(bytes))
  for (const { path, sha256 } of manifest.files)
    await calls.download(held, sha256, join(dir, `bundle-${path.replace("/", "-")}`), ended)
  const task = v.parse(Job, await readFile(join(dir, "bundle-job.json"), "utf8"))
  const lines = (await readFile(join(dir, "bundle-samples.jsonl"), "utf8"))
    .split("\n")
    .filter((line) => line !== "")
  const samples = lines.map((line) => v.parse(Sample, line))
  for (const [i, { sha256 }] of samples.entries()) {
    const path = join(data, "blobs", sha256)
    // A picture of an earlier job is there already; what has rotted since is fetched again.
    if ((await digestOfFile(path).catch(() => "")) !== sha256) await calls.download(held, sha256, path, ended)
    if (i % 20 === 0) report({ phase: "download", progress: (0.1 * i) / samples.length })
  }
  return {
    task,
    samples: samples.map((sample) => ({ ...sample, path: join(data, "blobs", sample.sha256) })),
  }
}

async function train(
  id: string,
  task: TrainerJob,
  samples: readonly TrainerSample[],
  dir: string,
  { backbone }: AgentOptions,
  report: (progress: TrainingProgress) => void,
  ended: AbortSignal,
): Promise<void> {
  const spec: TrainingJobSpec = {
    v: 1,
    job_id: id,
    recipe: task.recipe,
    task: "anomaly",
    seed: task.seed,
    classes: task.classes,
    ...(backbone && { backbone }),
    dataset: task.dataset,
    budget: { max_minutes: task.budget.max_minutes },
    target: { escape: task.target.escape, overkill: task.target.overkill },
  }
  const lines = samples.map((sample): TrainingSample => sample)
  await writeFile(join(dir, "job.json"), JSON.stringify(spec))
  await writeFile(join(dir, "samples.jsonl"), lines.map((line) => `${JSON.stringify(line)}\n`).join(""))
  const run = createTrainerChild({ command: selfCommand("worker", "train") })(dir, (progress) =>
    report({ ...progress, progress: 0.1 + 0.8 * progress.progress }),
  )
  ended.addEventListener("abort", run.kill)
  const wrong = await run.ended.finally(() => ended.removeEventListener("abort", run.kill))
  ended.throwIfAborted()
  if (wrong !== null) throw new TaskError(wrong)
}

/** What took the time is kept at the hub: whoever gets the job next need not train again. */
async function keepCheckpoint(held: Held, dir: string, calls: HubCalls, ended: AbortSignal): Promise<void> {
  const names = ["crux.json", "manifest.json", "metrics.json", "model.onnx"]
  const entries = await Promise.all(
    names.map(async (name) => {
      const data = await readFile(join(dir, name))
      return { header: { name, size: data.length, mtime: new Date(0) }, body: new Uint8Array(data) }
    }),
  )
  const path = join(dir, "checkpoint.tar")
  await writeFile(path, await packTar(entries))
  const sha256 = await digestOfFile(path)
  await calls.upload(held, path, sha256, ended)
  await calls.tell(held, "checkpoints/1", { sha256 }, ended, "PUT")
}

/** What the finished model says here about pictures it will be shown at the hub. */
async function writeParity(
  dir: string,
  samples: readonly TrainerSample[],
  wanted: number,
  ended: AbortSignal,
): Promise<void> {
  const step = Math.max(1, Math.floor(samples.length / wanted))
  const shown = samples.filter((_, i) => i % step === 0).slice(0, wanted)
  const child = createInferChild({ command: selfCommand("worker", "infer"), timeoutMs: 60_000 })
  await mkdir(join(dir, "parity"), { recursive: true })
  try {
    await child.load(join(dir, "model.onnx"))
    const said = []
    for (const [i, sample] of shown.entries()) {
      ended.throwIfAborted()
      const { verdict } = await child.infer({ path: sample.path })
      const image = `parity/${String(i).padStart(2, "0")}.${sample.mime.split("/")[1]}`
      await writeFile(join(dir, image), await readFile(sample.path))
      said.push({ image, score: verdict.score ?? 0, eval: verdict.eval })
    }
    await writeFile(join(dir, "parity.json"), JSON.stringify({ v: 1, samples: said }))
  } finally {
    await child.close()
  }
}

/** The contract's manifest, beside the one the training left. */
async function writeManifest(job: string, bundle: string, dir: string): Promise<ResultManifest> {
  const made = v.parse(Result, await readFile(join(dir, "manifest.json"), "utf8"))
  const parity = JSON.parse(await readFile(join(dir, "parity.json"), "utf8")) as {
    samples: { image: string }[]
  }
  const paths = [
    "crux.json",
    "metrics.json",
    "model.onnx",
    "parity.json",
    ...parity.samples.map((s) => s.image),
  ]
  const files = await Promise.all(
    paths.map(async (path) => ({
      path,
      sha256: await digestOfFile(join(dir, path)),
      size: (await readFile(join(dir, path))).length,
    })),
  )
  const metrics = Object.entries(made.metrics).filter(([, value]) => Number.isFinite(value))
  const manifest: ResultManifest = {
    v: 1,
    job_id: job,
    bundle,
    files,
    model: made.model,
    contract: made.contract,
    metrics: Object.fromEntries(metrics),
    finished_at: Date.now(),
  }
  await writeFile(join(dir, "result.json"), JSON.stringify(manifest))
  return manifest
}

/** Sends lines to the job's log, in order; a log that cannot be written ends nothing. */
function createLogLine(calls: HubCalls, held: Held, start: number, ended: AbortSignal) {
  let offset = start
  let tail: Promise<unknown> = Promise.resolve()
  return (line: string) => {
    const send = async () => {
      if (ended.aborted) return
      const body = { offset, text: `${new Date().toISOString()} ${line}\n` }
      try {
        const answer = await calls.tell(held, "logs", body, ended)
        offset = ((await answer.json()) as { offset: number }).offset
      } catch (error) {
        if (error instanceof Refused && error.key === "log_offset") offset = Number(error.params.offset)
      }
    }
    tail = tail.then(send, send)
  }
}
