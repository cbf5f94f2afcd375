import { beforeAll, expect, test } from "bun:test"
import { createHash } from "node:crypto"
import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import type { Box } from "#contract/inspection"
import type { TrainingJobSpec, TrainingProgress, TrainingSample } from "#contract/training"
import { lookAtModel } from "#models/adapters/look"
import { loadBackbone } from "#models/backbone/backbone"
import { ensureBackbone } from "#models/backbone/convert"
import { createInferChild } from "#models/infer/child"
import { openModel } from "#models/infer/session"
import { auroc } from "#models/statistics.rules"
import { createRandom } from "#models/trainer/random"
import { trainBundle } from "#models/trainer/worker"
import { readWholeNumbers } from "../../hub/registry/result.ts"
import { inferCommand, jpegOf, sharedData, tempDir } from "./kit.ts"

const side = 192
const job: TrainingJobSpec = {
  v: 1,
  job_id: "01920000-0000-7000-8000-000000000000",
  recipe: {
    id: "patch",
    version: 1,
    params: { side: 128, bank_rows: 200, projection: 64, iterations: 20, taps: [["s8", "s16"]] },
  },
  task: "anomaly",
  seed: 7,
  classes: [
    { id: 1, key: "spot" },
    { id: 2, key: "line" },
  ],
  dataset: "0".repeat(64),
  budget: { max_minutes: 1 },
  target: { escape: 0.05, overkill: 0.05 },
}

type Kind = "spot" | "line"
let dir = ""
const parts: { path: string; kind?: Kind; box?: Box }[] = []

/** Brushed grey metal; a dark spot or a bright line is the defect. */
function drawPart(n: number, kind?: Kind) {
  const random = createRandom(n)
  const raw = new Uint8Array(side * side * 3)
  const put = (x: number, y: number, value: number) =>
    raw.fill(value, (y * side + x) * 3, (y * side + x) * 3 + 3)
  for (let y = 0; y < side; y++) {
    const row = 120 + random.below(24)
    for (let x = 0; x < side; x++) put(x, y, row + random.below(14))
  }
  const [x, y] = [20 + random.below(130), 20 + random.below(130)]
  const box: Box = kind === "spot" ? [x, y, 16, 16] : [x, y, 28, 4]
  const value = kind === "spot" ? 40 : 230
  if (kind) for (let dy = 0; dy < box[3]; dy++) for (let dx = 0; dx < box[2]; dx++) put(x + dx, y + dy, value)
  return { frame: { raw, width: side, height: side }, box }
}

beforeAll(async () => {
  dir = await tempDir()
  for (let n = 0; n < 44; n++) {
    const kind = n % 22 < 10 ? undefined : n % 2 === 0 ? "spot" : "line"
    const { frame, box } = drawPart(n, kind)
    const path = join(dir, `${n}.jpg`)
    await writeFile(path, await jpegOf(frame))
    parts.push({ path, ...(kind && { kind, box }) })
  }
})

const sampleOf = (n: number, labelled: "boxes" | "image"): TrainingSample => {
  const { path, kind, box } = parts[n]!
  const boxes = kind && box && labelled === "boxes" ? [{ kind, box }] : []
  return {
    id: `01920000-0000-7000-8000-${String(n).padStart(12, "0")}`,
    sha256: createHash("sha256").update(path).digest("hex"),
    path,
    w: side,
    h: side,
    split: n % 7 === 3 ? "calib" : "train",
    group: `part-${n}`,
    label: { verdict: kind ? "ng" : "ok", kinds: kind ? [kind] : [], boxes },
  }
}

async function bundle(samples: TrainingSample[], spec: TrainingJobSpec = job): Promise<string> {
  const at = await tempDir()
  await writeFile(join(at, "job.json"), JSON.stringify(spec))
  await writeFile(
    join(at, "samples.jsonl"),
    `${samples.map((sample) => JSON.stringify(sample)).join("\n")}\n`,
  )
  return at
}

const first = Array.from({ length: 22 }, (_, n) => n)
const second = Array.from({ length: 22 }, (_, n) => n + 22)

test("labelled kinds are found, boxed and named on parts the trainer never saw", async () => {
  const at = await bundle(first.map((n) => sampleOf(n, "boxes")))
  const phases: TrainingProgress[] = []
  const manifest = await trainBundle(at, (progress) => phases.push(progress))
  expect(phases.map(({ phase }) => phase).filter((phase, i, all) => phase !== all[i - 1])).toEqual([
    "load",
    "bank",
    "head",
    "calibrate",
    "export",
    "verify",
    "done",
  ])
  expect(manifest.metrics.parity_max).toBeLessThan(2e-3)
  const child = createInferChild({ command: inferCommand })
  await child.load(join(at, "model.onnx"))
  const seen = await Promise.all(second.map((n) => child.inspect({ path: parts[n]!.path })))
  await child.close()
  for (const [i, result] of seen.entries()) {
    const { kind } = parts[second[i]!]!
    if (kind) {
      expect(result.verdict.eval).not.toBe("ok")
      expect(result.findings.map((finding) => finding.kind)).toContain(kind)
    } else expect(result.verdict.eval).not.toBe("ng")
  }
}, 30_000)

test("the same seed and samples give the same bytes, whatever the order of lines", async () => {
  const samples = first.map((n) => sampleOf(n, "boxes"))
  const [one, two] = [await bundle(samples), await bundle(samples.toReversed())]
  const [a, b] = [await trainBundle(one, () => {}), await trainBundle(two, () => {})]
  expect(a.model).toEqual(b.model)
  expect(await readFile(join(one, "model.onnx"))).toEqual(await readFile(join(two, "model.onnx")))
}, 30_000)

