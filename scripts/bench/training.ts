import { createHash } from "node:crypto"
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { TrainingJobSpec, TrainingSample } from "#contract/training"
import { loadBackbone } from "#models/backbone/backbone"
import { ensureBackbone } from "#models/backbone/convert"
import { selfCommand } from "#models/child"
import { openEmbedder } from "#models/embed/embedder"
import { sessionOptions } from "#models/infer/session"
import { loadOrt, loadSharp } from "#models/native"
import { createGraph } from "#models/onnx/graph"
import { appendFragment, cutTrunk } from "#models/onnx/trunk"
import { type Frame, preprocess } from "#models/preprocess"
import { inputFor } from "#models/trainer/extractor"
import { createPartPainter } from "../../edge/simulator/part.ts"
import { createScenario, drawScenarioPart } from "../../edge/simulator/scenario.ts"
import { createTrainerChild } from "../../hub/training/trainer.child.ts"
import { type BenchRow, inTurns, row } from "./row.ts"

const counts = { good: 150, bad: 50 }
const size = { width: 640, height: 480 }
/** What a worker who has labelled until the break should wait for a new model at most. */
const limitS = 60
const picturesPerRound = 30
/** Edge of the embedder's input. */
const side = 224

type Drawn = { path: string; raw: Uint8Array; sample: TrainingSample }

/**
 * The embedded trainer as the hub starts it, from 200 labelled pictures to a model with parity checked; and the embeddings
 * of the same pictures beside onnxruntime that runs the same trunk on tensors that are ready.
 */
export async function benchTraining(): Promise<BenchRow[]> {
  const dir = await mkdtemp(join(tmpdir(), "crux-bench-"))
  try {
    const parts = await drawParts(dir)
    return [...(await benchEmbeddings(parts)), await benchCandidate(dir, parts)]
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

async function benchCandidate(dir: string, parts: readonly Drawn[]): Promise<BenchRow> {
  const kinds = [...new Set(parts.flatMap(({ sample }) => sample.label.kinds))].sort()
  const spec: TrainingJobSpec = {
    v: 1,
    job_id: "01920000-0000-7000-8000-000000000000",
    recipe: { id: "patch", version: 1, params: {} },
    task: "anomaly",
    seed: 1,
    classes: kinds.map((key, i) => ({ id: i + 1, key })),
    dataset: "0".repeat(64),
    budget: { max_minutes: 20 },
    target: { escape: 0.02, overkill: 0.02 },
  }
  await writeFile(join(dir, "job.json"), JSON.stringify(spec))
  await writeFile(join(dir, "samples.jsonl"), parts.map(({ sample }) => JSON.stringify(sample)).join("\n"))
  const train = createTrainerChild({ command: selfCommand("worker", "train") })
  const started = performance.now()
  const failed = await train(dir, () => {}).ended
  const value = (performance.now() - started) / 1000
  if (failed !== null) throw new Error(failed)
  const { metrics } = JSON.parse(await readFile(join(dir, "manifest.json"), "utf8"))
  return {
    name: `${parts.length} labelled pictures to a candidate (held-out AUROC ${metrics.oof_auroc.toFixed(3)})`,
    value,
    unit: "s",
    reference: limitS,
    ratio: limitS / value,
    against: "the limit",
  }
}

async function benchEmbeddings(parts: readonly Drawn[]): Promise<BenchRow[]> {
  const files = await ensureBackbone()
  const backbone = await loadBackbone(files.onnx, files.contract)
  const embedder = await openEmbedder(backbone)
  const ort = await loadOrt()
  const taps = Object.values(backbone.contract.taps).filter(({ stride }) => stride >= 8)
  const trunk = cutTrunk(
    backbone.bytes,
    taps.map(({ tensor }) => tensor),
  )
  const outputs = createGraph("bench_")
  for (const { tensor, stride, channels } of taps)
    outputs.output(tensor, [1, channels, side / stride, side / stride])
  const session = await ort.InferenceSession.create(appendFragment(trunk, outputs.fragment()), sessionOptions)
  const input = inputFor(backbone, { w: side, h: side })
  const some = parts.slice(0, picturesPerRound)
  const tensors = await Promise.all(
    some.map(async ({ raw }) => {
      const { data, dims } = await preprocess({ raw, ...size, channels: 3 }, input)
      return new ort.Tensor("float32", data as Float32Array, dims)
    }),
  )
  const perSecond = async (one: (i: number) => Promise<unknown>) => {
    const started = performance.now()
    for (let i = 0; i < some.length; i++) await one(i)
    return (some.length * 1000) / (performance.now() - started)
  }
  const bare = () => perSecond((i) => session.run({ [input.name]: tensors[i]! }))
  const all = async (frames: Frame[]) => {
    const started = performance.now()
    await embedder.embedAll(frames)
    return (frames.length * 1000) / (performance.now() - started)
  }
  const frames = () => all(some.map(({ raw }) => ({ raw, ...size, channels: 3 })))
  const encoded = () => all(some.map(({ path }) => ({ path })))
  await bare()
  await frames()
  const against = "onnxruntime alone, tensors ready, 1 thread"
  const rows = [
    row(
      "embeddings, 640x480 raw",
      "pictures/s",
      await inTurns(5, { reference: bare, ours: frames }),
      against,
    ),
    row(
      "embeddings, 640x480 JPEG",
      "pictures/s",
      await inTurns(5, { reference: bare, ours: encoded }),
      against,
    ),
  ]
  await session.release()
  await embedder.release()
  return rows
}

/** Simulated parts of one product with the labels a careful person would give. */
async function drawParts(dir: string): Promise<Drawn[]> {
  const scenario = createScenario({ seed: 5, new_kind_from: 1, least_severity: 0.3, products: { flange: 1 } })
  const painter = createPartPainter(size)
  const sharp = await loadSharp()
  const parts: Drawn[] = []
  for (let [n, good, bad] = [1, 0, 0]; good < counts.good || bad < counts.bad; n++) {
    const plan = scenario.part("line/1", n)
    const isOk = plan.verdict === "ok"
    if (isOk ? good >= counts.good : bad >= counts.bad) continue
    if (isOk) good++
    else bad++
    const { frame, truth } = drawScenarioPart(painter, plan)
    const path = join(dir, `${n}.jpg`)
    const raw = Uint8Array.from(frame.data)
    await sharp(raw, { raw: { ...size, channels: 3 } })
      .jpeg({ quality: 92 })
      .toFile(path)
    const boxes = truth.defects.flatMap(({ kind, box }) => (box ? [{ kind, box }] : []))
    const sample: TrainingSample = {
      id: `01920000-0000-7000-8000-${String(n).padStart(12, "0")}`,
      sha256: createHash("sha256").update(path).digest("hex"),
      path,
      w: size.width,
      h: size.height,
      split: "train",
      group: plan.part_id,
      label: {
        verdict: isOk ? "ok" : "ng",
        kinds: [...new Set(truth.defects.map(({ kind }) => kind))],
        boxes,
      },
    }
    parts.push({ path, raw, sample })
  }
  return parts
}
