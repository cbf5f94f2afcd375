import { expect, test } from "bun:test"
import { createHash } from "node:crypto"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import type { TrainingJobSpec, TrainingSample } from "#contract/training"
import { openModel } from "#models/infer/session"
import { auroc } from "#models/statistics.rules"
import { trainBundle } from "#models/trainer/worker"
import { type ImageItem, readImageFolder } from "../../edge/simulator/images.ts"
import { createPartPainter } from "../../edge/simulator/part.ts"
import type { Stream } from "../../edge/simulator/part-id.ts"
import { createScenario, drawScenarioPart } from "../../edge/simulator/scenario.ts"
import { jpegOf, sharedData, tempDir } from "./kit.ts"

/** Floors lie a few points below what was measured: they catch a trainer that got worse, not noise. */
type Part = {
  path: string
  part: string
  width: number
  height: number
  defects: ImageItem["defects"]
}

const isGood = (part: Part) => part.defects.length === 0

async function trained(parts: readonly Part[], params: Record<string, unknown> = {}): Promise<string> {
  const dir = await tempDir()
  const kinds = [...new Set(parts.flatMap((part) => part.defects.map(({ kind }) => kind)))].sort()
  const spec: TrainingJobSpec = {
    v: 1,
    job_id: "01920000-0000-7000-8000-000000000000",
    recipe: { id: "patch", version: 1, params },
    task: "anomaly",
    seed: 1,
    classes: kinds.map((key, i) => ({ id: i + 1, key })),
    dataset: "0".repeat(64),
    budget: { max_minutes: 5 },
    target: { escape: 0.02, overkill: 0.02 },
  }
  const samples = parts.map(({ path, part, width, height, defects }, n): TrainingSample => {
    const boxes = defects.flatMap(({ kind, box }) => (box ? [{ kind, box }] : []))
    const verdict = defects.length > 0 ? "ng" : "ok"
    return {
      id: `01920000-0000-7000-8000-${String(n).padStart(12, "0")}`,
      sha256: createHash("sha256").update(path).digest("hex"),
      path,
      w: width,
      h: height,
      split: "train",
      group: part,
      label: { verdict, kinds: [...new Set(defects.map(({ kind }) => kind))], boxes },
    }
  })
  await writeFile(join(dir, "job.json"), JSON.stringify(spec))
  await writeFile(join(dir, "samples.jsonl"), samples.map((sample) => JSON.stringify(sample)).join("\n"))
  await trainBundle(dir, () => {})
  return join(dir, "model.onnx")
}

/** Figures on parts the trainer never saw, as shares. */
async function measured(model: string, parts: readonly Part[]) {
  const opened = await openModel(model)
  const seen: { ng: boolean; score: number; said: string }[] = []
  for (const part of parts) {
    const { verdict } = await opened.inspect({ path: part.path })
    seen.push({ ng: !isGood(part), score: verdict.score ?? Number.NaN, said: verdict.eval })
  }
  await opened.release()
  const [good, bad] = [seen.filter(({ ng }) => !ng), seen.filter(({ ng }) => ng)]
  const share = (of: typeof seen, said: string) => of.filter((one) => one.said === said).length / of.length
  const scores = (of: typeof seen) => of.map(({ score }) => score)
  return {
    auroc: auroc(scores(good), scores(bad)) ?? 0,
    escape: share(bad, "ok"),
    overkill: share(good, "ng"),
    asked: share(good, "undecidable"),
  }
}

/** The first `counts` good and bad simulated parts of a stream. */
async function drawn(stream: Stream, counts: { good: number; bad: number }): Promise<Part[]> {
  const dir = await tempDir()
  const scenario = createScenario({
    seed: 11,
    new_kind_from: 1,
    least_severity: 0.4,
    products: { flange: 1 },
  })
  const painter = createPartPainter({ width: 640, height: 480 })
  const parts: Part[] = []
  for (let [n, good, bad] = [1, 0, 0]; good < counts.good || bad < counts.bad; n++) {
    const plan = scenario.part(stream, n)
    const isOk = plan.verdict === "ok"
    if (isOk ? good >= counts.good : bad >= counts.bad) continue
    if (isOk) good++
    else bad++
    const { frame, truth } = drawScenarioPart(painter, plan)
    const path = join(dir, `${n}.jpg`)
    await writeFile(path, await jpegOf({ raw: frame.data, width: frame.width, height: frame.height }))
    parts.push({ path, part: plan.part_id, width: frame.width, height: frame.height, defects: truth.defects })
  }
  return parts
}

test("simulated parts: good ones alone find most defects, labels leave next to none", async () => {
  const params = { side: 320, bank_rows: 400, taps: [["s8", "s16"]] }
  const references = await drawn("warmup", { good: 18, bad: 0 })
  const unseen = await drawn("unseen", { good: 20, bad: 20 })
  const blind = await measured(await trained(references, params), unseen)
  expect(blind.auroc).toBeGreaterThan(0.9)
  expect(blind.escape).toBeLessThanOrEqual(0.2)
  expect(blind.overkill).toBeLessThanOrEqual(0.05)
  expect(blind.asked).toBeLessThanOrEqual(0.4)
  const labelled = [...references, ...(await drawn("line/1", { good: 6, bad: 20 }))]
  const taught = await measured(await trained(labelled, params), unseen)
  expect(taught.auroc).toBeGreaterThan(0.9)
  expect(taught.escape).toBeLessThanOrEqual(0.1)
  expect(taught.overkill).toBeLessThanOrEqual(0.05)
}, 60_000)

for (const { folder, floor, passed } of [
  { folder: "cookies", floor: 0.95, passed: 0.3 },
  { folder: "magnetic-tile", floor: 0.75, passed: 0.5 },
]) {
  test(`${folder}: good photographs alone rank defects first and do not pass most of them`, async () => {
    const data = sharedData()
    if (!data) return
    const { items } = await readImageFolder(join(data, folder), 1)
    const blind = await measured(
      await trained(items.filter(({ split }) => split === "warmup")),
      items.filter(({ split }) => split === "golden"),
    )
    expect(blind.auroc).toBeGreaterThan(floor)
    expect(blind.escape).toBeLessThanOrEqual(passed)
    expect(blind.overkill).toBeLessThanOrEqual(0.05)
  }, 60_000)
}