test("labels that contradict what the others show are doubted, and right ones are not", async () => {
  const swapped: Record<number, TrainingSample["label"]> = {
    2: { verdict: "ng", kinds: ["spot"], boxes: [] },
    12: { verdict: "ok", kinds: [], boxes: [] },
  }
  const samples = [...first, ...second].map((n) => {
    const sample = sampleOf(n, "boxes")
    return swapped[n] ? { ...sample, split: "train" as const, label: swapped[n] } : sample
  })
  const { suspects = [] } = await trainBundle(await bundle(samples), () => {})
  const doubted = suspects.map(({ sample }) => Number(sample.slice(-4)))
  expect(doubted.toSorted((a, b) => a - b)).toEqual([2, 12])
  expect(suspects.find(({ sample }) => sample.endsWith("0002"))).toMatchObject({
    given: ["spot"],
    said: null,
  })
  expect(suspects.find(({ sample }) => sample.endsWith("0012"))).toMatchObject({ given: [], said: "spot" })
}, 60_000)

test("labels without boxes teach too", async () => {
  const at = await bundle(first.map((n) => sampleOf(n, "image")))
  await trainBundle(at, () => {})
  const model = await openModel(join(at, "model.onnx"))
  for (const n of second.filter((n) => parts[n]!.kind)) {
    expect((await model.inspect({ path: parts[n]!.path })).verdict.eval).not.toBe("ok")
  }
  await model.release()
}, 30_000)

test("without a single defect the bank alone still works and calls what it finds unknown", async () => {
  const good = first.filter((n) => !parts[n]!.kind)
  const at = await bundle(good.map((n) => sampleOf(n, "boxes")))
  const { contract } = await trainBundle(at, () => {})
  expect(contract.classes.map(({ key }) => key)).toEqual(["ok"])
  const model = await openModel(join(at, "model.onnx"))
  const scores: { ok: number[]; ng: number[] } = { ok: [], ng: [] }
  for (const n of second) {
    const { verdict, findings } = await model.inspect({ path: parts[n]!.path })
    scores[parts[n]!.kind ? "ng" : "ok"].push(verdict.score ?? Number.NaN)
    expect(findings.every(({ kind }) => kind === "unknown")).toBe(true)
  }
  expect(auroc(scores.ok, scores.ng)).toBeGreaterThan(0.95)
  await model.release()
}, 30_000)

test("where it is asked for, a model on whole numbers comes beside, with thresholds of its own and the same verdicts", async () => {
  const recipe = { ...job.recipe, params: { ...job.recipe.params, int8: true } }
  const at = await bundle(
    first.map((n) => sampleOf(n, "boxes")),
    { ...job, recipe },
  )
  const { metrics, contract } = await trainBundle(at, () => {})
  const whole = await readWholeNumbers(at)
  expect(metrics.int8_parity_max).toBeLessThan(2e-3)
  expect(whole?.contract.provenance.backbone?.name).toBe("nanodet-g-int8")
  expect(whole?.contract.provenance.backbone?.taps).toEqual(contract.provenance.backbone?.taps)
  expect(whole?.size).toBe(metrics.int8_model_bytes)
  expect(lookAtModel(await Bun.file(whole?.path ?? "").bytes()).source).toBe("crux")
  const model = await openModel(whole?.path ?? "")
  for (const n of second) {
    const { verdict } = await model.inspect({ path: parts[n]!.path })
    expect(verdict.eval).not.toBe(parts[n]!.kind ? "ok" : "ng")
  }
  await model.release()
}, 60_000)

test("too few good parts, a wrong recipe and a broken line are refused with the reason", async () => {
  const bad = first.filter((n) => parts[n]!.kind).map((n) => sampleOf(n, "boxes"))
  expect(trainBundle(await bundle(bad), () => {})).rejects.toThrow("at least 4 readable good images")
  const recipe = { ...job.recipe, params: { side: 100 } }
  expect(trainBundle(await bundle(bad, { ...job, recipe }), () => {})).rejects.toMatchObject({
    code: "training_invalid",
  })
  const at = await bundle(bad)
  await writeFile(join(at, "samples.jsonl"), "{}\n")
  expect(trainBundle(at, () => {})).rejects.toThrow("samples.jsonl:1")
})

test("an unreadable image is counted and left out, not fatal", async () => {
  const samples = first.map((n) => sampleOf(n, "boxes"))
  samples[0] = { ...samples[0]!, path: "gone.jpg" }
  const { metrics } = await trainBundle(await bundle(samples), () => {})
  expect([metrics.images, metrics.unreadable]).toEqual([21, 1])
}, 30_000)

test("a model trained on another backbone runs the same way", async () => {
  const data = sharedData()
  if (!data) return
  const onnx = `${data}/backbone/mobilenetv2-imagenet-fp32.onnx`
  const contract = join(dir, "mobilenet.json")
  await writeFile(contract, JSON.stringify((await loadBackbone(onnx)).contract))
  const at = await bundle(
    first.map((n) => sampleOf(n, "boxes")),
    { ...job, backbone: { onnx, contract } },
  )
  const result = await trainBundle(at, () => {})
  expect(result.contract.inputs[0]?.color).toBe("RGB")
  expect(result.contract.provenance.backbone?.name).toBe("mobilenetv2-imagenet")
  expect((await ensureBackbone()).onnx).not.toBe(onnx)
}, 30_000)
