import { createHash } from "node:crypto"
import { readFile, rename, writeFile } from "node:fs/promises"
import { isAbsolute, join } from "node:path"
import * as v from "valibot"
import {
  TrainingJobSpec,
  type TrainingProgress,
  type TrainingResult,
  TrainingSample,
} from "#contract/training"
import { loadBackbone } from "../backbone/backbone.ts"
import { ensureBackbone } from "../backbone/convert.ts"
import { codeOf, ModelError } from "../model-error.ts"
import { type Report, train } from "./train.ts"
import { verifyModel } from "./verify.ts"

/** Last message of a trainer child on its channel when it fails; the process then exits with status 1. */
export type TrainingFailure = { failed: { code: string; message: string } }

/**
 * Entry of `crux worker train DIR`: reads job.json and samples.jsonl in DIR and writes model.onnx, crux.json,
 * metrics.json, model.int8.onnx where one was asked for, and, last and atomically, manifest.json: a folder with a
 * manifest is a finished one. Reports `TrainingProgress` on the IPC channel, or as JSON lines on stdout when started by
 * hand.
 */
export async function runTrainWorker(dir: string): Promise<void> {
  const send = process.send?.bind(process)
  const emit = (message: TrainingProgress | TrainingFailure) => {
    if (send) send(message)
    else console.log(JSON.stringify(message))
  }
  // A trainer whose hub is gone must not go on burning a core.
  if (send) process.on("disconnect", () => process.exit(1))
  try {
    await trainBundle(dir, emit)
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    emit({ failed: { code: codeOf(error), message } })
    throw error
  }
}

/** Trains the bundle in `dir` and leaves the result folder's files there. Returns the manifest. */
export async function trainBundle(dir: string, report: Report): Promise<TrainingResult> {
  const spec = parse(TrainingJobSpec, await readFile(join(dir, "job.json"), "utf8"), "job.json")
  const lines = (await readFile(join(dir, "samples.jsonl"), "utf8")).split("\n").filter((line) => line !== "")
  const samples = lines.map((line, i) => parse(TrainingSample, line, `samples.jsonl:${i + 1}`))
  const files = spec.backbone ?? (await ensureBackbone())
  const backbone = await loadBackbone(files.onnx, files.contract)
  const resolvePath = (path: string) => (isAbsolute(path) ? path : join(dir, path))
  const { onnx, contract, metrics, parity, suspects, whole } = await train(
    spec,
    samples,
    backbone,
    resolvePath,
    throttle(report),
  )

  const modelPath = join(dir, "model.onnx")
  await writeFile(modelPath, onnx)
  report({ phase: "verify", progress: 0.95, metrics })
  const verified = await verifyModel(modelPath, parity)
  if (whole) {
    const path = join(dir, "model.int8.onnx")
    await writeFile(path, whole.onnx)
    for (const [name, value] of Object.entries(await verifyModel(path, whole.parity)))
      verified[`int8_${name}`] = value
  }
  const manifest: TrainingResult = {
    v: 1,
    job_id: spec.job_id,
    model: { sha256: createHash("sha256").update(onnx).digest("hex"), size: onnx.length },
    contract,
    metrics: { ...metrics, ...verified },
    ...(suspects.length > 0 && { suspects }),
    finished_at: Date.now(),
  }
  await writeFile(join(dir, "crux.json"), pretty(contract))
  await writeFile(join(dir, "metrics.json"), pretty(manifest.metrics))
  await writeFile(join(dir, "manifest.json.part"), pretty(manifest))
  await rename(join(dir, "manifest.json.part"), join(dir, "manifest.json"))
  report({ phase: "done", progress: 1, metrics: manifest.metrics })
  return manifest
}

/** Passes a report on when the phase changes, figures are known, or a percent was gained. */
function throttle(report: Report): Report {
  let last: TrainingProgress | undefined
  return (progress) => {
    const dull =
      last?.phase === progress.phase && progress.progress - last.progress < 0.01 && !progress.metrics
    if (dull) return
    last = progress
    report(progress)
  }
}

function parse<Schema extends v.GenericSchema>(
  schema: Schema,
  text: string,
  where: string,
): v.InferOutput<Schema> {
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), schema), text)
  if (!parsed.success) throw new ModelError("training_invalid", `${where}: ${v.summarize(parsed.issues)}`)
  return parsed.output as v.InferOutput<Schema>
}

function pretty(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`
}
