import { createHash } from "node:crypto"
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as v from "valibot"
import { type Suspect, TrainingJobSpec, TrainingSample } from "#contract/training"
import { contractOf } from "#models/infer/session"
import { brightnessModel } from "../support/models.ts"

/**
 * A trainer process for tests: it speaks the contract of a trainer and learns nothing. Its second argument is the
 * bundle; the first a file that says how to behave: "good", "wait" (until killed), "fail", "lie" (wrong digest) or
 * "doubt" (every NG label).
 */
const [behaviour = "", dir = ""] = process.argv.slice(2)
const mode = existsSync(behaviour) ? readFileSync(behaviour, "utf8") : "good"
const spec = v.parse(TrainingJobSpec, JSON.parse(readFileSync(join(dir, "job.json"), "utf8")))
const orphaned = () => process.exit(1)
process.on("disconnect", orphaned)
const leave = () => {
  process.off("disconnect", orphaned)
  process.disconnect?.()
}
const say = (message: unknown) => process.send?.(message)

say({ phase: "bank", progress: 0.5, metrics: { loss: 0.5 } })
if (mode === "wait") {
  // Renamed into place: whoever sees the file sees the whole number.
  writeFileSync(`${behaviour}.pid.part`, String(process.pid))
  renameSync(`${behaviour}.pid.part`, `${behaviour}.pid`)
  setInterval(() => {}, 1000)
} else if (mode === "fail") {
  say({ failed: { code: "training_invalid", message: "too few good images" } })
  process.exitCode = 1
  leave()
} else {
  const onnx = brightnessModel({ kinds: spec.classes.map((c) => c.key), stamp: spec.job_id })
  const contract = contractOf(onnx)
  const sha256 = createHash("sha256")
    .update(mode === "lie" ? "another file" : onnx)
    .digest("hex")
  writeFileSync(join(dir, "model.onnx"), onnx)
  writeFileSync(join(dir, "crux.json"), JSON.stringify(contract))
  const model = { sha256, size: onnx.length }
  const doubted = readFileSync(join(dir, "samples.jsonl"), "utf8")
    .split("\n")
    .flatMap((line): Suspect[] => {
      if (line === "") return []
      const { id, label } = v.parse(TrainingSample, JSON.parse(line))
      const doubt = { sample: id, given: label.kinds, said: null, p_given: 0.04, p_said: 0.96 }
      return label.verdict === "ng" ? [doubt] : []
    })
  const manifest = {
    v: 1,
    job_id: spec.job_id,
    model,
    contract,
    metrics: { loss: 0.1 },
    ...(mode === "doubt" && { suspects: doubted }),
    finished_at: Date.now(),
  }
  writeFileSync(join(dir, "manifest.json"), JSON.stringify(manifest))
  say({ phase: "done", progress: 1, metrics: { loss: 0.1 } })
  leave()
}
