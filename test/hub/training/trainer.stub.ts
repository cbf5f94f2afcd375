import { createHash } from "node:crypto"
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as v from "valibot"
import { TrainingJobSpec } from "#contract/training"
import { contractOf } from "#models/infer/session"
import { brightnessModel } from "../support/models.ts"

/**
 * A trainer process for tests: it speaks the contract of a trainer and learns nothing. Its second argument is the
 * bundle; the first a file that says how to behave: "good", "wait" (until killed), "fail" or "lie" (wrong digest).
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
  const manifest = {
    v: 1,
    job_id: spec.job_id,
    model,
    contract,
    metrics: { loss: 0.1 },
    finished_at: Date.now(),
  }
  writeFileSync(join(dir, "manifest.json"), JSON.stringify(manifest))
  say({ phase: "done", progress: 1, metrics: { loss: 0.1 } })
  leave()
}
