import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { ModelContract } from "#contract/model"
import { ensureBackbone } from "#models/backbone/convert"
import { selfCommand } from "#models/child"
import { sessionOptions } from "#models/infer/session"
import { loadOrt } from "#models/native"
import { createGraph } from "#models/onnx/graph"
import { appendFragment, cutTrunk } from "#models/onnx/trunk"
import { preprocess } from "#models/preprocess"
import { openAsset } from "#platform/assets"
import { systemIds } from "#platform/ids"
import { createLog } from "#platform/log"
import { openSqlite } from "#platform/sqlite.bun"
import { createHourlyCapsStore } from "../../edge/hourly-caps.store.ts"
import { childInspectors } from "../../edge/inspector.child.ts"
import type { Picture } from "../../edge/inspector.ts"
import { createLive } from "../../edge/live.ts"
import { openOutbox } from "../../edge/outbox/outbox.ts"
import { createOutputs } from "../../edge/outputs/outputs.ts"
import { createRecorder } from "../../edge/recorder.ts"
import { firstSampling } from "../../edge/sampling.rules.ts"
import { prepareSchema } from "../../edge/schema.ts"
import { runStation, type Shot } from "../../edge/station.ts"
import { createStatistics } from "../../edge/statistics.ts"
import { createWatch } from "../../edge/surroundings.ts"
import { createHubClock } from "../../edge/uplink/hub-clock.ts"
import { type BenchRow, inTurns, median, row } from "./row.ts"

const frameSize = { width: 1280, height: 960 }
const framesPerRound = 40
const rounds = 5

/**
 * Throughput of an edge station from raw frame to committed record (child process, resize, model, verdict, output,
 * outbox with JPEG of what the policy keeps) as a share of bare onnxruntime on the same frames' tensors. Both run one
 * session with one thread, turn by turn, so that a busy machine slows both.
 */
export async function benchPipeline(sides: readonly number[] = [224, 320, 416]): Promise<BenchRow[]> {
  await ensureBackbone()
  const rows: BenchRow[] = []
  for (const side of sides) rows.push(await benchModel(side))
  return rows
}

async function benchModel(side: number): Promise<BenchRow> {
  const folder = await mkdtemp(join(tmpdir(), "crux-bench-"))
  try {
    const contract = contractFor(side)
    const path = join(folder, "model.onnx")
    await writeFile(path, await trunkModel(contract))
    const pictures = Array.from({ length: 4 }, (_, i) => noisePicture(i))
    const bare = await openBare(path, contract, pictures)
    const station = await openStation(folder, path, contract, pictures)
    try {
      await bare(5)
      await station.run(5)
      const perSecond = (ms: number) => (framesPerRound * 1000) / ms
      const measured = await inTurns(rounds, {
        reference: async () => perSecond(await bare(framesPerRound)),
        ours: async () => perSecond(await station.run(framesPerRound)),
      })
      const ms = (1000 / median(measured.reference)).toFixed(0)
      const name = `edge station, ${side}x${side} model of ${ms} ms, ${frameSize.width}x${frameSize.height} raw frames`
      return row(name, "frames/s", measured, "onnxruntime alone, tensors ready, 1 thread")
    } finally {
      await station.close()
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** The shipped backbone with a mean and a sigmoid on top: the work of a real model, the score of none. */
async function trunkModel(contract: ModelContract): Promise<Uint8Array> {
  const backbone = await openAsset("pretrained/nanodet-g.onnx")
  if (!backbone) throw new Error("pretrained/nanodet-g.onnx is not in this build")
  const head = createGraph("bench_")
  const mean = head.node("ReduceMean", ["s32"], { keepdims: 0 })
  head.node("Sigmoid", [mean], {}, ["score"])
  head.output("score", [])
  head.meta("crux.contract", JSON.stringify(contract))
  return appendFragment(cutTrunk(backbone, ["s32"]), head.fragment())
}

function contractFor(side: number): ModelContract {
  return {
    v: 1,
    task: "anomaly",
    inputs: [
      {
        name: "image",
        dtype: "f32",
        layout: "NCHW",
        color: "BGR",
        resize: { mode: "stretch", w: side, h: side, interp: "bilinear", antialias: true },
        scale: 1,
        mean: [103.53, 116.28, 123.675],
        std: [57.375, 57.12, 58.395],
      },
    ],
    outputs: [{ name: "score", role: "score" }],
    decode: { type: "crux_patch" },
    classes: [{ id: 0, key: "ok", verdict: "OK" }],
    // Everything OK: the policy of a healthy line, where 1 part in 20 keeps its image.
    thresholds: { t_low: 1.1, t_high: 1.2 },
    score: { direction: "higher_is_ng", raw: false },
    provenance: { recipe: "bench" },
  }
}

/** Runs `count` inferences on prepared tensors and answers the milliseconds. */
async function openBare(path: string, contract: ModelContract, pictures: readonly Picture[]) {
  const ort = await loadOrt()
  const session = await ort.InferenceSession.create(path, sessionOptions)
  const input = contract.inputs[0]
  if (!input) throw new Error("the contract has no input")
  const tensors = await Promise.all(
    pictures.map(async (picture) => {
      const { data, dims } = await preprocess(picture, input)
      return new ort.Tensor("float32", data as Float32Array, dims)
    }),
  )
  return async (count: number): Promise<number> => {
    const started = performance.now()
    for (let i = 0; i < count; i++) {
      const tensor = tensors[i % tensors.length]
      if (tensor) await session.run({ [input.name]: tensor }, ["score"])
    }
    return performance.now() - started
  }
}

/** A station without hub: everything between camera and outbox is the real thing. */
async function openStation(
  folder: string,
  path: string,
  contract: ModelContract,
  pictures: readonly Picture[],
) {
  const sqlite = openSqlite(join(folder, "edge.db"))
  prepareSchema(sqlite)
  const log = createLog({ level: "error", subject: "bench", write: console.error, now: Date.now })
  const outbox = await openOutbox({
    sqlite,
    folder: join(folder, "outbox"),
    boot: systemIds.random(8),
    quota: 2 ** 30,
    now: Date.now,
  })
  const open = childInspectors(selfCommand("worker", "infer"))
  const inspector = await open(path, { timeoutMs: 30_000, thresholds: contract.thresholds })
  const live = createLive(() => {})
  const sha = "0".repeat(64)
  live.swap({ slot: { line: "bench", release: 1, manifest: sha, digest: sha, since: 0 }, inspector })
  const recorder = createRecorder({
    outbox,
    sampling: () => firstSampling,
    kept: createHourlyCapsStore(sqlite),
    hubClock: createHubClock({ now: Date.now }),
    now: Date.now,
    random: Math.random,
    log,
    onStored: () => {},
  })

  async function* shots(count: number): AsyncGenerator<Shot> {
    for (let i = 0; i < count; i++) {
      const picture = pictures[i % pictures.length]
      if (!picture) return
      const part = { part_id: `part-${i}`, simulated: true }
      yield { picture, id: systemIds.uuid(), at: Date.now(), triggered: performance.now(), part }
    }
  }

  return {
    run: async (count: number): Promise<number> => {
      const started = performance.now()
      const output = createOutputs({ drivers: [], watch: createWatch({ now: Date.now }) })
      const statistics = createStatistics()
      const onTrial = () => false
      const shadow = { look: () => undefined }
      await runStation({ shots: shots(count), live, onTrial, output, recorder, shadow, statistics, log })
      await recorder.drain()
      return performance.now() - started
    },
    close: async () => {
      await inspector.close()
      sqlite.close()
    },
  }
}

function noisePicture(seed: number): Picture {
  const { width, height } = frameSize
  const raw = new Uint8Array(width * height * 3)
  // Smooth, as a part under a lamp is: pure noise would make the JPEG ten times as dear as any real one.
  for (let i = 0; i < raw.length; i++) raw[i] = 128 + 60 * Math.sin((i % (width * 3)) / (300 + seed * 50))
  return { raw, width, height, channels: 3 }
}

if (import.meta.main) {
  console.table(await benchPipeline())
  process.exit(0)
}
